"""``failures.csv``: every input that was refused, with code, reason and remedy."""

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
    """One refused input."""

    path: str
    code: str
    reason: str
    remedy: str

    @classmethod
    def of(cls, path: str, refusal: RefusedInput) -> Failure:
        """Row of a refusal whose text names its file."""
        return cls(path, refusal.code, str(refusal), refusal.remedy)

    def rename(self, old: str, new: str) -> Failure:
        """The same, for a file that the user knows by another name."""
        return replace(self, path=self.path.replace(old, new), reason=self.reason.replace(old, new))


def read_failures(path: str | Path) -> list[Failure]:
    """Rows of the table, as :func:`write_failures` was given them, but for the escapes of what is not printable."""
    with open(path, newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    return [Failure(**{name: unprotected(cell) for name, cell in row.items()}) for row in rows]


def write_failures(path: str | Path, failures: Iterable[Failure]) -> None:
    """Write (replace) the table."""
    text = csv_text([field.name for field in fields(Failure)], map(astuple, failures))
    with atomic_write(path) as file:
        file.write(text.encode())
