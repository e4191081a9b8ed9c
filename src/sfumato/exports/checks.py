"""What every scene format asks of the splats it stores."""

from __future__ import annotations

import os

import numpy as np

from sfumato.errors import OutputError
from sfumato.splats import Splats3D


def check_splats(splats: Splats3D, path: str | os.PathLike[str]) -> None:
    """Raises OutputError that names `path` unless there are splats and all their values have a meaning.

    Positions and harmonics must be finite, scales finite and > 0, opacities within 0..1, quaternions not zero.
    """
    if not len(splats):
        raise OutputError(f"cannot write '{os.fspath(path)}': there are no splats; this format cannot store nothing")
    length = np.linalg.norm(splats.rotation, axis=1)
    good = {
        "positions that are not finite": np.isfinite(splats.mean).all(axis=1),
        "harmonics that are not finite": np.isfinite(splats.sh).all(axis=(1, 2)),
        "scales that are not finite and above 0": ((splats.scale > 0) & np.isfinite(splats.scale)).all(axis=1),
        "opacities outside 0..1": (splats.opacity >= 0) & (splats.opacity <= 1),
        "rotations of zero or infinite length": (length > 0) & np.isfinite(length),
    }
    for what, mask in good.items():
        if not mask.all():
            raise OutputError(
                f"cannot write '{os.fspath(path)}': splat {int(np.argmin(mask)):,} and {int((~mask).sum()) - 1:,} "
                f"others have {what}; leave them out first"
            )
