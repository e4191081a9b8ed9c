"""The 3D splat kernels and the loss as differentiable torch functions: the CPU's kernels, or gsplat's on a GPU.

Nothing that decodes imports this module.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from numpy.typing import ArrayLike

from sfumato.camera import Camera
from sfumato.kernels import cuda, loss, splats3d
from sfumato.splats import Splats3D

_NAMES = ("mean", "rotation", "scale", "opacity", "sh")


@dataclass(frozen=True)
class Rendering3D:
    """A differentiable picture: color [H, W, 3], alpha [H, W], depth [H, W] as `splats3d.Rendering3D` has them.

    screen: [N] zeros whose gradient, after the loss went backward, is `splats3d.Gradient3D.screen`.
    """

    color: torch.Tensor
    alpha: torch.Tensor
    depth: torch.Tensor
    screen: torch.Tensor


class _Render3D(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, camera: Camera, options: dict[str, Any], *tensors: torch.Tensor) -> tuple[torch.Tensor, ...]:
        # The shot reads the tensors' own memory when it goes back; saving them makes torch notice changes before that.
        ctx.save_for_backward(*tensors[:5])
        splats = Splats3D(*(tensor.detach().contiguous().numpy() for tensor in tensors[:5]))
        ctx.shot = splats3d.Shot(splats, camera, **options)
        made = ctx.shot.rendering
        return tuple(torch.from_numpy(part) for part in (made.color, made.alpha, made.depth))

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        _ = ctx.saved_tensors
        found = ctx.shot.gradient(*(part.contiguous().numpy() for part in gradients))
        return (None, None, *(torch.from_numpy(getattr(found, name)) for name in (*_NAMES, "screen")))


def render3d(
    mean: torch.Tensor,
    rotation: torch.Tensor,
    scale: torch.Tensor,
    opacity: torch.Tensor,
    sh: torch.Tensor,
    camera: Camera,
    *,
    background: ArrayLike | None = None,
    antialias: bool = False,
    near: float = splats3d.NEAR,
) -> Rendering3D:
    """The picture of 3D splats, differentiable once in all five tensors (see `splats3d.gradient`).

    mean [N, 3], rotation [N, 4], scale [N, 3], opacity [N] and sh [N, K, 3], as in `Splats3D`: float32 tensors of one
    device. On the CPU the package's own kernels work, on a GPU those of gsplat (see `cuda.render3d`).

    Raises TypeError for other types and mixed devices, ValueError for other shapes, RuntimeError with the reason if a
    GPU is asked for and gsplat does not work there.
    """
    tensors = (mean, rotation, scale, opacity, sh)
    for name, tensor in zip(_NAMES, tensors, strict=True):
        if not isinstance(tensor, torch.Tensor) or tensor.dtype != torch.float32 or tensor.device != mean.device:
            got = f"{tensor.dtype} on {tensor.device}" if isinstance(tensor, torch.Tensor) else type(tensor).__name__
            raise TypeError(f"{name} must be a float32 tensor on the device of the others, not {got}")
    screen = torch.zeros(len(mean), device=mean.device, requires_grad=torch.is_grad_enabled())
    options: dict[str, Any] = {"background": background, "antialias": antialias, "near": near}
    if mean.device.type == "cpu":
        parts = _Render3D.apply(camera, options, *tensors, screen)  # type: ignore[no-untyped-call]
    elif mean.device.type == "cuda":
        parts = cuda.render3d(tensors, screen, camera, **options)
    else:
        raise TypeError(f"splats are drawn on the CPU or a CUDA device, not on {mean.device}")
    return Rendering3D(parts[0], parts[1], parts[2], screen)


class _L1Ssim(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, image: torch.Tensor, target: torch.Tensor, weight: float) -> torch.Tensor:
        found = loss.l1_ssim(image.detach().numpy(), target.detach().numpy(), weight=weight)
        ctx.gradient = torch.from_numpy(found.gradient)
        return torch.tensor(found.value)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        return ctx.gradient * gradients[0], None, None


def l1_ssim(image: torch.Tensor, target: torch.Tensor, *, weight: float = loss.SSIM_WEIGHT) -> torch.Tensor:
    """`loss.l1_ssim` of two pictures [H, W, C], differentiable once in `image`: float32 tensors on the CPU."""
    for name, tensor in (("image", image), ("target", target)):
        if not isinstance(tensor, torch.Tensor) or tensor.device.type != "cpu" or tensor.dtype != torch.float32:
            got = f"{tensor.dtype} on {tensor.device}" if isinstance(tensor, torch.Tensor) else type(tensor).__name__
            raise TypeError(f"{name} must be a float32 tensor on the CPU, not {got}")
    value: torch.Tensor = _L1Ssim.apply(image, target, weight)  # type: ignore[no-untyped-call]
    return value
