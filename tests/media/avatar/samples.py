"""Small meshes, forests and avatars, and derivatives by differences."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sfumato.camera import Camera
from sfumato.kernels.reference3d import rotation_matrices
from sfumato.kernels.splats3d import render
from sfumato.media.avatar.forest import Forest
from sfumato.media.avatar.model import Avatar, Parameters
from sfumato.sources.capture import Capture, CaptureCamera, CaptureFrame
from sfumato.sources.capture_folder import Picture, write_capture

OCTAHEDRON = np.array([[1, 0, 0], [-1, 0, 0], [0, 1, 0], [0, -1, 0], [0, 0, 1], [0, 0, -1]], float)
OCTANTS = np.array([[0, 2, 4], [2, 1, 4], [1, 3, 4], [3, 0, 4], [2, 0, 5], [1, 2, 5], [3, 1, 5], [0, 3, 5]])


def sphere(halvings: int) -> tuple[NDArray[np.float64], NDArray[np.intp]]:
    """Vertices and faces of an octahedron whose faces are quartered some times and pushed out to radius 1."""
    vertices, faces = OCTAHEDRON, OCTANTS
    for _ in range(halvings):
        edges = np.sort(faces[:, [[0, 1], [1, 2], [2, 0]]], axis=2)
        ends, which = np.unique(edges.reshape(-1, 2), axis=0, return_inverse=True)
        (a, b, c), (ab, bc, ca) = faces.T, len(vertices) + which.reshape(-1, 3).T
        middle = vertices[ends].mean(axis=1)
        vertices = np.concatenate([vertices, middle / np.linalg.norm(middle, axis=1, keepdims=True)])
        faces = np.stack([a, ab, ca, ab, b, bc, ca, bc, c, ab, bc, ca], axis=1).reshape(-1, 3)
    return vertices, faces


def grown(forest: Forest, depth: int, share: float = 0.5, seed: int = 0) -> Forest:
    """The forest with a share of the leaves of each level split, down to a depth."""
    rng = np.random.default_rng(seed)
    for level in range(1, depth):
        leaves = forest.leaves(level)
        chosen = rng.choice(leaves, max(1, round(share * len(leaves))), replace=False)
        forest = forest.split(chosen).forest
    return forest


def dressed(forest: Forest, sh_degree: int = 0, seed: int = 0) -> Avatar:
    """An avatar whose parameters, in float64, are all unlike their neutral values."""
    rng = np.random.default_rng(seed)
    start = Avatar.start(forest, sh_degree).parameters
    values = [getattr(start, field.name) for field in fields(start)]
    return Avatar(forest, Parameters(*(value + rng.normal(0, 0.3, value.shape) for value in values)))


def bent(mesh: NDArray[np.float64], seed: int = 0) -> NDArray[np.float64]:
    """A deformed mesh."""
    return mesh + np.random.default_rng(seed).normal(0, 0.08, mesh.shape)


def rotation(seed: int = 0) -> NDArray[np.float64]:
    """A random rotation matrix."""
    return rotation_matrices(np.random.default_rng(seed).normal(size=(1, 4)))[0]


def slope(loss: Callable[[NDArray[np.float64]], float], at: NDArray[np.float64], step: float = 1e-6) -> NDArray:
    """The derivatives of a loss at an array, by differences."""
    found = np.zeros(at.shape)
    for index in np.ndindex(at.shape):
        up, down = at.copy(), at.copy()
        up[index] += step
        down[index] -= step
        found[index] = (loss(up) - loss(down)) / (2 * step)
    return found


class PaintedSphere:
    """A capture without files: a breathing sphere with a painted skin, seen by twelve cameras in four frames.

    What is painted are many small splats on a fine sphere, so that a fit on a coarse one has something to find.
    """

    size = (48, 40)

    def __init__(self) -> None:
        mesh, self.faces = sphere(1)
        sizes = 1 + 0.15 * np.sin(np.arange(4))[:, None, None] * np.array([1, 0.3, -1])
        self.meshes = (mesh * sizes).astype(np.float32)
        fine = grown(Forest(self.faces, len(mesh)), 3, 1.0)
        color = 0.5 + 0.5 * np.sin(2.5 * fine.vertices(mesh, np.zeros((fine.splits, 3)))[fine.faces].mean(axis=1))
        avatar = Avatar.start(fine, 0, color)
        avatar.parameters.opacity[:] = 2
        self._shown = [avatar.posed(mesh) for mesh in self.meshes]
        width, height = self.size
        angles = np.linspace(0, 2 * np.pi, 12, endpoint=False)
        places = 3 * np.stack([np.sin(angles), 0.3 * np.cos(3 * angles), np.cos(angles)], axis=1)
        self.cameras = [
            Camera.look_at(place, np.zeros(3), width=width, height=height, fov_degrees=50) for place in places
        ]

    def capture(self, **changes: object) -> Capture:
        """The capture; a camera and the last frame are held out."""
        cameras = tuple(CaptureCamera(f"{k}", camera, k == 6) for k, camera in enumerate(self.cameras))
        frames = tuple(CaptureFrame(f"{k:04}", "breath", k == 3) for k in range(4))
        given = {"place": "sphere", "cameras": cameras, "frames": frames, "faces": self.faces.astype(np.int32)}
        return Capture(**{**given, "source": self, **changes})

    def write(self, folder: Path) -> Path:
        """The capture as a folder."""
        found = self.capture()
        pairs = [(frame, camera) for frame in range(4) for camera in range(12)]
        full = np.full(self.size[::-1], 255, np.uint8)
        pictures = (
            Picture(*pair, np.rint(255 * self.image(*pair, np.ones(3))).astype(np.uint8), full) for pair in pairs
        )
        write_capture(folder, found.cameras, found.frames, self.faces, self.meshes, pictures)
        return folder

    def vertices(self) -> NDArray[np.float32]:
        return self.meshes

    def vertices_file(self, frame: int) -> str:
        return "vertices.npz"

    def image(self, frame: int, camera: int, background: NDArray[np.float32]) -> NDArray[np.float32]:
        return np.clip(render(self._shown[frame], self.cameras[camera], background=background).color, 0, 1)

    def mask(self, frame: int, camera: int) -> None:
        return None

    def picture_file(self, frame: int, camera: int, *, mask: bool = False) -> str:
        return f"{frame:04}/{camera}.png"
