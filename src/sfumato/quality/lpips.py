"""LPIPS, the learned perceptual distance (Zhang et al. 2018), where its package and weights are installed.

The networks are large and need torch, so that LPIPS stays an extra: everything here is loaded on first use, nothing is
ever downloaded, and where a piece is missing the distance is None and `reason` says which.
"""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sfumato.pixels import to_uint8

# The backbone files that torchvision keeps in torch's cache, by the name that the lpips package gives the network.
_BACKBONES = {"alex": "alexnet-", "vgg": "vgg16-", "squeeze": "squeezenet1_1-"}


class Lpips:
    """The LPIPS distance of version 0.1.

    network: "alex" (the one papers report), "vgg" or "squeeze".
    reason: why the distance is not available, a clause such as "the package lpips is not installed"; None if it is.
    """

    def __init__(self, network: str = "alex") -> None:
        if network not in _BACKBONES:
            raise ValueError(f"network must be one of {', '.join(_BACKBONES)}, not {network!r}")
        self.network = network
        self.reason: str | None = None
        self._torch: Any = None
        self._model: Any = None
        try:
            self._torch = importlib.import_module("torch")
            package = importlib.import_module("lpips")
        except ImportError as error:
            self.reason = f"the package {error.name or 'lpips'} is not installed"
            return
        except (RuntimeError, OSError) as error:  # torch and torchvision of releases that do not belong together
            self.reason = f"the package lpips cannot be imported ({error})"
            return
        cache = Path(self._torch.hub.get_dir()) / "checkpoints"
        if not any(cache.glob(f"{_BACKBONES[network]}*.pth")):
            self.reason = f"the weights {_BACKBONES[network]}*.pth are not in torch's cache"
            return
        try:
            self._model = package.LPIPS(net=network, version="0.1", verbose=False).eval()
        except Exception as error:  # whatever torch.load raises on a damaged file, pickle's errors among them
            self.reason = f"the weights cannot be loaded ({error})"

    def __call__(self, a: NDArray[Any], b: NDArray[Any]) -> float | None:
        """The distance of two pictures, 0 for equal ones, or None where LPIPS is not available.

        a, b: [H, W, C], floating point in 0..1 or uint8, compared as 8-bit values; grey counts as three equal channels
        and a picture with alpha is laid on black.
        """
        if self._model is None:
            return None
        with self._torch.inference_mode():
            return float(self._model(self._input(a), self._input(b)))

    def _input(self, pixels: NDArray[Any]) -> Any:
        """The network's input: a float32 tensor [1, 3, H, W] in -1..1."""
        seen = to_uint8(pixels).astype(np.float32) / 255
        if seen.shape[2] == 4:
            seen = seen[..., :3] * seen[..., 3:]
        planes = np.broadcast_to(seen.transpose(2, 0, 1), (3, *seen.shape[:2]))
        return self._torch.from_numpy(np.ascontiguousarray(planes * 2 - 1))[None]
