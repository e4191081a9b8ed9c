"""What the parts of an avatar's fit are worth: each is left out or replaced, all else the same."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from sfumato.kernels.splats3d import render
from sfumato.media.avatar.encode import Subject, fit_of
from sfumato.media.avatar.fit import Fit
from sfumato.media.avatar.growth import stream
from sfumato.media.avatar.settings import AvatarSettings
from sfumato.splats import Splats3D

PICTURES = 20  # held-out views by which everything here is judged
SHARES = tuple(range(5, 101, 5))  # percent of the splats
SHAKEN = 0.0015  # metres: standard deviation of the places of badly tracked heads
TURNED = 0.01  # radians, of how they are turned
DEEP = 3.0  # times the usual splats, where the order within levels is compared


def measure(folder: Path, steps: int | None) -> dict[str, Any]:
    """PSNR in dB of held-out views at shares of the splats, for every variant."""
    subject = Subject.open(folder)
    usual = AvatarSettings(**({"steps": steps} if steps else {}))
    found: dict[str, Any] = {}
    for name, changes in {
        "as it is": {},
        "the whole avatar supervised alone": {"supervise": "whole"},
        "every level supervised in every step": {"supervise": "levels"},
        "uniform subdivision": {"growth": "uniform"},
        "no patches": {"patches": False},
        "harmonics of degree 0": {"sh_degree": 0},
        "harmonics of degree 2": {"sh_degree": 2},
    }.items():
        print(f"ablation: {name}", flush=True)
        fit = fitted(subject, replace(usual, **changes))
        row = {"splats": len(fit.state.avatar), "seconds": fit.state.elapsed, "curve": in_order(fit)}
        row["levels"] = list(fit.level_psnr(fit.held_out, PICTURES))
        if name == "the whole avatar supervised alone":
            found["bound flat, random order"] = {"splats": row["splats"], "curve": flat(fit)}
        found[name] = row
    found["order"] = orders(subject, usual)
    found["attention"] = attended(subject, usual)
    found["tracking"] = shaken(subject, usual)
    return found


def fitted(subject: Subject, settings: AvatarSettings) -> Fit:
    """A fit that is over."""
    fit = fit_of(subject, settings)
    fit.run()
    return fit


def in_order(fit: Fit, worth: Any = None) -> list[float]:
    """PSNR at every share of the splats, in the order of the stream: level by level, what is worth most first."""
    avatar = fit.state.avatar
    order = stream(avatar.forest, fit.worth(fit.pictures.some(96)) if worth is None else worth, 60)
    return shares(fit, lambda k: avatar_part(fit, order, k))


def avatar_part(fit: Fit, order: Any, splats: int) -> Callable[[int], Splats3D]:
    """What the chunks show that hold as many splats, or the first chunk alone."""
    ends = np.cumsum([len(chunk) for chunk in order.chunks])
    shown = order.prefix(max(1, int(np.searchsorted(ends, splats, side="right"))))
    # Faces of level 1 that have not arrived are not there, nor is what depends on them.
    return lambda frame: fit.state.avatar.posed(fit.mesh(frame), shown)


def flat(fit: Fit) -> list[float]:
    """The same for splats without levels or patches that could come in any order, here a random one."""
    order = np.random.default_rng(0).permutation(len(fit.state.avatar))
    return shares(fit, lambda k: lambda frame: fit.state.avatar.posed(fit.mesh(frame))[np.sort(order[:k])])


def shares(fit: Fit, part: Callable[[int], Callable[[int], Splats3D]]) -> list[float]:
    """Means over held-out views at every share of the splats."""
    assert fit.held_out is not None
    views = [fit.held_out[number] for number in fit.held_out.some(PICTURES)]
    found = []
    for share in SHARES:
        shown = part(max(1, round(len(fit.state.avatar) * share / 100)))
        errors = []
        for view in views:
            seen = np.clip(render(shown(view.frame), view.camera, background=fit.background).color, 0, 1)
            errors.append(-10 * np.log10(np.mean((seen - view.picture) ** 2)))
        found.append(float(np.mean(errors)))
    return found


def orders(subject: Subject, usual: AvatarSettings) -> dict[str, Any]:
    """Importance against a random order within the levels, and supervision of prefixes against none, in an avatar
    whose level 1 is less than 15 % of it, as in the published ones."""
    print("ablation: order within levels", flush=True)
    faces = len(subject.rig.faces)
    deep = replace(usual, splats=round(DEEP * 2.5 * faces))
    fit, alone = fitted(subject, deep), fitted(subject, replace(deep, supervise="whole"))
    worth = np.random.default_rng(0).uniform(size=len(fit.state.avatar))
    return {
        "splats": len(fit.state.avatar),
        "level 1": faces,
        "importance": in_order(fit),
        "random": in_order(fit, worth),
        "whole alone": in_order(alone),
        "levels": list(fit.level_psnr(fit.held_out, PICTURES)),
        "levels, whole alone": list(alone.level_psnr(alone.held_out, PICTURES)),
    }


def attended(subject: Subject, usual: AvatarSettings) -> dict[str, Any]:
    """PSNR of the pixels around eyes and mouth, with and without attention, at every share."""
    from sfumato.media.avatar.attention import attention

    print("ablation: attention", flush=True)
    faces = attention(subject.rig, 2.0) > 1
    found: dict[str, Any] = {"faces": int(faces.sum())}
    for name, factor in (("without", 1.0), ("with", 4.0)):
        fit = fitted(subject, replace(usual, attention=factor))
        assert fit.held_out is not None
        views = [fit.held_out[number] for number in fit.held_out.some(PICTURES)]
        order = stream(fit.state.avatar.forest, fit.worth(fit.pictures.some(96)), 60)
        rows = []
        for share in SHARES:
            shown = avatar_part(fit, order, max(1, round(len(fit.state.avatar) * share / 100)))
            errors = []
            for view in views:
                mask = around(fit.mesh(view.frame), subject.rig.faces[faces], view.camera)
                seen = np.clip(render(shown(view.frame), view.camera, background=fit.background).color, 0, 1)
                errors.append(-10 * np.log10(np.mean((seen - view.picture)[mask] ** 2)))
            rows.append(float(np.mean(errors)))
        found[name] = rows
    return found


def around(mesh: Any, faces: Any, camera: Any) -> Any:
    """[H, W], pixels within two of the middle of a face that looks at the camera."""
    corner = mesh[faces].astype(np.float64) @ camera.rotation.T + camera.translation
    middle, normal = corner.mean(axis=1), np.cross(corner[:, 1] - corner[:, 0], corner[:, 2] - corner[:, 0])
    seen = middle[np.einsum("nk,nk->n", normal, middle) < 0]
    column = np.rint(camera.fx * seen[:, 0] / seen[:, 2] + camera.cx).astype(int)
    row = np.rint(camera.fy * seen[:, 1] / seen[:, 2] + camera.cy).astype(int)
    mask = np.zeros((camera.height, camera.width), bool)
    for right in range(-2, 3):
        for down in range(-2, 3):
            mask[np.clip(row + down, 0, camera.height - 1), np.clip(column + right, 0, camera.width - 1)] = True
    return mask


def shaken(subject: Subject, usual: AvatarSettings) -> dict[str, Any]:
    """Heads that were tracked badly, with and without tuning of their meshes."""
    from sfumato.media.avatar.tuning import MeshTuning
    from sfumato.rig import rotation_matrices

    rng = np.random.default_rng(0)
    meshes = subject.capture.vertices
    middle = meshes.mean(axis=(0, 1))
    turns = rotation_matrices(rng.normal(0, TURNED, (len(meshes), 3)))
    moved = np.einsum("tij,tvj->tvi", turns, meshes - middle) + middle + rng.normal(0, SHAKEN, (len(meshes), 1, 3))
    bad = moved.astype(np.float32)
    found: dict[str, Any] = {"metres": SHAKEN, "radians": TURNED}
    for name, tune in (("as tracked", False), ("tuned", True)):
        print(f"ablation: badly tracked, {name}", flush=True)
        fit = fit_of(subject, usual)
        fit.meshes = bad
        if tune:
            fit.state.tuning = MeshTuning(bad, subject.rig.faces.astype(np.intp), None, None)
        fit.run()
        assert fit.held_out is not None
        found[name] = float(fit.level_psnr(fit.held_out, PICTURES)[-1])
    return found
