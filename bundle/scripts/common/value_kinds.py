"""Kinds of values that a setting may have: a number in a range, a flag or a list.

Each kind tells whether it allows a value, and its text describes the allowed values in a message.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from os import PathLike


@dataclass(frozen=True)
class Number:
    """Range of a number.

    Attributes:
        low: smallest value.
        high: largest value.
        whole: whether the number is an integer.
        above: whether ``low`` itself is not allowed.
        below: whether ``high`` itself is not allowed.
        or_zero: whether 0 is allowed outside the range.
        optional: whether ``null`` is allowed.
    """

    low: float = -math.inf
    high: float = math.inf
    whole: bool = False
    above: bool = False
    below: bool = False
    or_zero: bool = False
    optional: bool = False

    def allows(self, value: object) -> bool:
        """Whether a value is a finite number in the range."""
        if value is None:
            return self.optional
        if isinstance(value, bool) or not isinstance(value, int if self.whole else int | float):
            return False
        if self.or_zero and value == 0:
            return True
        return (
            math.isfinite(value)
            and (value > self.low if self.above else value >= self.low)
            and (value < self.high if self.below else value <= self.high)
        )

    def __str__(self) -> str:
        limits = []
        if self.low > -math.inf:
            limits.append(f"{'above' if self.above else 'of at least'} {self.low:g}")
        if self.high < math.inf:
            limits.append(f"{'below' if self.below else 'at most'} {self.high:g}")
        kind = "a whole number" if self.whole else "a number"
        others = (", or 0" if self.or_zero else "") + (" or null" if self.optional else "")
        return " ".join([kind, " and ".join(limits)]).strip() + others


@dataclass(frozen=True)
class Flag:
    """True or false."""

    def allows(self, value: object) -> bool:
        """Whether a value is a boolean."""
        return isinstance(value, bool)

    def __str__(self) -> str:
        return "true or false"


@dataclass(frozen=True)
class Listed:
    """List of values.

    Attributes:
        entry: check of each entry; ``None`` for texts.
        count: number of entries; ``None`` for any number.
        ascending: whether no entry is smaller than the one before it.
        optional: whether ``null`` is allowed instead of a list.
    """

    entry: Number | None = None
    count: int | None = None
    ascending: bool = False
    optional: bool = False

    def allows(self, value: object) -> bool:
        """Whether a value is such a list."""
        if value is None:
            return self.optional
        if not isinstance(value, list | tuple) or self.count not in (None, len(value)):
            return False
        if not all(isinstance(one, str | PathLike) if self.entry is None else self.entry.allows(one) for one in value):
            return False
        return not self.ascending or list(value) == sorted(value)

    def __str__(self) -> str:
        count = "" if self.count is None else f" {self.count}"
        entries = "texts, such as \"['a', 'b']\"" if self.entry is None else f"entries, each {self.entry}"
        order = ", in ascending order" if self.ascending else ""
        return f"a list of{count} {entries}{order}" + (" or null" if self.optional else "")
