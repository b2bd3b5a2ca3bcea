"""``failures.csv``: the table of rejected inputs, with code, reason and remedy."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from dataclasses import astuple, dataclass, fields, replace
from pathlib import Path

from .atomic import atomic_write
from .csv_text import csv_text, unprotected
from .refusal import RefusedInput


@dataclass(frozen=True)
class Failure:
    """Row of the table: one rejected input."""

    path: str
    code: str
    reason: str
    remedy: str

    @classmethod
    def of(cls, path: str, refusal: RefusedInput) -> Failure:
        """Row of an input.

        Args:
            path: input, as the user named it.
            refusal: error that names its file.
        """
        return cls(path, refusal.code, str(refusal), refusal.remedy)

    def rename(self, old: str, new: str) -> Failure:
        """Copy of the row with a path replaced, for a file that the user knows by another name."""
        return replace(self, path=self.path.replace(old, new), reason=self.reason.replace(old, new))


def read_failures(path: str | Path) -> list[Failure]:
    """Rows of a table that :func:`write_failures` wrote; unprintable characters stay escaped."""
    with open(path, newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    return [Failure(**{name: unprotected(cell) for name, cell in row.items()}) for row in rows]


def write_failures(path: str | Path, failures: Iterable[Failure]) -> None:
    """Write the table, replacing an earlier one."""
    text = csv_text([field.name for field in fields(Failure)], map(astuple, failures))
    with atomic_write(path) as file:
        file.write(text.encode())
