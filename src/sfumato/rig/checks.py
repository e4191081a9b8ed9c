"""What a rig and the arguments of a pose must be; SettingsError names what they are not."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sfumato.errors import SettingsError
from sfumato.rig.arkit import ARKIT_NAMES

if TYPE_CHECKING:
    from sfumato.rig.model import Rig

_SKIN_TOLERANCE = 1e-3  # how far from 1 a row of skinning weights may sum: float32 rounding and some room


def check_rig(rig: Rig) -> None:
    """Raise SettingsError for the first field that contradicts another one or is out of range."""
    _check_shapes(rig)
    _check_indices(rig)
    _check_names(rig)


def numbers(what: str, value: ArrayLike) -> NDArray[np.float64]:
    """`value` as float64, every one finite."""
    try:
        array = np.asarray(value, np.float64)
    except (TypeError, ValueError):
        raise SettingsError(f"{what} must be numbers; got {type(value).__name__}") from None
    if not np.isfinite(array).all():
        raise SettingsError(f"{what} must be finite numbers")
    return array


def common_frames(arrays: Iterable[NDArray[np.float64]], own_axes: int) -> tuple[int, ...]:
    """() if no array has more axes than its own, else (T,), of which all that have it must have the same."""
    frames = {array.shape[: array.ndim - own_axes] for array in arrays if array.ndim > own_axes}
    if len(frames) > 1 or any(len(shape) > 1 for shape in frames):
        raise SettingsError(f"the arguments have different numbers of frames: {sorted(map(list, frames))}")
    return frames.pop() if frames else ()


def checked_array(name: str, value: Any, dtype: type[np.generic]) -> NDArray[Any]:
    """`value` as a contiguous array of a type: every value finite, and whole if the type is."""
    try:
        with np.errstate(over="ignore", invalid="ignore"):  # named below
            array = np.atleast_1d(np.asarray(value))
            converted = np.ascontiguousarray(array, dtype)
    except (TypeError, ValueError):
        raise SettingsError(f"a rig's {name} must be an array of numbers; got {type(value).__name__}") from None
    bad = ~np.isfinite(converted) if np.issubdtype(dtype, np.floating) else converted != array
    if bad.any():
        row = int(np.argmax(bad.reshape(len(bad), -1).any(axis=1)))
        what = "finite" if np.issubdtype(dtype, np.floating) else f"a whole number in the range of {np.dtype(dtype)}"
        raise SettingsError(f"a rig's {name}: row {row:,} (counted from 0) is not {what}")
    return converted


def listed(names: Iterable[Any], most: int = 8) -> str:
    """The names in one line, the first `most` of them in full."""
    words = [str(name) for name in names]
    return ", ".join(words[:most]) + (f" and {len(words) - most:,} more" if len(words) > most else "")


def _check_shapes(rig: Rig) -> None:
    v, f, j = len(rig.vertices), len(rig.faces), len(rig.joints)
    wanted: dict[str, tuple[int, ...]] = {
        "vertices": (v, 3), "faces": (f, 3), "shapes": (len(rig.shape_names), v, 3), "parents": (j,),
        "joints": (len(rig.joint_names), 3), "skin": (v, j), "joint_regressor": (j, v),
        "correctives": (9 * (j - 1), v, 3), "uv_faces": (f, 3), "region": (v,),
    }  # fmt: skip
    for name, shape in wanted.items():
        value = getattr(rig, name)
        if value is not None and value.shape != shape:
            raise SettingsError(f"a rig's {name} must be {list(shape)}; got {list(value.shape)}")
    if not (v and f and j):
        raise SettingsError(f"a rig needs vertices, faces and a joint; got {v}, {f} and {j}")
    if (rig.uv is None) != (rig.uv_faces is None) or (rig.uv is not None and rig.uv.shape[1:] != (2,)):
        raise SettingsError("a rig needs both uv [U, 2] and uv_faces [F, 3], or none of them")
    if (rig.region is None) != (not rig.regions):
        raise SettingsError("a rig needs both regions and region, or none of them")


def _check_indices(rig: Rig) -> None:
    limits = [("faces", len(rig.vertices), "vertices")]
    if rig.uv is not None:
        limits.append(("uv_faces", len(rig.uv), "uv"))
    for name, count, of in limits:
        index = getattr(rig, name)
        bad = ((index < 0) | (index >= count)).any(axis=1)
        if bad.any():
            face = int(np.argmax(bad))
            raise SettingsError(
                f"a rig's {name}: face {face:,} is {index[face].tolist()}, but there are {count:,} {of}"
            )
    if rig.region is not None and rig.region.max() >= len(rig.regions):
        raise SettingsError(f"a rig's region: vertices of part {rig.region.max()}, but {len(rig.regions)} names")
    before = np.arange(len(rig.parents))
    if rig.parents[0] != -1 or (rig.parents[1:] < 0).any() or (rig.parents >= before).any():
        raise SettingsError("a rig's parents: -1 for joint 0, and for any other a joint that comes before it")
    wrong = (rig.skin < 0).any(axis=1) | (np.abs(rig.skin.sum(axis=1) - 1) > _SKIN_TOLERANCE)
    if wrong.any():
        raise SettingsError(
            f"a rig's skin: the weights of vertex {int(np.argmax(wrong)):,} are negative or do not sum to 1"
        )


def _check_names(rig: Rig) -> None:
    for name in ("shape_names", "joint_names"):
        names = getattr(rig, name)
        if len(set(names)) != len(names):
            raise SettingsError(f"a rig's {name} must differ; got {listed(names)}")
    for name, response in rig.arkit.items():
        strangers = {shape for shape, _ in response.shapes} - set(rig.shape_names)
        strangers |= {joint for joint, _ in response.turns} - set(rig.joint_names)
        if name not in ARKIT_NAMES or strangers:
            raise SettingsError(f"a rig's arkit: '{name}' is not a name of ARKit, or moves what is not there")
