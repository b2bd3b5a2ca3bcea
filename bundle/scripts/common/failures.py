"""``failures.csv``: the table of rejected inputs, with code, reason and remedy."""

from __future__ import annotations

import csv
import traceback
from collections.abc import Iterable
from dataclasses import astuple, dataclass, fields, replace
from pathlib import Path

from .atomic import atomic_write, full_disk_cause
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

    @classmethod
    def unexpected(cls, path: str, error: Exception) -> Failure:
        """Row of an input for which the software failed.

        The text of the error is left out, because it may quote patient data.

        Args:
            path: input, as the user named it.
            error: error that nobody expected.

        Raises:
            Exception: ``error`` itself, if the disk is full, which concerns every input.
        """
        if full_disk_cause(error) is not None:
            raise error
        place = traceback.extract_tb(error.__traceback__)[-1]
        reason = f"{path}: failed inside with {type(error).__name__}, {Path(place.filename).name} line {place.lineno}"
        return cls(path, "INTERNAL", f"{reason}; expected a result or a rejection", "report this line")

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
