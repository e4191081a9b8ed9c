"""From a fitted avatar to integers: how fine, in which order, and what rounding costs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from sfumato.media.avatar.fit import Fit
from sfumato.media.avatar.growth import CHUNK_SPLATS, Stream, stream
from sfumato.media.avatar.model import Avatar
from sfumato.media.avatar.quantise import Ints, face_levels, rounded

LOSS_DB = 0.08
"""Of the whole avatar's PSNR, what rounding may cost in the pictures it is judged by: held-out ones lose up to 0.02
more."""

LEAST_CHUNKS = 32
"""Of a stream, about, however few splats there are: a head sharpens in small steps."""

JUDGES, LOOKS = 24, 96
"""Pictures by which rounding is judged, and by which it is found what every face is worth."""

_FINENESS = (-32, 64)


@dataclass(frozen=True)
class Finished:
    """How an avatar is written: see `codec.encode_forest`."""

    stream: Stream
    level: Ints
    fineness: int


def finish(fit: Fit) -> Finished:
    """How to write what a fit has found."""
    avatar, pictures = fit.state.avatar, fit.pictures
    worth = fit.worth(pictures.some(LOOKS))
    level = face_levels(worth)
    judges = pictures.some(JUDGES)

    def psnr(shown: Avatar) -> float:
        return fit.psnr(shown, [np.ones(len(shown), bool)], pictures, judges)[0]

    splats = min(CHUNK_SPLATS, max(3, len(avatar) // LEAST_CHUNKS))
    return Finished(stream(avatar.forest, worth, splats), level, coarsest(avatar, level, psnr))


def coarsest(avatar: Avatar, level: Ints, psnr: Callable[[Avatar], float], loss_db: float = LOSS_DB) -> int:
    """The least fineness at which rounding costs at most `loss_db`, or the greatest there is."""
    whole = psnr(avatar)
    low, high = _FINENESS
    while low < high:
        middle = (low + high) // 2
        if whole - psnr(rounded(avatar, level, middle)) <= loss_db:
            high = middle
        else:
            low = middle + 1
    return low
