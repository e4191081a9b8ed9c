"""Writes what the viewer's tests expect of files: `PYTHONPATH=src:tests python viewer/test/make_expected.py`.

good: for every golden file that decodes, after every chunk, the bytes so far, the splats to be drawn and the SHA-256 of
their numbers, float32 little-endian, as the compiled decoder gives them. Rows of an image (xy, chol, color) come in the
order of the file, those of a scene (mean, rotation, scale, opacity, harmonics) in the order of their bytes, because a
viewer may keep them in any order. Integers have their digests beside the golden files.

mutants: golden files with other bytes in the payload of one chunk and right checksums: the error that the decoder
raises, if any, and what is drawn then. Many of them decode to numbers that no encoder makes.

Of avatars, expected_avatars.json: mutants as above, with the digests of tests/golden/avatar/digests.py in the place of
what is drawn; and poses: some of the splats that a prefix of a golden file shows in an expression.
"""

from __future__ import annotations

import hashlib
import json
import random
import struct
from pathlib import Path
from typing import Any

import numpy as np
from golden.avatar.digests import rig_digest, tree_digest

from sfumato.container import crc32c
from sfumato.errors import FormatError
from sfumato.kernels.library import native
from sfumato.media.avatar.asset import AvatarAsset
from sfumato.media.avatar.decoder import AvatarDecoder, AvatarState
from sfumato.media.avatar.model import Avatar, Parameters, Pose
from sfumato.media.image.decoder import ImageDecoder
from sfumato.media.scene.decoder import SceneDecoder
from sfumato.splats import Splats3D

GOLDEN = Path(__file__).parents[2] / "tests" / "golden"
OUTPUT = Path(__file__).parent / "expected.json"
OUTPUT_AVATARS = Path(__file__).parent / "expected_avatars.json"

_MUTANTS = 200
_HEADER = 70  # bytes of a payload in which half of the changes lie: its numbers and models, rather than its stream
_SAMPLES = 7  # splats of a pose that are compared


def ends(data: bytes) -> list[int]:
    """The byte at which every chunk ends."""
    found, end = [], 8
    while end < len(data):
        end += 14 + int.from_bytes(data[end + 6 : end + 10], "little")
        found.append(end)
    return found


def drawn(decoder: ImageDecoder | SceneDecoder | AvatarDecoder) -> dict[str, int | str]:
    """How many splats are drawn, and their digest; of an avatar the digests of its rig and its forest."""
    if isinstance(decoder, AvatarDecoder):
        rig = "" if decoder.rig is None else rig_digest(decoder.rig)[:32]
        tree = "" if decoder._known is None else tree_digest(decoder._known)[:32]
        return {"splats": int(np.count_nonzero(decoder.shown)), "rig": rig, "tree": tree}
    splats = decoder.splats
    fields = [np.asarray(value, "<f4") for value in vars(splats).values()]
    rows = [b"".join(field[i].tobytes() for field in fields) for i in range(len(splats))]
    if isinstance(decoder, SceneDecoder):
        rows.sort()
    return {"splats": len(rows), "sha256": hashlib.sha256(b"".join(rows)).hexdigest()[:32]}


def decoder_of(name: str) -> ImageDecoder | SceneDecoder | AvatarDecoder:
    """A decoder for a golden file."""
    if name.startswith("avatar/"):
        return AvatarDecoder(name)
    return SceneDecoder(name) if name.startswith("scene/") else ImageDecoder(name)


def prefixes(name: str) -> list[dict[str, int | str]]:
    """What is drawn after every chunk of a golden file."""
    data, decoder, found, before = (GOLDEN / name).read_bytes(), decoder_of(name), [], 0
    for end in ends(data):
        decoder.feed(data[before:end])
        before = end
        found.append({"bytes": end, **drawn(decoder)})
    decoder.close()
    return found


def mutant(name: str, random_: random.Random) -> dict[str, Any]:
    """A golden file with one, two or four other bytes, and what the decoder makes of it."""
    data = bytearray((GOLDEN / name).read_bytes())
    starts = [8, *ends(data)]
    chunk = random_.randrange(1, len(starts) - 1)
    start, end = starts[chunk] + 10, starts[chunk + 1] - 4
    changes = []
    for _ in range(random_.choice((1, 1, 2, 4))):
        at = random_.randrange(start, min(end, start + _HEADER) if random_.random() < 0.5 else end)
        data[at] = random_.choice((0, 127, 128, 255, random_.randrange(256)))
        changes.append([at, data[at]])
    struct.pack_into("<I", data, end, crc32c(bytes(data[starts[chunk] : end])))
    decoder, error = decoder_of(name), None
    try:
        decoder.feed(bytes(data))
        decoder.close()
    except FormatError as caught:
        error = type(caught).__name__
    return {"name": name, "start": starts[chunk], "end": end, "changes": changes, "error": error, **drawn(decoder)}


def expected() -> dict[str, Any]:
    """The output; files are named by their path below the golden files."""
    if native() is None:
        raise SystemExit("the compiled kernels are missing: make native")
    folders = {"": GOLDEN, "scene/": GOLDEN / "scene"}
    names = [
        prefix + name
        for prefix, folder in folders.items()
        for name in json.loads((folder / "expected.json").read_text())["decodes"]
    ]
    random_ = random.Random(1)
    mutants = [mutant(random_.choice(names), random_) for _ in range(_MUTANTS)]
    return {"good": {name: prefixes(name) for name in names}, "mutants": mutants}


def expected_avatars() -> dict[str, Any]:
    """The output about avatars."""
    decodes = json.loads((GOLDEN / "avatar" / "expected.json").read_text())["decodes"]
    names = [f"avatar/{name}" for name in decodes]
    random_ = random.Random(2)
    mutants = [mutant(random_.choice(names), random_) for _ in range(_MUTANTS)]
    return {"mutants": mutants, "poses": [pose for name in names for pose in poses(name)]}


def poses(name: str) -> list[dict[str, Any]]:
    """A golden file at rest, with an expression, and with turns as well: the base level, half of it and all of it."""
    asset = AvatarAsset.open(GOLDEN / name)
    lengths = [prefix.length for prefix in asset.prefixes]
    found = []
    for length in sorted({lengths[0], lengths[len(lengths) // 2], lengths[-1]}):
        for told in expressions(asset):
            posed = asset.pose(told["weights"], rotations=told["rotations"], translation=told["translation"])
            budget = f"{length} bytes"
            shown = posed.splats(budget)
            which = np.unique(np.linspace(0, len(shown) - 1, _SAMPLES).astype(int))
            keys = ("mean", "rotation", "scale") if told["weights"] else vars(shown)  # the others never change
            fields = {key: [rounded(value) for value in getattr(shown, key)[which].ravel()] for key in keys}
            place = {"name": name, "bytes": length, "count": len(shown), "which": which.tolist()}
            found.append(place | told | fields | {"rounding": rounding(asset.state(budget), posed.mesh(budget), shown)})
    return found


def expressions(asset: AvatarAsset) -> list[dict[str, Any]]:
    """What the avatar is told, with names that it has."""
    rest: dict[str, Any] = {"weights": {}, "rotations": {}, "translation": [0.0, 0.0, 0.0]}
    if asset.reference is not None:
        return [rest]
    shapes = dict(zip(asset.rig.shape_names, (0.8, -0.3, 0.5, 1.2, 0.25), strict=False))
    smile = rest | {"weights": {"jawOpen": 0.6, "eye_look_in_left": 0.7, "brow_down_left": 0.4, **shapes}}
    turned = smile | {"weights": {**smile["weights"], "headYaw": 25.0, "head_pitch": -12.0, "headRoll": 6.0}}
    if (joint := asset.rig.joint_names[-1]) != asset.rig.head_joint:
        turned["rotations"] = {joint: [0.2, -0.3, 0.1]}
    return [rest, smile, turned | {"translation": [0.01, -0.02, 0.05]}]


def rounding(state: AvatarState, mesh: np.ndarray, shown: Splats3D) -> list[float]:
    """How far means, rotations and scales are from those in float64, in parts of the largest number: of slivers,
    and of splats far from their faces, float32 leaves less."""
    given = {name: value.astype(np.float64) for name, value in vars(state.avatar.parameters).items()}
    exact = Pose(Avatar(state.avatar.forest, Parameters(**given)), mesh.astype(np.float64)).part(state.shown)
    found = []
    for one, other in ((shown.mean, exact.mean.T), (shown.rotation, exact.quaternion.T), (shown.scale, exact.scale.T)):
        way = np.sign(np.sum(one * other, axis=1, keepdims=True)) if one.shape[1] == 4 else 1
        found.append(float(f"{np.abs(one - way * other).max() / np.abs(other).max():.1e}"))
    return found


def rounded(value: np.float32) -> float:
    """The shortest number that is this float32."""
    return float(str(value))


def lines(value: Any, depth: int) -> str:
    """JSON with a line for every item of the outermost `depth` containers."""
    if depth == 0 or "changes" in value or "which" in value:
        return json.dumps(value)
    if isinstance(value, dict):
        items = [f"{json.dumps(name)}: {lines(item, depth - 1)}" for name, item in value.items()]
    else:
        items = [lines(item, depth - 1) for item in value]
    first, last = "{}" if isinstance(value, dict) else "[]"
    return first + "\n" + ",\n".join(items) + "\n" + last


if __name__ == "__main__":
    OUTPUT.write_text(lines(expected(), 3) + "\n")
    OUTPUT_AVATARS.write_text(lines(expected_avatars(), 3) + "\n")
