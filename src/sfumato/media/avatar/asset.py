"""An avatar asset that is open: what it holds, and its poses at any budget."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike

from sfumato.camera import Camera
from sfumato.container import Budget, Head, Index, Prefix, pieces, select
from sfumato.errors import BudgetError, SettingsError, TruncatedError
from sfumato.kernels.splats3d import render
from sfumato.media.avatar.decoder import AvatarDecoder, AvatarState
from sfumato.media.avatar.drive import Expression, Names, mesh_of
from sfumato.media.avatar.known import MAX_SPLATS
from sfumato.media.avatar.layout import Layout
from sfumato.media.avatar.rig_codec import RigReference
from sfumato.rig import Rig
from sfumato.sources.drive import Drive, read_drive
from sfumato.sources.rig import read_rig
from sfumato.splats import Float32Array, Splats3D

_MOST_STATES = 4
"""Decoded prefixes that are kept: each takes about as much memory as the whole avatar."""


@dataclass(frozen=True)
class AvatarChunk:
    """What INDX says of a chunk after it.

    kind: "SHAP" or "TREE". level: 1 or more. offset, bytes: where the chunk lies in the file, and how many bytes it
    takes. splats: how many it adds.
    """

    kind: str
    level: int
    offset: int
    bytes: int
    splats: int


class AvatarAsset:
    """A decoded avatar file, or a prefix of one.

    path: the file, None for bytes. layout: what HEAD says of the avatar. rig: with the shapes that are here; all names
    are announced from the base level on. reference: the rig that the file names without having it, else None.
    """

    def __init__(self, data: bytes, decoder: AvatarDecoder, path: Path | None = None, rig: Rig | None = None) -> None:
        head, index, layout, state = decoder.head, decoder.parser.index, decoder.layout, decoder.state
        if head is None or index is None or layout is None or state is None:
            raise TruncatedError(f"cannot show {decoder.parser.name!r}: its base level has no mesh")
        self.path = path
        self.head: Head = head
        self.index: Index = index
        self.layout: Layout = layout
        self.reference: RigReference | None = decoder.reference
        self._data, self._decoder, self._own_rig = data, decoder, rig
        self._all = state
        self._states: dict[int, AvatarState] = {}
        missing = decoder.reference.name if decoder.reference is not None and rig is None else None
        self._names = Names(state.rig, missing)

    @classmethod
    def open(
        cls,
        source: bytes | str | os.PathLike[str],
        *,
        rig: str | os.PathLike[str] | Rig | None = None,
        max_splats: int = MAX_SPLATS,
    ) -> AvatarAsset:
        """Read a file or its bytes; a prefix that holds the base level is enough.

        rig: the file of a rig (docs/rigs.md), or a rig, for an avatar that names one without having it.
        max_splats: see `AvatarDecoder`.

        Raises: InputError if a file cannot be read, or the rig is another than the one named; SettingsError for a rig
            where the file has its own; FormatError, of the subclass that fits, if the file breaks a promise of
            docs/format.md or ends inside a chunk.
        """
        path = None if isinstance(source, bytes) else Path(source)
        own = read_rig(rig) if isinstance(rig, (str, os.PathLike)) else rig
        data = b"".join(pieces(source))
        decoder = AvatarDecoder(path.name if path else "<bytes>", rig=own, max_splats=max_splats)
        decoder.feed(data)
        decoder.close()
        if own is not None and decoder.reference is None:
            raise SettingsError(f"cannot use a rig with {decoder.parser.name!r}: the file has its own; leave it out")
        return cls(data, decoder, path, own)

    @property
    def rig(self) -> Rig:
        """The rig with the shapes that are here."""
        return self._all.rig

    @property
    def complete(self) -> bool:
        """Whether every announced chunk is there."""
        return self._decoder.parser.finished

    @property
    def prefixes(self) -> tuple[Prefix, ...]:
        """The prefixes that are here and are valid files themselves, shortest first."""
        return self._decoder.parser.prefixes_here

    @property
    def chunks(self) -> tuple[AvatarChunk, ...]:
        """Every chunk after INDX in the order of the whole file, whether it is here or not."""
        before = self._decoder.parser.prefixes()
        return tuple(
            AvatarChunk(entry.kind, entry.level, start.length, entry.length, entry.splats)
            for start, entry in zip(before, self.index.entries, strict=False)  # the last prefix has nothing behind it
        )

    def state(self, budget: Budget | str | None = None) -> AvatarState:
        """The rig and the splats that a budget such as "5%" or "30KB" holds; all that are here without one.

        Bytes and percent may end inside the base level. The last few are kept, so that posing many frames decodes once.

        Raises: BudgetError if it holds no chunk of splats; TruncatedError if the file is a prefix that ends before the
            budget does.
        """
        if budget is None:
            return self._all
        chosen = select(self._decoder.parser.prefixes(within_base=True), budget)
        name = self._decoder.parser.name
        if chosen.length > len(self._data):
            raise TruncatedError(
                f"cannot use a budget of {budget} on {name!r}: the file ends after {len(self._data):,} bytes, "
                f"the budget asks for {chosen.length:,}"
            )
        found = self._states.pop(chosen.length, None)
        if found is None:
            decoder = AvatarDecoder(name, rig=self._own_rig)
            decoder.feed(self._data[: chosen.length])
            found = decoder.state
            if found is None or not found.shown.any():
                raise BudgetError(
                    f"cannot use a budget of {budget} on {name!r}: it ends before the first splats; the base level "
                    f"takes {self.prefixes[0].length:,} bytes"
                )
        self._states[chosen.length] = found  # the one used last stands last
        if len(self._states) > _MOST_STATES:
            del self._states[next(iter(self._states))]
        return found

    def pose(
        self,
        weights: Mapping[str, float] | ArrayLike | None = None,
        *,
        rotations: Mapping[str, ArrayLike] | None = None,
        translation: ArrayLike | None = None,
        vertices: ArrayLike | None = None,
        **names: float,
    ) -> Posed:
        """The avatar in a pose, ready to be drawn at any budget.

        names: weights by names of ARKit or of the rig's shapes, as they are or in snake_case: `jaw_open=0.4`; and
            `head_yaw`, `head_pitch` and `head_roll` in degrees: to the person's left, down, to the right shoulder.
            Names of ARKit that the rig cannot show do nothing, and so do shapes that are not in the budget yet.
        weights: the same as a mapping, or an array of all shapes [K] as in `Rig.pose`.
        rotations: by joint, axis times angle in radians [3]; replaces what names do to it. translation: world units.
        vertices: [V, 3], a tracked mesh, instead of all of these.

        Raises: SettingsError; for unknown names it lists near ones.
        """
        try:
            if vertices is not None:
                if weights is not None or names or rotations or translation is not None:
                    raise SettingsError("vertices say where everything is; leave the other arguments out")
                return Posed(self, mesh_of(vertices, self.rig))
            by_name = weights if isinstance(weights, Mapping) else {}
            found = self._names.expression({**by_name, **names}, rotations, translation)
            if weights is not None and not isinstance(weights, Mapping):
                found = replace(found, shapes=self._names.all_shapes(weights, found.shapes))
            return Posed(self, found)
        except SettingsError as error:
            raise SettingsError(f"cannot pose {self._decoder.parser.name!r}: {error}") from None

    def drive(self, source: str | os.PathLike[str] | Drive | Mapping[str, float]) -> Driven:
        """The avatar in every frame of a drive: a file (docs/avatars.md), or one pose as weights by name.

        Raises: InputError that names file, frame and field; SettingsError for a pose.
        """
        if isinstance(source, Mapping):
            expression = self.pose(source).expression
            return Driven(self, 1, lambda _: expression, None)
        drive = source if isinstance(source, Drive) else read_drive(source)
        self._names.check(drive)
        return Driven(self, drive.frames, partial(self._names.frame, drive), drive.fps)


@dataclass(frozen=True, eq=False)
class Posed:
    """An avatar in a pose: `asset.pose(jaw_open=0.4).render(camera, "5%")`."""

    asset: AvatarAsset
    expression: Expression

    def mesh(self, budget: Budget | str | None = None) -> Float32Array:
        """The mesh with the shapes that a budget holds, [V, 3]."""
        return self.expression.mesh(self.asset.state(budget).rig)

    def splats(self, budget: Budget | str | None = None) -> Splats3D:
        """The splats that a budget such as "5%" or "2000 splats" holds; see `AvatarAsset.state` for the errors."""
        state = self.asset.state(budget)
        return state.posed(self.expression.mesh(state.rig))

    def render(
        self, camera: Camera, budget: Budget | str | None = None, *, background: ArrayLike | None = None
    ) -> Float32Array:
        """The picture that a camera sees, float32 [H, W, 3] in 0..1.

        background: colour [3], by default the one on which the avatar was learned.
        """
        behind = self.asset.layout.background if background is None else background
        color = render(self.splats(budget), camera, background=behind).color
        return np.clip(color, 0, 1, out=color)


class Driven:
    """An avatar in the frames of a drive, each posed when it is asked for.

    fps: frames a second, None if the drive does not say.
    """

    def __init__(self, asset: AvatarAsset, frames: int, told: Callable[[int], Expression], fps: float | None) -> None:
        self.fps = fps
        self._asset, self._frames, self._told = asset, frames, told

    def __len__(self) -> int:
        return self._frames

    def __getitem__(self, frame: int) -> Posed:
        return Posed(self._asset, self._told(range(self._frames)[frame]))

    def __iter__(self) -> Iterator[Posed]:
        return (self[frame] for frame in range(self._frames))

    def single(self, frame: int | None = None) -> Posed:
        """One of the frames, counted from 0; none needs to be chosen where there is one alone. SettingsError."""
        if frame is None and self._frames > 1:
            raise SettingsError(
                f"cannot show one picture of {self._frames:,} frames: choose one with frame= (--frame), from 0"
            )
        if not 0 <= (frame or 0) < self._frames:
            raise SettingsError(f"cannot show frame {frame}: there are {self._frames:,}, counted from 0")
        return self[frame or 0]
