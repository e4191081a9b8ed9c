"""The forest of an avatar and its splats to chunks and back.

A chunk of level 1 holds splats of some of the template's faces; one of a deeper level holds splits of some faces of the
level above, each with its point, the patch of its face and its three children. Which faces is coded as points of a
grid, the fewer of those that are in the chunk and those that are not. Every value is coded as the distance to what is
expected: of children from their parent and their first sibling, of the template's faces from those next to them.

`Walk` is the one description of the order of symbols; encoder and decoder both run it. A decoder needs to know the
template alone; every chunk adds to what was there before, and what it adds to is `Known`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from sfumato.coding import Coder, SymbolDecoder, SymbolEncoder, code_points
from sfumato.coding.columns import Model, best_expectation
from sfumato.coding.contexts import WideModel, magnitude
from sfumato.errors import ChunkError, InputError, LimitError
from sfumato.media.avatar.forest import Bools
from sfumato.media.avatar.forest import Ints as Rows
from sfumato.media.avatar.growth import Stream
from sfumato.media.avatar.header import MAX_CHUNK, Header
from sfumato.media.avatar.known import Known, Template
from sfumato.media.avatar.model import FACE_FIELDS, SPLIT_FIELDS, Avatar, Parameters
from sfumato.media.avatar.quantise import (
    BANDS,
    COLOR,
    LEVEL,
    OFFSET,
    OPACITY,
    PATCH_COLOR,
    PATCH_OPACITY,
    PATCH_SCALE,
    POINT,
    ROTATION,
    SCALE,
    SPLIT_COLUMNS,
    SPLIT_LIMITS,
    Ints,
    face_limits,
    face_steps,
    quantise_faces,
    quantise_splits,
    split_steps,
)
from sfumato.media.avatar.reference import Reference
from sfumato.media.scene.quantise import step_context, step_log

_SIDE = 1 << 16
_WEIGHTS = range(0, 17, 2)


class Walk:
    """Codes the parts of a chunk with `coder`; without models it finds the best ones on the way."""

    def __init__(self, coder: Coder, models: tuple[Model, ...] | None = None) -> None:
        self.coder = coder
        self.planned: list[Model] = []
        self._models = None if models is None else iter(models)

    def members(self, candidates: int, count: int, given: Rows | None) -> Rows:
        """Which `count` of the candidates are in the chunk, ascending numbers below `candidates`."""
        coded = min(count, candidates - count)
        inverse = coded < count
        which = None if given is None else _others(given, candidates) if inverse else given
        points = None if which is None else np.stack([which % _SIDE, which // _SIDE], axis=1)
        if coded:
            size = (candidates, 1) if candidates <= _SIDE else (_SIDE, -(-candidates // _SIDE))
            column, row = code_points(self.coder, points, coded, *size).astype(np.intp).T
            found = np.sort(column + row * _SIDE)
            if found[-1] >= candidates or (np.diff(found) == 0).any():
                raise ChunkError("cannot decode the forest: a face comes twice, or does not exist")
        else:
            found = np.zeros(0, np.intp)
        return _others(found, candidates) if inverse else found

    def splits(self, shade: Ints, patched: bool, given: Ints | None) -> Ints:
        """Points and patches of splits, [n, 9] in units. shade: [n], of the splats on their faces."""
        steps, found = split_steps(shade), np.zeros((len(shade), SPLIT_COLUMNS), np.int64)
        nothing = Reference.none(*found.shape)
        for columns in (POINT, PATCH_OPACITY, PATCH_SCALE, PATCH_COLOR)[: 4 if patched else 1]:
            limit = int(SPLIT_LIMITS[columns.start])
            self._column(step_context(shade), steps, limit, columns, nothing, given, found)
        return found

    def faces(self, reference: Reference, fineness: int, given: Ints | None) -> tuple[Ints, Ints]:
        """Splats in units [n, columns] and their shades [n]."""
        n, _, columns = reference.before.shape
        limits, found = face_limits(columns), np.zeros((n, columns), np.int64)

        def code(which: slice, context: Ints, steps: Ints) -> Ints:
            return self._column(context, steps, int(limits[which.start]), which, reference, given, found)

        code(LEVEL, np.zeros(n, np.int64), np.ones((n, columns), np.int64))
        shade = step_log(found[:, 0], fineness)
        context = step_context(shade)
        steps = face_steps(shade, found[:, SCALE], columns).steps
        for axis in range(SCALE.start, SCALE.stop):
            code(slice(axis, axis + 1), context, steps)
        made = face_steps(shade, found[:, SCALE], columns)
        code(OPACITY, context, made.steps)
        for which, log in ((OFFSET, made.place), (ROTATION, made.turn)):
            for axis in range(which.start, which.stop):
                code(slice(axis, axis + 1), step_context(log), made.steps)
        busy = context
        for channel in range(COLOR.start, COLOR.stop):
            rest = code(slice(channel, channel + 1), busy, made.steps)
            busy = context + 4 * np.minimum(magnitude(rest[:, 0]), 6) if channel == COLOR.start else busy
        first, harmonics = BANDS, 3
        while first < columns:
            end = first + 3 * harmonics
            for channel in range(3):
                code(slice(first + channel, end, 3), context, made.steps)
            first, harmonics = end, harmonics + 2
        return found, shade

    def _column(
        self,
        context: Ints,
        steps: Ints,
        limit: int,
        columns: slice,
        reference: Reference,
        given: Ints | None,
        out: Ints,
    ) -> Ints:
        """Codes some columns that share a model, and puts what they stand for into `out`, in units.

        context: [n]. steps: [n, all columns]. given: [n, all columns], in steps. Returns the distances to what was
        expected, in steps, [n, m].
        """
        step, found = steps[:, columns], out[:, columns]
        if given is not None:
            found[:] = np.clip(given[:, columns] * step, -limit, limit)
        if self._models is None:
            assert given is not None
            likely = reference.of(np.arange(len(found)), columns, found)
            centre, weight = best_expectation(given[:, columns], step, likely, _WEIGHTS)
            rest = given[:, columns] - _steps((weight * likely >> 3) + centre, step)
            best = WideModel.best(rest.ravel(), np.repeat(context, rest.shape[1]))
            self.planned.append(Model(best, centre, weight))
            return rest
        model, rest = next(self._models), np.zeros(found.shape, np.int64)
        for wave in reference.waves:
            expected = _steps(model.expected(reference.of(wave, columns, found)), step[wave])
            known = None if given is None else (given[wave, columns] - expected).ravel()
            contexts = np.repeat(context[wave], found.shape[1])
            rest[wave] = model.context.code(self.coder, contexts, known).reshape(expected.shape)
            found[wave] = np.clip((expected + rest[wave]) * step[wave], -limit, limit)
        return rest


@dataclass(frozen=True)
class Content:
    """What an encoder puts into a chunk. Integers, in steps, of the splats and of the splits (none in level 1)."""

    members: Rows
    faces: Ints
    splits: Ints


def code_chunk(walk: Walk, known: Known, level: int, header: Header, given: Content | None) -> Known:
    """Codes one chunk, and what is known with it. ChunkError, LimitError if that cannot be."""
    candidates = known.candidates(level)
    if header.count > len(candidates):
        raise ChunkError(f"a chunk of {header.count} members of level {level}, where {len(candidates)} are left")
    if header.count > MAX_CHUNK:
        raise LimitError(f"a chunk of {header.count:,} members; the cap is {MAX_CHUNK:,}")
    if known.count + header.count * (1 if level == 1 else 3) > known.template.max_splats:
        raise LimitError(f"more than {known.template.max_splats:,} splats")
    members = walk.members(len(candidates), header.count, None if given is None else given.members)
    members = candidates[members]
    faces = None if given is None else given.faces
    if level == 1:
        roots = len(known.template.roots)
        reference = Reference.neighbours(members, known.there[:roots], known.units[:roots], known.template.beside)
        return known.with_roots(members, *walk.faces(reference, header.fineness, faces))
    splits = walk.splits(known.shade[members].astype(np.int64), header.patched, None if given is None else given.splits)
    reference = Reference.families(known.units[members].astype(np.int64))
    return known.with_splits(members, splits, *walk.faces(reference, header.fineness, faces))


def decode_chunk(known: Known, level: int, payload: bytes) -> Known:
    """What is known after one more chunk of this level, 1 or more.

    Any bytes are safe to decode: ChunkError or LimitError if they are no chunk that can follow here.
    """
    if not 1 <= level <= known.template.max_depth:
        raise ChunkError(f"a chunk of level {level} of a forest that has levels 1 to {known.template.max_depth}")
    header, stream = Header.from_bytes(payload, level, known.template.sh_degree)
    decoder = SymbolDecoder(stream)
    found = code_chunk(Walk(decoder, header.models), known, level, header, None)
    decoder.finish()
    return found


def encode_forest(avatar: Avatar, stream: Stream, level: Ints, fineness: int = 0) -> Iterator[tuple[bytes, Known]]:
    """The payloads of all chunks of a stream, and what a decoder knows after each.

    level: [N], of every splat, see `quantise`. fineness: -127..127, see `Header`.
    Raises: InputError for parameters that are not finite, and rotations 0; LimitError for chunks of more than MAX_CHUNK
        members; ValueError for a stream that is none of this forest.
    """
    forest, parameters = avatar.forest, avatar.parameters
    _check(parameters)
    faces = quantise_faces(parameters, level, fineness)
    shade = step_log(faces[:, 0], fineness)
    splits = quantise_splits(parameters, shade[forest.is_split])
    known = Known.start(Template(forest.roots, forest.mesh_vertices, avatar.sh_degree, forest.max_depth))
    number = np.arange(len(forest.roots))  # of every face that is known, in the forest
    for which, chunk in zip(stream.levels, stream.chunks, strict=True):
        made = (chunk[::3] - len(forest.roots)) // 3 if which > 1 else np.zeros(0, np.intp)
        members = forest.is_split[made] if which > 1 else chunk
        candidates = number[known.candidates(which)]
        whole = which == 1 or np.array_equal(forest.children(made).ravel(), chunk)
        if not whole or not np.isin(members, candidates).all():
            raise ValueError("a stream's chunks show every face once, after its parent and with its siblings")
        content = Content(np.searchsorted(candidates, members), faces[chunk], splits[made])
        payload, known = _encode_chunk(known, which, fineness, content)
        number = np.union1d(number, chunk)
        yield payload, known


def decode_forest(template: Template, chunks: Iterable[tuple[int, bytes]]) -> tuple[Avatar, Bools]:
    """The avatar that chunks, each with its level, stand for, and which of its faces are shown [N]."""
    known = Known.start(template)
    for level, payload in chunks:
        known = decode_chunk(known, level, payload)
    return known.avatar(), known.there


def _encode_chunk(known: Known, level: int, fineness: int, content: Content) -> tuple[bytes, Known]:
    """The first of two walks finds the models, the second codes with them."""
    patched = bool(content.splits[:, PATCH_OPACITY.start :].any())
    header = Header(len(content.members), fineness, patched, ())
    plan = Walk(SymbolEncoder())
    code_chunk(plan, known, level, header, content)
    header = Header(len(content.members), fineness, patched, tuple(plan.planned))
    encoder = SymbolEncoder()
    made = code_chunk(Walk(encoder, header.models), known, level, header, content)
    return header.to_bytes() + encoder.finish(), made


def _check(parameters: Parameters) -> None:
    for name in FACE_FIELDS + SPLIT_FIELDS:
        values = getattr(parameters, name)
        wrong = ~np.isfinite(values).all(axis=tuple(range(1, values.ndim)))
        if name == "rotation":
            wrong |= ~values.any(axis=1)
        if wrong.any():
            what = "face" if name in FACE_FIELDS else "split"
            raise InputError(
                f"cannot encode the avatar: {name} of {what} {wrong.argmax()} is not finite, or a rotation 0; go back "
                "to a checkpoint before it became so"
            )


def _others(members: Rows, candidates: int) -> Rows:
    """The numbers below `candidates` that are not among `members`, ascending."""
    left = np.ones(candidates, bool)
    left[members] = False
    return np.flatnonzero(left)


def _steps(units: Ints, step: Ints) -> Ints:
    """The nearest whole numbers of steps."""
    found: Ints = (units + (step >> 1)) // step
    return found
