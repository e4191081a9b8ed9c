"""Integers to posed splats, written from docs/format.md alone, as `by_the_book` is for the integers themselves."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from media.avatar.by_the_book import Forest, Path, Row

Vector = tuple[float, float, float]

_RED, _BLUE, _GREEN = 1 / math.sqrt(3), 1 / math.sqrt(2), 1 / math.sqrt(6)
_OPPONENT = ((_RED, _RED, _RED), (_BLUE, 0.0, -_BLUE), (_GREEN, -2 * _GREEN, _GREEN))
_Y0 = 0.28209479177387814


@dataclass
class Posed:
    """turned: where the splat's own axes point."""

    centre: Vector
    turned: list[Vector]
    size: Vector
    opacity: float
    harmonics: list[Vector]


def posed(forest: Forest, mesh: list[Vector]) -> Iterator[Posed]:
    """The splats on a posed mesh, in the order of the faces; of those that are there."""
    corners: dict[Path, list[Vector]] = {}
    for path in forest.numbered():
        splat = forest.faces[path]
        if len(path) == 1:
            corners[path] = [mesh[vertex] for vertex in splat.face]
        else:
            i, j, k = corners[path[:-1]]
            split = forest.faces[path[:-1]].split
            assert split is not None
            p = _point(split, (i, j, k))
            corners[path] = [*((i, j), (j, k), (k, i))[path[-1]], p]
        if splat.values is not None:
            yield _posed(splat.values, splat.split or [0] * 9, *corners[path])


def _posed(values: Row, patch: Row, *corners: Vector) -> Posed:
    axes, centre, scale = _frame(*corners)
    offset = [value / 4096 for value in values[5:8]]
    x, y, z = (value / 4096 for value in values[8:11])
    w = math.sqrt(max(1 - x * x - y * y - z * z, 0))
    own = [_combined(axes, axis) for axis in _columns(w, x, y, z)]
    size = [scale * 2 ** ((a + b) / 256) for a, b in zip(values[1:4], patch[3:6], strict=True)]
    colors = [values[at : at + 3] for at in range(11, len(values), 3)]
    colors[0] = [a + b for a, b in zip(colors[0], patch[6:9], strict=True)]
    harmonics = [_rgb(color, 0.0 if number else 0.5) for number, color in enumerate(colors)]
    return Posed(
        _sum(centre, _combined(axes, offset), scale), own, (size[0], size[1], size[2]),
        1 / (1 + math.exp(-(values[4] + patch[2]) / 256)), harmonics,
    )  # fmt: skip


def _point(split: Row, corners: tuple[Vector, Vector, Vector]) -> Vector:
    weights = [math.exp(split[0] / 256), math.exp(split[1] / 256), 1.0]
    return _combined(corners, [weight / sum(weights) for weight in weights])


def _frame(v0: Vector, v1: Vector, v2: Vector) -> tuple[list[Vector], Vector, float]:
    first, second = _sum(v1, v0, -1), _sum(v2, v0, -1)
    scale = (_length(first) + _length(second) + _length(_sum(v2, v1, -1))) / 3
    lost = _length(first) <= 1e-5 * scale
    x = (1.0, 0.0, 0.0) if lost else _unit(first)
    rest = _sum(second, x, -_dot(second, x))
    if lost or _length(rest) <= 1e-5 * scale:
        least = min(range(3), key=lambda axis: abs(x[axis]))
        rest = _cross(x, tuple(float(axis == least) for axis in range(3)))
    y = _unit(rest)
    return [x, y, _cross(x, y)], _combined((v0, v1, v2), [1 / 3] * 3), scale


def _columns(w: float, x: float, y: float, z: float) -> list[list[float]]:
    """Where a quaternion of any length turns the three axes."""
    n = w * w + x * x + y * y + z * z
    return [
        [1 - 2 * (y * y + z * z) / n, 2 * (x * y + w * z) / n, 2 * (x * z - w * y) / n],
        [2 * (x * y - w * z) / n, 1 - 2 * (x * x + z * z) / n, 2 * (y * z + w * x) / n],
        [2 * (x * z + w * y) / n, 2 * (y * z - w * x) / n, 1 - 2 * (x * x + y * y) / n],
    ]


def _rgb(color: Row, less: float) -> Vector:
    found = [
        sum(value / 1024 * row[channel] for value, row in zip(color, _OPPONENT, strict=True)) for channel in range(3)
    ]
    return ((found[0] - less) / _Y0, (found[1] - less) / _Y0, (found[2] - less) / _Y0)


def _combined(vectors: tuple[Vector, ...] | list[Vector], weights: list[float]) -> Vector:
    x, y, z = (sum(v[i] * w for v, w in zip(vectors, weights, strict=True)) for i in range(3))
    return x, y, z


def _sum(a: Vector, b: Vector, times: float) -> Vector:
    return a[0] + times * b[0], a[1] + times * b[1], a[2] + times * b[2]


def _dot(a: Vector, b: Vector) -> float:
    return sum(x * y for x, y in zip(a, b, strict=True))


def _cross(a: Vector, b: Vector) -> Vector:
    return a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]


def _length(a: Vector) -> float:
    return math.sqrt(_dot(a, a))


def _unit(a: Vector) -> Vector:
    return a[0] / _length(a), a[1] / _length(a), a[2] / _length(a)
