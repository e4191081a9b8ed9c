"""SOG, PlayCanvas' Spatially Ordered Gaussians, versions 1 and 2: meta.json and lossless WebP planes.

Facts after the format's specification (developer.playcanvas.com, "The SOG Format"); version 1 after the behaviour of
published readers. A splat is the same pixel of every plane. The values, and so the axes, are those of the PLY files of
3DGS: x right, y down, z forward.
"""

from __future__ import annotations

import io
import math
import os
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from sfumato.errors import InputError
from sfumato.sources.checked import Scene, check_count
from sfumato.sources.opening import BROKEN
from sfumato.sources.quaternions import from_smallest_three
from sfumato.sources.sog_members import MAX_MEMBER_BYTES, META, Read, open_members, read_json
from sfumato.splats import SH_COEFFICIENTS, Splats3D

MAX_PIXELS = 1 << 24
"""Larger planes are refused before they are decoded: so many splats take 4 GB with harmonics of degree 3."""

_PALETTE_WIDTH = 64  # entries of the palette in one row of its image
_MAX_PALETTE = 1 << 16  # labels have 16 bits
_FIRST_TAG = 252  # the largest component of a quaternion: 252 w, 253 x, 254 y, 255 z
_FORMATS = ("WEBP", "PNG")
_MAX_LOG = 80.0  # logarithms of what float32 holds lie within +-87

Plane = NDArray[np.uint8]


def read_sog(path: str | os.PathLike[str], *, repair: bool = False) -> Scene:
    """Read the SOG at `path`: a .sog (zip), the folder of an unpacked one, or the meta.json in it.

    The order of the splats is that of the file. Scales beyond e^-80..e^80 are clipped to that range.

    Raises: InputError that names the file, the member and what is wrong: no such file, a zip or picture that is
    damaged, more than `MAX_PIXELS` pixels, values outside what the format allows, a newer version, or a rotation
    without a valid tag unless `repair` leaves such splats out.
    """
    path = Path(path)
    with open_members(path) as read:
        sog = _Sog(path, read)
        packed = sog.plane("quats", 0)[: sog.count]
        splats, good = sog.splats(packed), packed[:, 3] >= _FIRST_TAG
    if not good.all() and (not repair or not good.any()):
        raise sog.wrong(
            f"row {int(np.argmin(good)):,} and {int((~good).sum()) - 1:,} others of {sog.count:,} have no tag 252..255 "
            "as alpha; the picture was perhaps saved with loss, or leave them out by --repair (repair=True)",
            sog.file("quats", 0),
        )
    dropped = int((~good).sum())
    return Scene(splats[good] if dropped else splats, f"SOG {sog.version}", sog.meta.get("antialias") is True, dropped)


class _Sog:
    """One data set: typed access to meta.json and the planes it names."""

    def __init__(self, path: Path, read: Read) -> None:
        self.path, self.read = path, read
        self.meta_name = path.name if path.suffix.lower() == ".json" else META
        self.meta = read_json(path, self.meta_name, read)
        if "lodLevels" in self.meta:
            raise InputError(f"cannot read '{path}': it is a chain of SOGs; name the meta.json of one of them")
        self.version = self.meta.get("version", 1)
        if self.version not in (1, 2):
            raise self.wrong(f"SOG version {self.version!r} is not known, only 1 and 2")
        shape = [self.meta.get("count")] if self.version == 2 else self.part("means").get("shape")
        count = shape[0] if isinstance(shape, list) and shape else None
        if not isinstance(count, int) or isinstance(count, bool):
            raise self.wrong(f"the number of splats is {count!r}, not a whole number")
        check_count(path, count)
        self.count = count

    def splats(self, packed: Plane) -> Splats3D:
        """All splats; `packed` are the pixels of their rotations."""
        color = self.plane("sh0", 0)[: self.count]
        bands = [self.values("sh0", color[:, :3])[:, None], *self.higher_bands()]
        if self.version == 2:
            opacity = color[:, 3] / np.float32(255)
        else:
            with np.errstate(over="ignore"):  # exp of a large logit: opacity 0
                opacity = 1 / (1 + np.exp(-self.ranges("sh0", 4, color)[:, 3]))
        scale = np.exp(np.clip(self.values("scales", self.plane("scales", 0)[: self.count, :3]), -_MAX_LOG, _MAX_LOG))
        return Splats3D(
            self.means(), _rotations(packed), scale, opacity.astype(np.float32), np.concatenate(bands, axis=1)
        )

    def means(self) -> NDArray[np.float32]:
        low, high = (self.plane("means", k)[: self.count, :3].astype(np.uint16) for k in (0, 1))
        lows, highs = (self.numbers("means", key, 3) for key in ("mins", "maxs"))
        if np.abs([lows, highs]).max() > _MAX_LOG:
            raise self.wrong(f"means.mins and means.maxs are logarithms and must lie within +-{_MAX_LOG:g}")
        logs = lows + (highs - lows) * ((low | high << 8) / 65535)
        means: NDArray[np.float32] = (np.sign(logs) * np.expm1(np.abs(logs))).astype(np.float32)
        return means

    def higher_bands(self) -> list[NDArray[np.float32]]:
        """Nothing, or the harmonics above degree 0, [N, K - 1, 3]."""
        if self.meta.get("shN") is None or self.part("shN").get("bands") == 0:
            return []
        image = self.image("shN", 0)
        per_entry = image.shape[1] // _PALETTE_WIDTH
        if per_entry + 1 not in SH_COEFFICIENTS[1:] or image.shape[1] % _PALETTE_WIDTH:
            raise self.wrong(f"a palette cannot be {image.shape[1]} pixels wide", self.file("shN", 0))
        bands = self.part("shN").get("bands", SH_COEFFICIENTS.index(per_entry + 1))
        if bands != SH_COEFFICIENTS.index(per_entry + 1):
            raise self.wrong(f"shN.bands is {bands!r}, the palette is {image.shape[1]} pixels wide")
        entries = image[..., :3].reshape(-1, per_entry, 3)[:_MAX_PALETTE]
        labels = self.plane("shN", 1)[: self.count, :2].astype(np.uint16)
        chosen = labels[:, 0] | labels[:, 1] << 8
        count = self.part("shN").get("count", len(entries))
        if not isinstance(count, int):
            raise self.wrong(f"shN.count is {count!r}, not a number of palette entries")
        if chosen.max() >= min(count, len(entries)):
            raise self.wrong(
                f"label {int(chosen.max()):,} is beyond the palette of {min(count, len(entries)):,} entries",
                self.file("shN", 1),
            )
        return [self.values("shN", entries)[chosen]]

    def values(self, name: str, indices: Plane) -> NDArray[np.float32]:
        """The numbers that 8-bit `indices` [..., 3] of plane `name` stand for."""
        if self.version == 1:
            return self.ranges(name, 1 if name == "shN" else indices.shape[-1], indices)
        codebook = self.codebook(name)
        if indices.max(initial=0) >= len(codebook):
            raise self.wrong(f"index {int(indices.max())} is beyond {name}.codebook of {len(codebook)} entries")
        found: NDArray[np.float32] = codebook.astype(np.float32)[indices]
        return found

    def ranges(self, name: str, count: int, indices: Plane) -> NDArray[np.float32]:
        """Version 1: 8-bit `indices` spread evenly between the minima and maxima of their channels."""
        lows, highs = (self.numbers(name, key, -1) for key in ("mins", "maxs"))
        if len(lows) < count or len(highs) != len(lows):
            raise self.wrong(f"{name}.mins and {name}.maxs need {count} numbers each")
        lows, highs = (ends[: indices.shape[-1]] for ends in (lows, highs))
        return (lows + (highs - lows) * (indices / 255)).astype(np.float32)

    def codebook(self, name: str) -> NDArray[np.float64]:
        found = self.part(name).get("codebook")
        if isinstance(found, list) and len(found) == 256 and found[0] is None and isinstance(found[1], int | float):
            # Some writers stored the logarithm of a zero as null; published readers extrapolate it like this.
            found = [found[1] + (found[1] - (found[255] or 0)) / 255, *found[1:]]
            self.part(name)["codebook"] = found
        return self.numbers(name, "codebook", -1)

    def numbers(self, name: str, key: str, count: int) -> NDArray[np.float64]:
        """`count` finite numbers from meta.json, 1..256 of them if -1; a bare number counts as one."""
        found = self.part(name).get(key)
        listed = found if isinstance(found, list) else [found]
        right = len(listed) == count if count > 0 else 1 <= len(listed) <= 256
        if not right or not all(isinstance(v, int | float) and not isinstance(v, bool) for v in listed):
            raise self.wrong(f"{name}.{key} must be {count if count > 0 else '1..256'} numbers")
        try:
            array = np.array(listed, np.float64)
        except OverflowError:
            array = np.array([np.inf])
        if not (np.abs(array) < 1e30).all():
            raise self.wrong(f"{name}.{key} must be finite numbers")
        return array

    def plane(self, name: str, index: int) -> Plane:
        """The pixels of a plane with one pixel per splat, [H * W, 4]."""
        image = self.image(name, index)
        pixels = image.reshape(-1, 4)
        if len(pixels) < self.count:
            height, width = image.shape[:2]
            raise self.wrong(f"{width} x {height} pixels do not hold {self.count:,} splats", self.file(name, index))
        return pixels

    def image(self, name: str, index: int) -> Plane:
        """A picture as RGBA, [H, W, 4]; its size is checked before it is decoded."""
        file = self.file(name, index)
        data = self.read(file, MAX_MEMBER_BYTES)
        try:
            with warnings.catch_warnings():
                # The cap of this module, which does not depend on the one of Pillow, decides right after.
                warnings.simplefilter("ignore", Image.DecompressionBombWarning)
                picture = Image.open(io.BytesIO(data), formats=_FORMATS)
            if picture.width * picture.height > MAX_PIXELS:
                raise self.wrong(f"it has {picture.width} x {picture.height} pixels, the limit is {MAX_PIXELS:,}", file)
            if picture.mode not in ("RGB", "RGBA"):
                raise self.wrong(f"it has the pixels {picture.mode}, not 8-bit RGB or RGBA", file)
            return np.asarray(picture.convert("RGBA"))
        except Image.DecompressionBombError:
            raise self.wrong(f"it has far more than {MAX_PIXELS:,} pixels", file) from None
        except UnidentifiedImageError:
            raise self.wrong("it is not a whole WebP or PNG", file) from None
        except BROKEN as error:
            raise self.wrong(f"the picture is truncated or damaged ({str(error).strip('. ')})", file) from None

    def file(self, name: str, index: int) -> str:
        files = self.part(name).get("files")
        if not isinstance(files, list) or len(files) <= index or not isinstance(files[index], str):
            raise self.wrong(f"{name}.files must name {index + 1} or more pictures")
        found: str = files[index]
        return found

    def part(self, name: str) -> dict[str, Any]:
        found = self.meta.get(name)
        if not isinstance(found, dict):
            raise self.wrong(f"'{name}' is missing or is not an object")
        return found

    def wrong(self, what: str, member: str = "") -> InputError:
        return InputError(f"cannot read '{self.path}': {member or self.meta_name}: {what}; export it again")


def _rotations(packed: Plane) -> NDArray[np.float32]:
    largest = np.maximum(packed[:, 3], _FIRST_TAG) - _FIRST_TAG
    rotation = from_smallest_three(largest, (packed[:, :3] / 255 * 2 - 1) * math.sqrt(0.5))
    # The three may be longer than 1 by their rounding, or because nothing in the format forbids it.
    unit: NDArray[np.float32] = rotation / np.linalg.norm(rotation, axis=1, keepdims=True)
    return unit
