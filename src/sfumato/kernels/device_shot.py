"""One picture and the way back from it on a torch device: what a fit on a GPU draws with."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import ArrayLike

from sfumato.camera import Camera
from sfumato.kernels import autograd3d
from sfumato.kernels.splats3d import Gradient3D, Rendering3D
from sfumato.splats import Float32Array, Splats3D

_NAMES = ("mean", "rotation", "scale", "opacity", "sh")


class DeviceShot:
    """`splats3d.Shot`, drawn by gsplat on a CUDA device (see `cuda.render3d`) or by the package's kernels on the CPU.

    Raises: SettingsError with the reason if a GPU is asked for and gsplat does not work there.
    """

    def __init__(
        self, splats: Splats3D, camera: Camera, *, background: ArrayLike | None = None, device: str = "cuda"
    ) -> None:
        self._tensors = [
            torch.tensor(getattr(splats, name), dtype=torch.float32, device=device, requires_grad=True)
            for name in _NAMES
        ]
        mean, rotation, scale, opacity, sh = self._tensors
        self._made = autograd3d.render3d(mean, rotation, scale, opacity, sh, camera, background=background)
        color, alpha, depth = (
            part.detach().cpu().numpy() for part in (self._made.color, self._made.alpha, self._made.depth)
        )
        self.rendering = Rendering3D(color, alpha, depth)

    def gradient(self, d_color: Float32Array) -> Gradient3D:
        """From the gradient for colours, [H, W, 3], to those for the splats; once for each shot."""
        slope = torch.from_numpy(np.ascontiguousarray(d_color, np.float32)).to(self._made.color.device)
        self._made.color.backward(slope)  # type: ignore[no-untyped-call]
        found = [*self._tensors, self._made.screen]
        return Gradient3D(
            *(np.zeros(tuple(one.shape), np.float32) if one.grad is None else one.grad.cpu().numpy() for one in found)
        )
