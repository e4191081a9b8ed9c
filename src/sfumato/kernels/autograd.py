"""The 2D splat kernels as a differentiable torch function, for fits whose loss is written in torch.

torch is imported here and nowhere else in this room but for the GPU kernels; nothing that decodes imports this module.
"""

from __future__ import annotations

from typing import Any

import torch

from sfumato.kernels import splats2d
from sfumato.splats import Splats2D


class _Render2D(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, xy: torch.Tensor, chol: torch.Tensor, color: torch.Tensor, width: int, height: int
    ) -> torch.Tensor:
        ctx.save_for_backward(xy, chol, color)
        return torch.from_numpy(splats2d.render(_splats(xy, chol, color), width, height))

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        splats = _splats(*ctx.saved_tensors)
        parts = splats2d.render_backward(splats, gradients[0].contiguous().numpy())
        return (*(torch.from_numpy(part) for part in parts), None, None)


def _splats(xy: torch.Tensor, chol: torch.Tensor, color: torch.Tensor) -> Splats2D:
    return Splats2D(*(tensor.detach().contiguous().numpy() for tensor in (xy, chol, color)))


def render2d(xy: torch.Tensor, chol: torch.Tensor, color: torch.Tensor, width: int, height: int) -> torch.Tensor:
    """The picture [height, width, C] of 2D splats, unclipped and differentiable once in all three tensors.

    xy: [N, 2], chol: [N, 3] and color: [N, C], as in `Splats2D`: float32 tensors on the CPU. The gradients are those of
    the splats inside their cut-off: that the cut-off itself moves with a splat is left out, as in every splatting fit.

    Raises TypeError for other types and devices, ValueError for other shapes or an empty canvas.
    """
    for name, tensor in (("xy", xy), ("chol", chol), ("color", color)):
        if not isinstance(tensor, torch.Tensor) or tensor.device.type != "cpu" or tensor.dtype != torch.float32:
            got = f"{tensor.dtype} on {tensor.device}" if isinstance(tensor, torch.Tensor) else type(tensor).__name__
            raise TypeError(f"{name} must be a float32 tensor on the CPU, not {got}")
    picture: torch.Tensor = _Render2D.apply(xy, chol, color, width, height)  # type: ignore[no-untyped-call]
    return picture
