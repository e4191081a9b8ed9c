"""Triangle meshes to pixels: which face a camera sees in every pixel, and where on it."""

from __future__ import annotations

import ctypes
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sfumato.camera import Camera
from sfumato.kernels import reference_mesh
from sfumato.kernels.library import native
from sfumato.kernels.native import _function, address

NEAR = 0.01
"""World units; what is nearer to the camera's plane is not seen."""


@dataclass(frozen=True)
class MeshRendering:
    """What a camera sees of a mesh.

    face: int32 [H, W], the number of the nearest face at the pixel's centre, -1 where there is none.
    barycentric: float32 [H, W, 3], the weights of its three corners in space (not on the screen), which add up to 1;
        0 where there is no face.
    depth: float32 [H, W], along the view in world units; infinite where there is no face.
    """

    face: NDArray[np.int32]
    barycentric: NDArray[np.float32]
    depth: NDArray[np.float32]


def render_mesh(vertices: ArrayLike, faces: ArrayLike, camera: Camera, *, near: float = NEAR) -> MeshRendering:
    """The faces that `camera` sees, from both sides.

    vertices: [V, 3] in world units. faces: [F, 3], numbers of vertices.

    A closed mesh has no holes: a pixel's centre on a shared edge belongs to exactly one of its faces. Of faces at the
    same depth the first wins. Parts nearer than `near` are cut away. The same input gives the same arrays, whatever the
    number of threads. Raises ValueError for other shapes, vertices that are not finite and faces beyond them.
    """
    corners, numbers = np.asarray(vertices, np.float64), np.asarray(faces)
    if corners.ndim != 2 or corners.shape[1] != 3 or numbers.ndim != 2 or numbers.shape[1] != 3:
        raise ValueError(f"a mesh needs vertices [V, 3] and faces [F, 3], not {corners.shape} and {numbers.shape}")
    if not np.isfinite(corners).all():
        raise ValueError("a mesh needs finite vertices")
    if numbers.size and not (np.issubdtype(numbers.dtype, np.integer) and numbers.min() >= 0):
        raise ValueError("faces are whole numbers from 0")
    if numbers.size and numbers.max() >= len(corners):
        raise ValueError(f"a face names vertex {numbers.max()}, and there are {len(corners)}")
    if not near > 0:
        raise ValueError(f"the near plane must lie in front of the camera, not at {near:g}")
    seen = reference_mesh.to_camera(corners, camera)
    if native() is None:
        return MeshRendering(*reference_mesh.render_mesh(seen, numbers.astype(np.int64), camera, near))
    return _render_native(seen, np.ascontiguousarray(numbers, np.int32), camera, near)


def _render_native(seen: NDArray[np.float64], faces: NDArray[np.int32], camera: Camera, near: float) -> MeshRendering:
    """`reference_mesh.render_mesh` through the C ABI, on one thread and without a lock: threads can share work."""
    shape = camera.height, camera.width
    face, depth = np.full(shape, -1, np.int32), np.full(shape, np.inf)
    barycentric = np.zeros((*shape, 3), np.float32)
    view = np.array([camera.fx, camera.fy, camera.cx, camera.cy, near], np.float64)
    points = np.ascontiguousarray(seen)
    pointer, number = ctypes.c_void_p, ctypes.c_int32
    call = _function("sfu_render_mesh", *[pointer] * 2, ctypes.c_int64, pointer, number, number, *[pointer] * 3)
    call(
        *(address(points), address(faces), len(faces), address(view), camera.width, camera.height),
        *(address(face), address(barycentric), address(depth)),
    )
    return MeshRendering(face, barycentric, depth.astype(np.float32))
