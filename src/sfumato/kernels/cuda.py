"""3D splats on an NVIDIA GPU: gsplat (arXiv 2409.06765) behind the signature of the CPU's kernels.

gsplat is looked for when the first picture is asked for; where it does not work, the reason it gives is passed on. Up
to version 1.5 it caps alpha at 0.999 rather than 0.99; all other conventions are those of `reference3d`.
"""

from __future__ import annotations

import functools
import importlib
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike

from sfumato.camera import Camera
from sfumato.errors import SettingsError
from sfumato.kernels.reference3d import DILATION
from sfumato.splats import SH_COEFFICIENTS


@functools.cache
def _rasterization() -> Any:
    """gsplat's rasteriser; SettingsError with the reason if it does not work here."""
    advice = "or keep the tensors on the CPU"
    if not torch.cuda.is_available():
        built = torch.version.cuda
        reason = (
            f"torch {torch.__version__} sees no GPU" if built else f"torch {torch.__version__} is built without CUDA"
        )
        raise SettingsError(f"cannot draw on a GPU: {reason}; install the driver and a torch for it, {advice}")
    try:
        gsplat = importlib.import_module("gsplat")
        kernels = importlib.import_module("gsplat.cuda._backend")._C
    except Exception as error:  # whatever importing it or compiling its kernels raises is the reason
        raise SettingsError(
            f"cannot draw on a GPU: gsplat does not load ({type(error).__name__}: {error}); "
            f"pip install gsplat, {advice}"
        ) from error
    if kernels is None:
        raise SettingsError(
            "cannot draw on a GPU: gsplat found neither its compiled kernels nor a CUDA toolkit to compile them; "
            f"install nvcc or a wheel of gsplat with kernels, {advice}"
        )
    return gsplat.rasterization


def render3d(
    tensors: tuple[torch.Tensor, ...],
    screen: torch.Tensor,
    camera: Camera,
    *,
    background: ArrayLike | None,
    antialias: bool,
    near: float,
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Colour [H, W, 3], alpha [H, W] and depth [H, W]; `autograd3d.render3d` says what of.

    tensors: mean, rotation, scale, opacity and sh. screen: [N], gets the norms on the screen as its gradient when a
    loss goes backward.
    """
    mean, rotation, scale, opacity, sh = tensors
    view = np.eye(4)
    view[:3, :3], view[:3, 3] = camera.rotation, camera.translation
    inner = np.array([[camera.fx, 0, camera.cx], [0, camera.fy, camera.cy], [0, 0, 1]])
    drawn, alpha, found = _rasterization()(
        mean,
        rotation,
        scale,
        opacity,
        sh,
        torch.as_tensor(view[None], dtype=torch.float32, device=mean.device),
        torch.as_tensor(inner[None], dtype=torch.float32, device=mean.device),
        camera.width,
        camera.height,
        near_plane=near,
        eps2d=DILATION,
        sh_degree=SH_COEFFICIENTS.index(sh.shape[1]),
        packed=False,
        render_mode="RGB+D",
        rasterize_mode="antialiased" if antialias else "classic",
    )
    color, covered = drawn[0, :, :, :3], alpha[0, :, :, 0]
    if background is not None:
        behind = torch.as_tensor(np.asarray(background, np.float32), device=mean.device)
        color = color + (1 - covered)[..., None] * behind
    if found["means2d"].requires_grad:
        found["means2d"].register_hook(functools.partial(_note, screen, camera))
    return color, covered, drawn[0, :, :, 3]


def _note(screen: torch.Tensor, camera: Camera, gradient: torch.Tensor) -> None:
    """Adds the norms of the gradients [1, N, 2] by the centres on the screen to the gradient of `screen`."""
    half = torch.tensor([camera.width / 2, camera.height / 2], device=gradient.device)
    norm = (gradient[0] * half).norm(dim=-1)
    screen.grad = norm if screen.grad is None else screen.grad + norm
