"""Small meshes, forests and avatars, and derivatives by differences."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields

import numpy as np
from numpy.typing import NDArray

from sfumato.kernels.reference3d import rotation_matrices
from sfumato.media.avatar.forest import Forest
from sfumato.media.avatar.model import Avatar, Parameters

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
