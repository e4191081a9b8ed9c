"""How much of a file may be used: budgets as people write them, and the longest prefix that keeps one."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from sfumato.container.prefix import Prefix
from sfumato.errors import BudgetError

# Bytes per unit; KB and MB are decimal as on a phone bill (IEC 80000-13), KiB and MiB binary. Letter case is ignored.
_BYTES = {
    "": 1, "b": 1, "byte": 1, "bytes": 1,
    "kb": 1000, "mb": 1000**2, "gb": 1000**3,
    "kib": 1024, "mib": 1024**2, "gib": 1024**3,
}  # fmt: skip
_AMOUNT = re.compile(r"(\d{1,15}(?:\.\d{1,9})?)\s*([a-z%]*)")
_LEVEL = re.compile(r"level\s*(\d{1,3})")
_UNDERSTOOD = "'5%', '30KB', '1.5MB', '64KiB', '2000' (bytes), '2000 splats' or 'level 2'"


@dataclass(frozen=True)
class Budget:
    """How much of a file may be used.

    amount: at most so many `unit`s; more than 0, at most 100 for percent. For "level" the number of the last level.
    unit: "percent" (of the bytes of the whole file, even if only a prefix of it is there), "bytes", "splats" or
        "level" (everything up to the end of that level, whatever it takes).

    Raises: BudgetError if the amount is outside its range or the unit is unknown.
    """

    amount: Fraction
    unit: str

    def __post_init__(self) -> None:
        if self.unit not in ("percent", "bytes", "splats", "level"):
            raise BudgetError(f"cannot use {self.unit!r} as a budget's unit: it is percent, bytes, splats or level")
        if self.unit == "percent" and self.amount > 100:
            raise BudgetError(f"cannot use {self} as a budget: it is more than the whole file")
        if self.amount < 0 or (self.amount == 0 and self.unit != "level"):
            raise BudgetError(f"cannot use {self} as a budget: it has to be more than 0")

    @classmethod
    def parse(cls, text: str) -> Budget:
        """A budget as people write it: "5%", "30KB", "64KiB", "1.5MB", "2000" (bytes), "2000 splats", "level 2".

        Raises: BudgetError if the text is not understood, or the amount is outside its range.
        """
        plain = text.strip().lower()
        if level := _LEVEL.fullmatch(plain):
            return cls(Fraction(level[1]), "level")
        match = _AMOUNT.fullmatch(plain)
        if match is None:
            raise BudgetError(f"cannot understand the budget {text!r}: write it like {_UNDERSTOOD}")
        amount, unit = Fraction(match[1]), match[2]
        if unit == "%":
            return cls(amount, "percent")
        if unit in ("splat", "splats"):
            return cls(amount, "splats")
        if unit in _BYTES:
            return cls(amount * _BYTES[unit], "bytes")
        raise BudgetError(f"cannot understand the unit {unit!r} of the budget {text!r}: write it like {_UNDERSTOOD}")

    def __str__(self) -> str:
        if self.unit == "level":
            return f"level {self.amount}"
        number = f"{math.floor(self.amount):,}" if self.unit != "percent" else f"{float(self.amount):g}"
        return f"{number}%" if self.unit == "percent" else f"{number} {self.unit}"


def select(choices: Sequence[Prefix], budget: Budget | str) -> Prefix:
    """The longest prefix that keeps the budget.

    choices: as `Parser.prefixes()` gives them, shortest first, the last being the whole file. With
        `within_base=True` bytes and percent may also end inside the base level; splats are counted there as a whole.
    Raises: BudgetError if not even the shortest prefix fits (the text says what it needs) or the level does not exist.
    """
    if isinstance(budget, str):
        budget = Budget.parse(budget)
    whole = choices[-1]
    if budget.unit == "level":
        for prefix in choices:
            if prefix.levels > budget.amount:
                return prefix
        raise BudgetError(f"cannot end with {budget}: the file has levels 0 to {whole.levels - 1}")
    fitting = [prefix for prefix in choices if _keeps(prefix, budget, whole.length)]
    if fitting:
        return fitting[-1]
    shortest = next(prefix for prefix in choices if prefix.splats is not None or budget.unit != "splats")
    percent = math.ceil(10000 * shortest.length / whole.length) / 100
    needs = f"{shortest.length:,} bytes ({percent:g}% of the file)"
    if shortest.splats is not None:
        needs += f" with {shortest.splats:,} splats"
    what = "the base level" if shortest.levels else "the first chunk of the base level"
    raise BudgetError(f"a budget of {budget} cannot hold {what}: it takes {needs}")


def _keeps(prefix: Prefix, budget: Budget, whole_length: int) -> bool:
    if budget.unit == "splats":
        return prefix.splats is not None and prefix.splats <= budget.amount
    limit = budget.amount if budget.unit == "bytes" else budget.amount * whole_length / 100
    return prefix.length <= limit
