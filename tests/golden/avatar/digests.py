"""What an avatar's decoder knows after every chunk, as digests: what must never change."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from sfumato.media.avatar.decoder import AvatarDecoder
from sfumato.media.avatar.known import Known
from sfumato.rig import ARKIT_NAMES, Rig


def digests(data: bytes) -> list[dict[str, int | str]]:
    """For every chunk: where it ends, the splats that are there by then, and SHA-256 of the rig and of the forest."""
    decoder, found, start = AvatarDecoder("avatar.sfu"), [], 0
    end = 8
    while end < len(data):
        end += 14 + int.from_bytes(data[end + 6 : end + 10], "little")
        decoder.feed(data[start:end])
        start = end
        known = decoder._known
        found.append(
            {
                "bytes": end,
                "splats": 0 if known is None else known.count,
                "rig": "" if decoder.rig is None else rig_digest(decoder.rig),
                "tree": "" if known is None else tree_digest(known),
            }
        )
    decoder.close()
    return found


def rig_digest(rig: Rig) -> str:
    """Of the names (UTF-8, each followed by a zero byte), of all arrays that there are (float32 and int32,
    little-endian) in the order below, and of the responses.

    Of each response: the number of the name, then of every shape its number and weight, then of every joint its number
    and turn, all as float32.
    """
    digest = hashlib.sha256()
    for name in (*rig.shape_names, *rig.joint_names):
        digest.update(name.encode() + b"\0")
    for whole in (rig.faces, rig.parents):
        digest.update(whole.astype("<i4").tobytes())
    for array in (rig.vertices, rig.joints, rig.skin, rig.joint_regressor, rig.shapes, rig.correctives):
        digest.update(b"" if array is None else array.astype("<f4").tobytes())
    for name, response in rig.arkit.items():
        numbers = [float(ARKIT_NAMES.index(name))]
        for shape, weight in response.shapes:
            numbers += [rig.shape_names.index(shape), weight]
        for joint, turn in response.turns:
            numbers += [rig.joint_names.index(joint), *turn]
        digest.update(np.array(numbers, "<f4").tobytes())
    return digest.hexdigest()


def tree_digest(known: Known) -> str:
    """Of the integers of the forest, see `integers_digest`."""
    return integers_digest((known.forest.is_split, known.there, known.shade, known.units, known.splits))


def integers_digest(arrays: Iterable[NDArray[np.generic]]) -> str:
    """Of the split faces [S], which faces have a splat (0 or 1) [N], their shades [N], their values in units
    [N, columns] and those of the splits [S, 9], int64 little-endian. Faces and splits are in the order of the format,
    values in that of its tables; what is not there is 0."""
    return hashlib.sha256(b"".join(array.astype("<i8").tobytes() for array in arrays)).hexdigest()
