"""What every prefix of an asset costs and how good it looks: rate-distortion curves, and numbers drawn from them."""

from __future__ import annotations

import itertools
import json
import math
from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args

from numpy.typing import NDArray

from sfumato.errors import InputError
from sfumato.quality import metrics
from sfumato.quality.lpips import Lpips

Metric = Literal["psnr", "ssim", "ms_ssim", "lpips"]

_KIND = "sfumato-rate-curve"
_VERSION = 1


@dataclass(frozen=True)
class RatePoint:
    """One prefix of an asset.

    bytes: length of the prefix, headers included.
    splats: how many splats it shows.
    psnr: dB, infinite for an exact picture; ssim, ms_ssim: at most 1; lpips: distance, or None where not measured.
    """

    bytes: int
    splats: int
    psnr: float
    ssim: float
    ms_ssim: float
    lpips: float | None = None

    @classmethod
    def measured(
        cls, size: int, splats: int, shown: NDArray[Any], original: NDArray[Any], lpips: Lpips | None = None
    ) -> RatePoint:
        """The point of a prefix of `size` bytes that shows the picture `shown` of `original`, both [H, W, C]."""
        return cls(
            size,
            splats,
            metrics.psnr(shown, original),
            metrics.ssim(shown, original),
            metrics.ms_ssim(shown, original),
            lpips(shown, original) if lpips else None,
        )


@dataclass(frozen=True)
class RateCurve:
    """Every prefix of one asset, shortest first.

    name: what the curve is called in tables and plots; width, height: the picture's size in pixels.
    """

    name: str
    width: int
    height: int
    points: tuple[RatePoint, ...]

    def __post_init__(self) -> None:
        sizes = [point.bytes for point in self.points]
        if not sizes or sizes[0] < 1 or any(b <= a for a, b in itertools.pairwise(sizes)):
            raise ValueError("a rate curve needs at least one point, and sizes in bytes that grow from 1 on")
        if self.width < 1 or self.height < 1:
            raise ValueError(f"a rate curve needs a picture size, not {self.width} x {self.height}")

    def series(self, metric: Metric) -> list[tuple[float, float]]:
        """(bytes, value) of every point where `metric` was measured; fits `bdrate.bd_rate`."""
        if metric not in get_args(Metric):
            raise ValueError(f"metric must be one of {', '.join(get_args(Metric))}, not {metric!r}")
        values = [(float(point.bytes), getattr(point, metric)) for point in self.points]
        return [(size, value) for size, value in values if value is not None]

    def bits_per_pixel(self, size: float) -> float:
        """`size` in bytes as bits per pixel of this picture."""
        return 8 * size / (self.width * self.height)

    def mean_over_log_bytes(self, metric: Metric, low: float | None = None, high: float | None = None) -> float:
        """The area under the curve over the logarithm of the bytes, divided by its width: a mean in the metric's unit.

        low, high: the range in bytes, by default from the first prefix to the last. Between two prefixes a viewer still
        shows the earlier one, so the curve is a staircase; before the first one there is no picture, which counts as 0.
        Two curves compare over the same range only. A range of one point gives the value there.
        """
        series = self.series(metric)
        if not series:
            return math.nan
        low = series[0][0] if low is None else low
        high = series[-1][0] if high is None else high
        if not 0 < low <= high:
            raise ValueError(f"the range in bytes must be positive and ascending, not {low} to {high}")
        shown = [value for size, value in series if size <= low]
        if low == high:
            return shown[-1] if shown else 0.0
        area, at, current = 0.0, low, shown[-1] if shown else 0.0
        for size, value in [*((s, v) for s, v in series if low < s < high), (high, 0.0)]:
            area += current * math.log(size / at)
            at, current = size, value
        return area / math.log(high / low)

    def largest_drop(self, metric: Literal["psnr", "ssim", "ms_ssim"] = "psnr") -> float:
        """How far `metric` falls from one prefix to the next at worst; 0 if more bytes never look worse."""
        values = [value for _, value in self.series(metric)]
        return max((a - b for a, b in itertools.pairwise(values) if b < a), default=0.0)

    def first_at_least(self, value: float, metric: Literal["psnr", "ssim", "ms_ssim"] = "psnr") -> RatePoint | None:
        """The shortest prefix whose `metric` reaches `value`, or None."""
        return next((point for point in self.points if getattr(point, metric) >= value), None)

    def to_json(self) -> str:
        """The curve as JSON text: an object with kind, version, name, width, height and points.

        Every point is an object with the fields of `RatePoint`. An infinite PSNR is the string "inf", since JSON has no
        such number; an LPIPS that was not measured is null.
        """
        points = [
            {key: "inf" if value == math.inf else value for key, value in asdict(point).items()}
            for point in self.points
        ]
        head = {"kind": _KIND, "version": _VERSION, "name": self.name, "width": self.width, "height": self.height}
        return json.dumps({**head, "points": points}, indent=1, allow_nan=False) + "\n"

    @classmethod
    def from_json(cls, text: str) -> RateCurve:
        """The curve that `to_json` wrote; InputError if the text is something else. Unknown fields are ignored."""
        try:
            read = json.loads(text)
            if read["kind"] != _KIND or read["version"] != _VERSION:
                raise ValueError(f"it is {read['kind']!r} version {read['version']!r}")
            points = tuple(_point(fields) for fields in read["points"])
            return cls(str(read["name"]), int(read["width"]), int(read["height"]), points)
        except (ValueError, TypeError, KeyError, RecursionError) as error:
            reason = f"{error} is missing" if isinstance(error, KeyError) else str(error)
            raise InputError(f"cannot read this text as a rate curve of version {_VERSION}: {reason}") from None


def _point(fields: dict[str, Any]) -> RatePoint:
    lpips = fields["lpips"]
    return RatePoint(
        int(fields["bytes"]),
        int(fields["splats"]),
        float(fields["psnr"]),
        float(fields["ssim"]),
        float(fields["ms_ssim"]),
        None if lpips is None else float(lpips),
    )
