"""What avatars cost and how near they come to held-out pictures: `python benchmarks/avatar.py [--only NAME] [--quick]`.

Captures are synthetic (media/avatar/synth.py), so meshes, cameras and pictures are exact: the procedural head in a size
that suits two cores and in the published size, and ICT-FaceKit's head where its data is there. Of every file what a
fresh decoder shows is compared with pictures that no fit has seen: of two held-out cameras ("novel view"), and of a
held-out sequence by all cameras ("novel expression"). Then parts of the method are left out, one by one
(avatar_ablations.py). Writes results/avatar.md, .json and .png. Finished work is kept in benchmarks/cache/: after an
interruption, run the same command again.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import avatar_ablations
import avatar_report
import common
import numpy as np

from sfumato.container import Parser
from sfumato.errors import BudgetError
from sfumato.kernels.splats3d import render
from sfumato.media.avatar.asset import AvatarAsset
from sfumato.media.avatar.decoder import AvatarDecoder
from sfumato.media.avatar.encode import Subject, fit_of, written
from sfumato.media.avatar.pictures import Pictures
from sfumato.media.avatar.settings import AvatarSettings
from sfumato.media.avatar.synth import SynthSettings, synthesise
from sfumato.quality.metrics import psnr, ssim
from sfumato.sources.capture import Capture
from sfumato.sources.rig import read_rig

ICT = common.ROOT / ".." / "shared" / "data" / "ict_face_dev"
SPLITS = ("novel view", "novel expression")
BUDGETS = ("5%", "25%", "50%", "100%")
STEP_PICTURES = 12  # of each split, by which every prefix is measured
TABLE_PICTURES = 32  # of each split, for the table


@dataclass(frozen=True)
class Case:
    """A capture, and how it is fitted. faces: of the procedural head, about. rig: the folder of another one."""

    name: str
    size: tuple[int, int]
    settings: AvatarSettings
    faces: int = 10_000
    frames: int = 24
    rig: Path | None = None


CASES = (
    Case("small", (256, 374), AvatarSettings(), faces=4_000),
    Case("published size", (550, 802), AvatarSettings()),
    Case("ICT-FaceKit", (384, 560), AvatarSettings(splats=60_000, steps=1_000), frames=12, rig=ICT),
)

LONG = Case("published splats", (550, 802), AvatarSettings(splats=170_000, steps=1_500))
"""As many splats as the published avatars have: half an hour, so that it runs only when it is asked for."""


def main() -> None:
    """Measure every case, then leave parts out of the small one."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--only", choices=[case.name for case in (*CASES, LONG)], help="one case alone")
    parser.add_argument("--quick", action="store_true", help="a few steps, to see that it runs")
    arguments = parser.parse_args()
    steps = 60 if arguments.quick else None
    if arguments.only == LONG.name:
        key = {"name": LONG.name, "settings": asdict(LONG.settings)}
        case = common.remembered("avatar", lambda: measure(LONG, key["settings"], capture_folder(LONG), False), **key)
        common.write_results("avatar_long", avatar_report.one(LONG.name, case), case, None, quick=arguments.quick)
        return
    cases = [case for case in CASES if arguments.only in (None, case.name) and (case.rig is None or case.rig.is_dir())]
    if arguments.quick:
        cases = cases[:1]
    found = {}
    for case in cases:
        settings = asdict(case.settings) | ({"steps": steps} if steps else {})
        folder = capture_folder(case)
        key = {"name": case.name, "settings": settings, "capture": folder.name}
        found[case.name] = common.remembered(
            "avatar", lambda case=case, s=settings, folder=folder: measure(case, s, folder), **key
        )
    if arguments.only:
        return
    folder = capture_folder(CASES[0])
    ablations = common.remembered(
        "avatar-ablations", lambda: avatar_ablations.measure(folder, steps), steps=steps, capture=folder.name
    )
    data = {"machine": common.machine(), "processor": common.processor(), "cases": found, "ablations": ablations}
    common.write_results("avatar", *avatar_report.report(data), quick=arguments.quick)


def capture_folder(case: Case) -> Path:
    """The folder of a case's capture, made if it is not there."""
    key = {"size": case.size, "frames": case.frames, "faces": case.faces, "rig": case.rig and case.rig.name}
    folder = common.cache_path("capture", "", code=False, **key)
    if not folder.is_dir():
        print(f"drawing the capture '{case.name}' ...", flush=True)
        rig = None if case.rig is None else read_rig(case.rig)
        synthesise(folder, SynthSettings(size=case.size, frames=case.frames, faces=case.faces, rig=rig))
    return folder


def measure(case: Case, settings: dict[str, Any], folder: Path, whole: bool = True) -> dict[str, Any]:
    """One case: fit, write, decode and compare; without `whole` the budgets alone, not every prefix."""
    print(f"{case.name}: fit", flush=True)
    wanted = AvatarSettings(**settings)
    subject = Subject.open(folder)
    fit = fit_of(subject, wanted)
    begun = time.monotonic()
    fit.run(lambda p: None)
    fitted = time.monotonic() - begun
    data = written(subject, fit, wanted)
    (common.CACHE / f"avatar-{case.name.replace(' ', '-')}.sfu").write_bytes(data)
    print(f"{case.name}: measure", flush=True)
    asset = AvatarAsset.open(data)
    capture = subject.capture
    pictures = {split: Pictures(capture, capture.pairs(split), 1.0) for split in SPLITS}
    base = asset.prefixes[0]
    rows = []
    for name, length in budgets(asset):
        row = {"budget": name, "bytes": length, **shown(asset, length)}
        if row["splats"]:
            state = asset.state(f"{length}")
            for split in SPLITS:
                row[split] = quality(state, capture, pictures[split])
            row["fps"] = frames_per_second(state, asset, subject, case.size)
        rows.append(row)
    found = {
        "faces": len(subject.rig.faces),
        "vertices": len(subject.rig.vertices),
        "size": list(case.size),
        "splats": asset.prefixes[-1].splats,
        "bytes": len(data),
        "base": base.length,
        "rig_bytes": rig_bytes(data),
        "chunks": asset.prefixes[-1].chunks,
        "steps_to_sharp": len(asset.prefixes) - 1,
        "seconds": {"fit": fitted},
        "rows": rows,
    }
    if not whole:
        return found
    return found | {
        "float": {split: float_psnr(fit, pictures[split]) for split in SPLITS},
        "curve": curve(data, capture, pictures),
        "driven": driven(asset, subject, pictures["novel expression"]),
    }


def rig_bytes(data: bytes) -> int:
    """Of a file, what its rig takes: chunks with their framing."""
    chunks = Parser().feed(data)
    return sum(len(chunk.payload) + 14 for chunk in chunks if chunk.kind in ("MESH", "SHAP"))


def budgets(asset: AvatarAsset) -> list[tuple[str, int]]:
    """What the table shows: shares of the bytes, and the base level."""
    whole, base = asset.prefixes[-1].length, asset.prefixes[0].length
    found = [(budget, round(whole * float(budget[:-1]) / 100)) for budget in BUDGETS]
    return sorted([*found, ("level 1", base)], key=lambda row: row[1])


def shown(asset: AvatarAsset, length: int) -> dict[str, Any]:
    """How many splats a budget shows; none if nothing can be drawn yet."""
    try:
        state = asset.state(f"{length}")
    except BudgetError:
        return {"splats": 0}
    return {"splats": int(state.shown.sum())}


def quality(state: Any, capture: Capture, pictures: Pictures) -> dict[str, float]:
    """Means over pictures, of meshes as tracked."""
    db, similarity = [], []
    for number in pictures.some(TABLE_PICTURES):
        view = pictures[number]
        seen = draw(state.posed(capture.vertices[view.frame]), view.camera, capture)
        db.append(psnr(seen, view.picture))
        similarity.append(ssim(seen, view.picture))
    return {"psnr": float(np.mean(db)), "ssim": float(np.mean(similarity))}


def draw(splats: Any, camera: Any, capture: Capture) -> Any:
    """What a camera sees, [H, W, 3] in 0..1."""
    return np.clip(render(splats, camera, background=capture.background).color, 0, 1)


def float_psnr(fit: Any, pictures: Pictures) -> float:
    """Of the avatar before it was rounded, in dB."""
    avatar = fit.state.avatar
    shown = [np.ones(len(avatar), bool)]
    return float(fit.psnr(avatar, shown, pictures, pictures.some(TABLE_PICTURES))[0])


def frames_per_second(state: Any, asset: AvatarAsset, subject: Subject, size: tuple[int, int]) -> float:
    """Posing the rig, posing the splats and drawing them, from decoded state; the best of some seconds."""
    camera = subject.capture.cameras[len(subject.capture.cameras) // 2].camera
    best, rig = np.inf, state.rig
    names = [name for name in ("jawOpen", "mouthSmileLeft", "eyeBlinkLeft") if name in rig.arkit]
    for number in range(24):
        begun = time.perf_counter()
        mesh = rig.drive({name: 0.5 + 0.5 * np.sin(number) for name in names})
        draw(state.posed(mesh), camera, subject.capture)
        best = min(best, time.perf_counter() - begun)
    return float(1 / best)


def curve(data: bytes, capture: Capture, pictures: dict[str, Pictures]) -> list[dict[str, Any]]:
    """PSNR of every prefix from the base level on, both splits, as a viewer gets them: one decoder, chunk by chunk."""
    found, at, decoder = [], 0, AvatarDecoder()
    for prefix in AvatarAsset.open(data).prefixes:
        decoder.feed(data[at : prefix.length])
        at, state = prefix.length, decoder.state
        assert state is not None
        row: dict[str, Any] = {"bytes": prefix.length, "splats": int(state.shown.sum())}
        for split in SPLITS:
            row[split] = prefix_psnr(state, capture, pictures[split], pictures[split].some(STEP_PICTURES))
        found.append(row)
    return found


def prefix_psnr(state: Any, capture: Capture, pictures: Pictures, numbers: Sequence[int]) -> float:
    """The mean over some pictures, in dB."""
    views = [pictures[number] for number in numbers]
    return float(
        np.mean([psnr(draw(state.posed(capture.vertices[v.frame]), v.camera, capture), v.picture) for v in views])
    )


def driven(asset: AvatarAsset, subject: Subject, pictures: Pictures) -> float:
    """PSNR of the whole file posed by its own rig and the capture's driving, in dB."""
    state = asset.state()
    views = [pictures[number] for number in pictures.some(TABLE_PICTURES)]
    seen = [draw(state.posed(subject.mesh(state.rig, view.frame)), view.camera, subject.capture) for view in views]
    return float(np.mean([psnr(picture, view.picture) for picture, view in zip(seen, views, strict=True)]))


if __name__ == "__main__":
    main()
