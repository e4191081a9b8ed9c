"""What a camera sees of a triangle mesh, in numpy float64: the law for `native/mesh.cpp`.

Everything happens in the camera's coordinates, without a division before the last step. Along the ray `d` through a
pixel's centre the corner `a` of the triangle (a, b, c) has the barycentric weight `t d . (b x c) / det` with
`det = a . (b x c)`, and `t` is the depth at which the weights add up to 1 (Olano and Greer, Triangle Scan Conversion
using 2D Homogeneous Coordinates, 1997). `b x c` and `c x b` are each other's exact negative in floating point, so that
two triangles that share an edge agree on which of them a pixel belongs to; where a centre lies exactly on the edge it
belongs to the triangle on the right, or below (the top left rule). Triangles that cross the camera's plane need no
clipping: what lies nearer than `near` fails the test of depth.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from sfumato.camera import Camera

Float64Array = NDArray[np.float64]
Int64Array = NDArray[np.int64]

_PAIRS = 1 << 19  # of triangle and pixel at once: about 100 MB of temporary arrays
_MARGIN = 1e-3  # pixels around a triangle's bounds, far above what rounding moves its corners


def render_mesh(
    seen: Float64Array, faces: Int64Array, camera: Camera, near: float
) -> tuple[NDArray[np.int32], NDArray[np.float32], NDArray[np.float32]]:
    """See `mesh.render_mesh`: face [H, W], barycentric [H, W, 3] and depth [H, W].

    seen: the vertices [V, 3] in the camera's coordinates.
    """
    corners = seen[faces]  # [F, 3, 3]
    edges = _cross_products(corners)
    product = corners[:, 0] * edges[:, 0]
    volume = product[:, 0] + product[:, 1] + product[:, 2]
    edges *= np.sign(volume)[:, None, None]
    low, high = _bounds(corners, camera, near)
    count = np.where(volume != 0, np.prod(np.maximum(high - low, 0), axis=1), 0)
    face = np.full(camera.width * camera.height, -1, np.int32)
    depth = np.full(face.shape, np.inf)
    weights = np.zeros((face.size, 3))
    on_edge = _owns_edge(edges)
    for first, last in _blocks(count):
        number = np.repeat(np.arange(first, last), count[first:last])
        start = np.cumsum(count[first:last]) - count[first:last]
        inside = np.arange(len(number)) - start[number - first]
        row, column = np.divmod(inside, (high - low)[number, 0])
        x, y = column + low[number, 0], row + low[number, 1]
        ray = np.stack(
            [(x + 0.5 - camera.cx) / camera.fx, (y + 0.5 - camera.cy) / camera.fy, np.ones(len(x))], axis=1
        )  # [pairs, 3]
        side = (
            ray[:, None, 0] * edges[number, :, 0] + ray[:, None, 1] * edges[number, :, 1] + edges[number, :, 2]
        )  # [pairs, 3]
        hit = ((side > 0) | ((side == 0) & on_edge[number])).all(axis=1)
        number, side, pixel = number[hit], side[hit], (y * camera.width + x)[hit]
        total = (side[:, 0] + side[:, 1]) + side[:, 2]
        far = np.abs(volume[number]) / total
        kept = far >= near
        number, side, pixel, total, far = number[kept], side[kept], pixel[kept], total[kept], far[kept]
        order = np.lexsort((number, far, pixel))
        order = order[np.flatnonzero(np.diff(pixel[order], prepend=-1))]  # of every pixel the nearest
        order = order[far[order] < depth[pixel[order]]]
        pixel = pixel[order]
        face[pixel], depth[pixel] = number[order], far[order]
        weights[pixel] = side[order] / total[order, None]
    shape = camera.height, camera.width
    return face.reshape(shape), weights.astype(np.float32).reshape(*shape, 3), depth.astype(np.float32).reshape(shape)


def to_camera(vertices: Float64Array, camera: Camera) -> Float64Array:
    """The vertices [V, 3] in the camera's coordinates."""
    x, y, z = vertices.T
    rows = [r[0] * x + r[1] * y + r[2] * z + t for r, t in zip(camera.rotation, camera.translation, strict=True)]
    return np.stack(rows, axis=1)


def _cross_products(corners: Float64Array) -> Float64Array:
    """Of triangles [F, 3, 3] the products b x c, c x a, a x b, [F, 3, 3]."""
    b, c = corners[:, [1, 2, 0]], corners[:, [2, 0, 1]]
    return np.stack(
        [
            b[..., 1] * c[..., 2] - b[..., 2] * c[..., 1],
            b[..., 2] * c[..., 0] - b[..., 0] * c[..., 2],
            b[..., 0] * c[..., 1] - b[..., 1] * c[..., 0],
        ],
        axis=-1,
    )


def _owns_edge(edges: Float64Array) -> NDArray[np.bool_]:
    """Whether a triangle [F, 3] owns the pixels whose centres lie on its edge: those on its left and top."""
    x, y, z = np.moveaxis(edges, -1, 0)
    owned: NDArray[np.bool_] = (x > 0) | ((x == 0) & ((y > 0) | ((y == 0) & (z > 0))))
    return owned


def _bounds(corners: Float64Array, camera: Camera, near: float) -> tuple[Int64Array, Int64Array]:
    """The first pixel and the one after the last [F, 2] (column, row) that a triangle can cover.

    The whole picture for triangles that cross the near plane, nothing for those behind it.
    """
    size = np.array([camera.width, camera.height])
    depth = corners[..., 2]
    safe = np.where(depth >= near, depth, 1.0)[..., None]
    place = corners[..., :2] / safe * [camera.fx, camera.fy] + [camera.cx, camera.cy]  # [F, 3, 2]
    low = np.clip(np.ceil(place.min(axis=1) - 0.5 - _MARGIN), 0, size)
    high = np.clip(np.floor(place.max(axis=1) - 0.5 + _MARGIN) + 1, 0, size)
    crossing = (depth < near).any(axis=1)
    low[crossing], high[crossing] = 0, size
    high[(depth < near).all(axis=1)] = 0
    return low.astype(np.int64), high.astype(np.int64)


def _blocks(count: Int64Array) -> Iterator[tuple[int, int]]:
    """Runs of triangles, `count` pixels each, of about `_PAIRS` pixels together."""
    after = np.cumsum(count)
    first = 0
    while first < len(count) and after[-1] > (before := after[first] - count[first]):
        last = max(first + 1, int(np.searchsorted(after, before + _PAIRS, side="right")))
        yield first, last
        first = last
