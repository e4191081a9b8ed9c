"""A picture of the painted head: the mesh seen by a camera, lit by fixed lights, on a plain background."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sfumato.camera import Camera
from sfumato.kernels.mesh import render_mesh
from sfumato.media.avatar.synth_skin import Float64Array
from sfumato.media.avatar.synth_texture import Int64Array, Texture

Float32Array = NDArray[np.float32]

SAMPLES = 2
"""Along each side of a pixel."""

# Direction towards the light and its strength in red, green and blue: a warm key, a cool fill, a rim from behind.
_LIGHTS = (
    ((0.45, 0.55, 0.75), (0.80, 0.77, 0.72)),
    ((-0.75, 0.15, 0.60), (0.23, 0.25, 0.29)),
    ((-0.35, 0.50, -0.85), (0.20, 0.20, 0.22)),
    ((0.85, 0.25, -0.45), (0.12, 0.12, 0.12)),
)
_SKY, _GROUND = np.array([0.36, 0.37, 0.39]), np.array([0.19, 0.17, 0.16])
_WRAP = 0.22  # light creeps so far around the edge of the lit side, as it does in skin
_SHININESS = 38.0
_SPECULAR = 0.16


def draw(
    vertices: Float64Array, faces: Int64Array, texture: Texture, camera: Camera, background: tuple[float, float, float]
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """The picture [H, W, 3] in sRGB and the mask [H, W], both 0..255."""
    fine = camera.resized(SAMPLES * camera.width, SAMPLES * camera.height)
    seen = render_mesh(vertices, faces, fine)
    covered = seen.face >= 0
    face, weights = seen.face[covered], seen.barycentric[covered]
    normal = np.einsum("pk,pkc->pc", weights, vertex_normals(vertices, faces).astype(np.float32)[faces[face]])
    place = np.einsum("pk,pkc->pc", weights, vertices.astype(np.float32)[faces[face]])
    towards = camera.position.astype(np.float32) - place
    light = shade(texture.sample(face, weights), _unit(normal), _unit(towards))
    plane = np.broadcast_to(np.array(background, np.float32) ** 2.2, (*seen.face.shape, 3)).copy()
    plane[covered] = light.clip(0, 1)
    shape = camera.height, SAMPLES, camera.width, SAMPLES
    colour = plane.reshape(*shape, 3).mean(axis=(1, 3)) ** (1 / 2.2)
    mask = covered.reshape(shape).mean(axis=(1, 3))
    return (255 * colour + 0.5).astype(np.uint8), (255 * mask + 0.5).astype(np.uint8)


def shade(paint: Float32Array, normal: Float32Array, towards: Float32Array) -> Float32Array:
    """The linear light [P, 3] that paint [P, 4] sends to a camera; normal and direction to the camera are unit [P, 3].

    Faces are seen from both sides: a normal that points away is turned, unless the surface merely bends away.
    """
    facing = np.einsum("pc,pc->p", normal, towards)
    normal = np.where((facing < -0.35)[:, None], -normal, normal)
    up = 0.5 + 0.5 * normal[:, 1:2]
    diffuse = (_GROUND + (_SKY - _GROUND) * up).astype(np.float32)
    shine = np.zeros_like(diffuse)
    for direction, strength in _LIGHTS:
        to_light = _unit(np.array([direction], np.float32))[0]
        colour = np.array(strength, np.float32)
        wrapped = ((normal @ to_light + np.float32(_WRAP)) / np.float32(1 + _WRAP)).clip(0)
        diffuse += (wrapped * wrapped)[:, None] * colour
        half = _unit(towards + to_light)
        shine += (np.einsum("pc,pc->p", normal, half).clip(0) ** np.float32(_SHININESS))[:, None] * colour
    light: Float32Array = paint[:, :3] * diffuse + np.float32(_SPECULAR) * paint[:, 3:] * shine
    return light


def vertex_normals(vertices: Float64Array, faces: Int64Array) -> Float64Array:
    """Unit normals [V, 3], the mean of the faces around weighed by area."""
    corners = vertices[faces]
    across = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    total = np.stack(
        [np.bincount(faces.ravel(), np.repeat(across[:, k], 3), minlength=len(vertices)) for k in range(3)], axis=1
    )
    normals: Float64Array = total / np.maximum(np.linalg.norm(total, axis=1, keepdims=True), 1e-20)
    return normals


def _unit(vectors: Float32Array) -> Float32Array:
    unit: Float32Array = vectors / np.maximum(np.sqrt(np.einsum("pc,pc->p", vectors, vectors)), 1e-12)[:, None]
    return unit
