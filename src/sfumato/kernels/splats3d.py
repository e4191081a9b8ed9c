"""3D splats to pixels and back: pictures, importance, gradients. The compiled kernels, or numpy where they miss.

A splat's alpha in a pixel is `min(0.99, opacity exp(-q/2))`, skipped below 1/255, with q the squared distance of the
pixel's centre from the splat's in units of its covariance on the screen, to which 0.3 pixels^2 are added. Splats are
blended nearest first, in sRGB, until the transmittance would fall to 1e-4. `reference3d` says it in numbers.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from sfumato.camera import Camera
from sfumato.kernels import reference3d, reference3d_gradient
from sfumato.kernels.library import native
from sfumato.kernels.native3d import Frame
from sfumato.splats import Float32Array, Splats3D

NEAR = 0.01
"""World units; splats whose centres are nearer to the camera's plane are absent."""


@dataclass(frozen=True)
class Rendering3D:
    """A picture of 3D splats.

    color: float32 [H, W, 3], sRGB, 1.0 is full; over the background, or multiplied by alpha where there is none.
    alpha: float32 [H, W], 0..1, how much of the background is covered.
    depth: float32 [H, W], the sum of weights times depths, in world units along the view; divided by alpha it is the
        mean depth.
    weight: float32 [N], every splat's sum of `alpha * transmittance` over the pixels, if asked for.
    """

    color: Float32Array
    alpha: Float32Array
    depth: Float32Array
    weight: Float32Array | None = None


@dataclass(frozen=True)
class Weights:
    """How much splats add to a set of views; a weight is alpha times the transmittance in front, per pixel.

    total: float32 [N], sum over all pixels of all views. view: [N], the largest sum over one view. peak: [N], the
    largest weight in one pixel of any view, 0..0.99.
    """

    total: Float32Array
    view: Float32Array
    peak: Float32Array


@dataclass(frozen=True)
class Gradient3D:
    """Gradients of a loss with respect to the fields of `Splats3D`, in their shapes, and a measure for densification.

    rotation: with respect to the quaternion as stored: it has no part along the quaternion, on whose length the picture
        does not depend.
    scale, opacity: with respect to the values themselves, not to their logarithm or logit.
    screen: float32 [N], the norm of the gradient by the centre on the screen, in units of half the picture's size
        (x by W/2, y by H/2), as 3DGS's densification threshold of 0.0002 expects it.
    """

    mean: Float32Array
    rotation: Float32Array
    scale: Float32Array
    opacity: Float32Array
    sh: Float32Array
    screen: Float32Array


def render(
    splats: Splats3D,
    camera: Camera,
    *,
    background: ArrayLike | None = None,
    antialias: bool = False,
    near: float = NEAR,
    weights: bool = False,
) -> Rendering3D:
    """The picture of `splats` from `camera`.

    background: colour [3] behind the splats; None is transparent.
    antialias: multiply opacities by `sqrt(det / det after dilation)`, so that small splats do not grow (Mip-Splatting,
        arXiv 2311.16493, as gsplat does it); for splats that were trained so.
    near: see `NEAR`. weights: also return how much every splat adds; costs a little.

    What is wrong with one splat (a value that is not finite, a quaternion of length 0) makes that splat absent.
    """
    behind = _background(background)
    if native() is None:
        exact = reference3d.render(
            splats, camera, background=behind.astype(np.float64), antialias=antialias, near=_near(near)
        )
        color, alpha, depth, total, _ = (part.astype(np.float32) for part in exact)
        return Rendering3D(color, alpha, depth, total if weights else None)
    frame = Frame(splats, camera, near=_near(near), antialias=antialias)
    if weights:
        picture, gained, _ = frame.draw_weights(behind)
        return Rendering3D(*picture, gained)
    return Rendering3D(*frame.draw(behind))


def importance(
    splats: Splats3D, cameras: Iterable[Camera], *, antialias: bool = False, near: float = NEAR
) -> Float32Array:
    """Every splat's sum [N] of `alpha * transmittance` over all pixels of all cameras (see `measure` for more)."""
    return measure(splats, cameras, antialias=antialias, near=near).total


def measure(splats: Splats3D, cameras: Iterable[Camera], *, antialias: bool = False, near: float = NEAR) -> Weights:
    """How much every splat adds to the views of `cameras`."""
    total = np.zeros(len(splats))
    view, peak = np.zeros(len(splats), np.float32), np.zeros(len(splats), np.float32)
    for camera in cameras:
        if native() is None:
            exact = reference3d.render(splats, camera, background=None, antialias=antialias, near=_near(near))
            gained, most = exact[3].astype(np.float32), exact[4].astype(np.float32)
        else:
            gained, most = Frame(splats, camera, near=_near(near), antialias=antialias).weights()
        total += gained
        np.maximum(view, gained, out=view)
        np.maximum(peak, most, out=peak)
    return Weights(total.astype(np.float32), view, peak)


def gradient(
    splats: Splats3D,
    camera: Camera,
    d_color: Float32Array,
    d_alpha: Float32Array | None = None,
    d_depth: Float32Array | None = None,
    *,
    background: ArrayLike | None = None,
    antialias: bool = False,
    near: float = NEAR,
) -> Gradient3D:
    """Gradients of a loss in `render(splats, camera, ...)` called with the same options.

    d_color: [H, W, 3], d_alpha and d_depth: [H, W], the loss's gradients in every pixel; None is zero. That the cut-off
    moves with a splat is left out, as in every splatting fit; where alpha is capped, or a colour clamped at 0, nothing
    passes. To draw and differentiate without doing the projection twice use `Shot`.
    """
    shot = Shot(splats, camera, background=background, antialias=antialias, near=near)
    return shot.gradient(d_color, d_alpha, d_depth)


class Shot:
    """One picture and the way back from it: what one step of a fit needs.

    `rendering` is `render(splats, camera, ...)`; the arrays of `splats` must not change while the shot is used.
    """

    def __init__(
        self,
        splats: Splats3D,
        camera: Camera,
        *,
        background: ArrayLike | None = None,
        antialias: bool = False,
        near: float = NEAR,
    ) -> None:
        self.splats, self.camera = splats, camera
        self._background, self._antialias, self._near = _background(background), antialias, _near(near)
        self._frame: Frame | None = None
        if native() is None:
            self.rendering = render(splats, camera, background=background, antialias=antialias, near=near)
        else:
            self._frame = Frame(splats, camera, near=self._near, antialias=antialias)
            self.rendering = Rendering3D(*self._frame.draw(self._background))

    def gradient(
        self, d_color: Float32Array, d_alpha: Float32Array | None = None, d_depth: Float32Array | None = None
    ) -> Gradient3D:
        """See `gradient`."""
        shape = self.camera.height, self.camera.width
        given = [
            np.zeros(want, np.float32) if part is None else np.ascontiguousarray(part, np.float32)
            for part, want in ((d_color, (*shape, 3)), (d_alpha, shape), (d_depth, shape))
        ]
        if [part.shape for part in given] != [(*shape, 3), shape, shape]:
            raise ValueError(
                f"the gradients are d_color {[*shape, 3]}, d_alpha and d_depth {list(shape)}; "
                f"got {', '.join(str(list(part.shape)) for part in given)}"
            )
        if self._frame is None:
            d_picture = [part.astype(np.float64) for part in given]
            parts = reference3d_gradient.gradient(
                self.splats,
                self.camera,
                d_picture[0],
                d_picture[1],
                d_picture[2],
                background=self._background.astype(np.float64),
                antialias=self._antialias,
                near=self._near,
            )
            return Gradient3D(*(part.astype(np.float32) for part in parts))
        made = self.rendering
        picture = made.color, made.alpha, made.depth
        return Gradient3D(*self._frame.gradient(picture, (given[0], given[1], given[2])))


def _background(background: ArrayLike | None) -> Float32Array:
    color = np.zeros(3, np.float32) if background is None else np.ascontiguousarray(background, np.float32)
    if color.shape != (3,) or not np.isfinite(color).all():
        raise ValueError(f"a background is 3 finite numbers, not {background!r}")
    return color


def _near(near: float) -> float:
    if not 0 < near < np.inf:
        raise ValueError(f"the near plane lies in front of the camera, at a distance above 0, not {near!r}")
    return near
