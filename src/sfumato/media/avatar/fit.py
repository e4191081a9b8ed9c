"""Fits an avatar to a capture: splats on the faces of its mesh, more of them where the pictures ask for it.

As ProgressiveAvatars (arXiv 2603.16447) does: coarse to fine, faces split where their splats are pulled hardest on the
screen, every level compared with the pictures. But what a viewer sees are prefixes of a stream, not levels; so in every
step the whole avatar and one such prefix are drawn, every second time the first level, which everybody sees.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sfumato.errors import InputError, SettingsError
from sfumato.kernels.splats3d import Shot
from sfumato.media.avatar.evaluate import mean_psnr
from sfumato.media.avatar.forest import Bools, Floats, Forest, Ints
from sfumato.media.avatar.growth import Pull, Stream, chosen, grow, stream, uniform, worth
from sfumato.media.avatar.learner import Learner
from sfumato.media.avatar.model import FACE_FIELDS, PATCHES, SPLIT_FIELDS, Avatar, Parameters
from sfumato.media.avatar.objective import Draw, Supervised, all_levels, objective, one_prefix
from sfumato.media.avatar.pictures import Pictures
from sfumato.media.avatar.settings import SPLATS_PER_FACE, AvatarSettings
from sfumato.media.avatar.tuning import MeshTuning
from sfumato.media.checkpoint import Checkpoint
from sfumato.media.image.settings import Progress, Report
from sfumato.media.interruption import Interruption
from sfumato.splats import Float32Array

# Chosen together on a synthetic head of 2,400 faces: growth earlier or later by 0.2 of the fit costs 0.1 to 0.3 dB.
GROWTH, ROUNDS = (0.1, 0.55), 6
"""Between which shares of the fit the forest grows, and how often; afterwards steps become smaller."""
LAST_RATE = 0.01
LOOKS, LOOK_EVERY = 12, 100
"""Pictures by which the order of the stream is found while a fit runs, and after how many steps it is found again."""
CHUNKS = 24
"""About how many chunks the stream of a fit has: prefixes to choose from."""

SAVE_EVERY, MEASURE_EVERY, TELL_EVERY = 15.0, 10.0, 0.1  # seconds


@dataclass
class State:
    """Everything that a fit needs to go on."""

    avatar: Avatar
    learner: Learner
    pull: Pull
    tuning: MeshTuning | None
    rng: np.random.Generator
    worth: Floats | None = None
    order: list[int] = field(default_factory=list)
    step: int = 0
    rounds: int = 0
    elapsed: float = 0.0

    def save(self, checkpoint: Checkpoint) -> None:
        """Keep it in a checkpoint."""
        parameters, learner = self.avatar.parameters, self.learner
        arrays: dict[str, NDArray[Any]] = {"is_split": self.avatar.forest.is_split}
        for name in FACE_FIELDS + SPLIT_FIELDS:
            arrays[name] = getattr(parameters, name)
            arrays[f"mean.{name}"], arrays[f"power.{name}"] = learner.mean[name], learner.power[name]
        arrays["pull.total"], arrays["pull.views"] = self.pull.total, self.pull.views
        if self.worth is not None:
            arrays["worth"] = self.worth
        if self.tuning is not None:
            arrays |= {f"tuning.{name}": getattr(self.tuning, name) for name in ("moves", "mean", "power", "steps")}
        rest = {name: getattr(self, name) for name in ("order", "step", "rounds", "elapsed")}
        rest |= {"updates": learner.steps, "rng": self.rng.bit_generator.state}
        checkpoint.save_state(arrays, rest)

    def load(self, checkpoint: Checkpoint) -> bool:
        """Go on from a checkpoint; whether it held a state."""
        stored = checkpoint.load_state()
        if stored is None:
            return False
        arrays, rest = stored
        old = self.avatar.forest
        forest = Forest(old.roots, old.mesh_vertices, arrays["is_split"], old.max_depth)
        self.avatar = Avatar(forest, Parameters(**{name: arrays[name] for name in FACE_FIELDS + SPLIT_FIELDS}))
        for name in FACE_FIELDS + SPLIT_FIELDS:
            self.learner.mean[name], self.learner.power[name] = arrays[f"mean.{name}"], arrays[f"power.{name}"]
        self.pull = Pull(forest)
        self.pull.total, self.pull.views = arrays["pull.total"], arrays["pull.views"]
        self.worth = arrays.get("worth")
        if self.tuning is not None:
            for name in ("moves", "mean", "power", "steps"):
                setattr(self.tuning, name, arrays[f"tuning.{name}"])
        for name in ("order", "step", "rounds", "elapsed"):
            setattr(self, name, rest[name])
        self.learner.steps, self.rng.bit_generator.state = rest["updates"], rest["rng"]
        return True


class Fit:
    """A fit of an avatar on `forest` to pictures of meshes [T, V, 3].

    held_out: pictures that say how well it goes while it runs; nothing else depends on them. attention: [R], how many
    times more a face of the template counts, see `AvatarSettings`. tuning: moves the meshes along, if given.
    """

    def __init__(
        self,
        forest: Forest,
        meshes: Float32Array,
        pictures: Pictures,
        settings: AvatarSettings,
        *,
        background: tuple[float, float, float] = (1.0, 1.0, 1.0),
        held_out: Pictures | None = None,
        attention: Floats | None = None,
        tuning: MeshTuning | None = None,
    ) -> None:
        self.meshes, self.pictures, self.settings, self.background = meshes, pictures, settings, background
        self.held_out, self.attention = held_out, attention
        self.splats = max(len(forest), splats_of(settings, len(forest)))
        if not len(pictures):
            raise InputError("cannot fit an avatar: no picture is there to learn from")
        if settings.splats is not None and settings.splats < len(forest):
            raise SettingsError(
                f"cannot fit an avatar of {settings.splats:,} splats: the mesh has {len(forest):,} faces, and each has "
                "one; ask for more, or take a coarser mesh"
            )
        rng = np.random.default_rng(settings.seed)
        start = Avatar.start(forest, settings.sh_degree)
        learner = Learner(forest, settings.sh_degree, () if settings.patches else PATCHES.values())
        self.state = State(start, learner, Pull(forest), tuning, rng)
        self._stream: Stream | None = None
        self._draw: Draw = Shot
        if settings.device == "cuda":
            from sfumato.kernels.device_shot import DeviceShot

            self._draw = DeviceShot

    def run(self, report: Report | None = None, checkpoint: Checkpoint | None = None) -> Avatar:
        """Fit to the end.

        report: called about ten times a second. checkpoint: where the state is saved every 15 seconds and on
        KeyboardInterrupt, and from where it goes on if it holds one; the result is then the same as in one go.
        """
        state = self.state
        if checkpoint is not None and state.load(checkpoint) and state.worth is not None:
            self._stream = self._streamed(state.worth)
        begun = time.monotonic() - state.elapsed
        told = saved = measured = time.monotonic()
        psnr: tuple[float, ...] = ()
        with Interruption() as interruption:
            try:
                while (done := self._done()) < 1:
                    self._step(done)
                    now = time.monotonic()
                    state.elapsed = now - begun
                    if report and self.held_out is not None and (not psnr or now - measured > MEASURE_EVERY):
                        psnr, measured = self.level_psnr(self.held_out), time.monotonic()
                        begun += measured - now  # what is only told does not count as fitting
                    if report and now - told > TELL_EVERY:
                        left = (1 - done) / done * state.elapsed if done > 0.02 else None
                        report(Progress(_stage(len(state.avatar), psnr), done, psnr[-1] if psnr else None, left))
                        told = now
                    if checkpoint and now - saved > SAVE_EVERY:
                        state.save(checkpoint)
                        saved = now
                    interruption.check()
            except KeyboardInterrupt:
                if checkpoint and not interruption.at_once:
                    state.save(checkpoint)
                raise
        return state.avatar

    def mesh(self, frame: int) -> Float32Array:
        """The mesh of a frame, [V, 3], as the fit sees it."""
        tuning = self.state.tuning
        found: Float32Array = self.meshes[frame] if tuning is None else tuning.mesh(frame)
        return found

    def worth(self, numbers: list[int]) -> Floats:
        """[N], what each face is worth in these pictures, times its attention."""
        avatar = self.state.avatar
        views = [self.pictures[number] for number in numbers]
        found = worth(avatar, ((self.mesh(view.frame), [view.camera]) for view in views))
        return found if self.attention is None else found * self.attention[avatar.forest.root_of()]

    def level_psnr(self, pictures: Pictures, count: int = 6) -> tuple[float, ...]:
        """Of every level with those above it, in dB, over some pictures."""
        forest = self.state.avatar.forest
        levels = [forest.up_to(level) for level in range(1, forest.depth + 1)]
        return self.psnr(self.state.avatar, levels, pictures, pictures.some(count))

    def psnr(
        self, avatar: Avatar, prefixes: Sequence[Bools], pictures: Pictures, numbers: Sequence[int]
    ) -> tuple[float, ...]:
        """Of prefixes of an avatar, in dB, over pictures with these numbers."""
        return mean_psnr(avatar, prefixes, self.mesh, pictures, numbers, self.background)

    def _done(self) -> float:
        settings, state = self.settings, self.state
        return state.elapsed / settings.seconds if settings.seconds is not None else state.step / settings.steps

    def _step(self, done: float) -> None:
        state = self.state
        while state.rounds < ROUNDS and done >= np.interp(state.rounds, (0, ROUNDS - 1), GROWTH):
            self._grow()
        if state.rounds and state.step % LOOK_EVERY == 0:
            self._look()
        if not state.order:
            state.order = state.rng.permutation(len(self.pictures)).tolist()
        view = self.pictures[state.order.pop()]
        found = objective(
            state.avatar,
            self.mesh(view.frame),
            view.camera,
            view.picture,
            self._prefixes(),
            background=self.background,
            draw=self._draw,
        )
        state.pull.add(found.screen)
        decay = max(0.0, done - GROWTH[1]) / (1 - GROWTH[1])
        rate = LAST_RATE + (1 - LAST_RATE) * 0.5 * (1 + float(np.cos(np.pi * min(decay, 1.0))))
        state.learner.step(state.avatar.parameters, found.gradient, rate)
        if state.tuning is not None:
            state.tuning.step(view.frame, found.mesh, rate)
        state.step += 1

    def _prefixes(self) -> list[Supervised]:
        state, kind = self.state, self.settings.supervise
        if kind == "levels":
            return all_levels(state.avatar.forest)
        if kind == "whole" or self._stream is None:
            return [Supervised(None, 1.0)]
        return one_prefix(self._stream, state.rng)

    def _grow(self) -> None:
        """Split faces until there are as many splats as this round may have: equal factors from round to round."""
        state, settings = self.state, self.settings
        forest = state.avatar.forest
        share = (state.rounds + 1) / ROUNDS
        budget = round(len(forest.roots) * (self.splats / len(forest.roots)) ** share)
        allowed = 1 + -(-(settings.depth - 1) * (state.rounds + 1) // ROUNDS)  # coarse to fine
        state.rounds += 1
        while len(faces := self._to_split(state.avatar.forest, budget, allowed)):
            state.avatar, split = grow(state.avatar, faces, self.meshes[0], patched=settings.patches)
            state.learner.grow(split)
            state.pull = Pull(split.forest)
        self._look()

    def _to_split(self, forest: Forest, budget: int, depth: int) -> Ints:
        if self.settings.growth == "uniform":
            return uniform(forest, budget, self.state.rng)
        pull = self.state.pull.mean
        if self.attention is not None:
            pull = pull * self.attention[forest.root_of()]
        return chosen(forest, pull, None, depth=depth, threshold=0.0, budget=budget)

    def _look(self) -> None:
        numbers = self.state.rng.choice(len(self.pictures), min(LOOKS, len(self.pictures)), replace=False)
        self.state.worth = self.worth(numbers.tolist())
        self._stream = self._streamed(self.state.worth)

    def _streamed(self, worth: Floats) -> Stream:
        forest = self.state.avatar.forest
        return stream(forest, worth, max(3, -(-len(forest) // CHUNKS)))


def splats_of(settings: AvatarSettings, faces: int) -> int:
    """How many splats an avatar on a template of so many faces may have."""
    return settings.splats or round(SPLATS_PER_FACE * faces)


def _stage(splats: int, psnr: tuple[float, ...]) -> str:
    levels = ", ".join(f"level {number} {db:.2f}" for number, db in enumerate(psnr[:-1], 1))
    return f"fit  {splats:,} splats" + (f"  {levels}" if levels else "")
