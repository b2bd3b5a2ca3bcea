"""Tables of labels, checked as they are read, and the films that they list."""

from __future__ import annotations

import csv
import difflib
import gzip
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ...common.failures import Failure
from ...common.printable import quoted, shortened
from ...common.refusal import RefusedInput
from ...dicom.words import view_of
from ..sources import LABEL_VALUES, failure

Reading = tuple[list[str], list[dict[str, Any]], list[Failure]]
_SEXES = {"m": "M", "male": "M", "f": "F", "female": "F"}
_OLDEST = 120.0  # years; NIH has ages of 400 and more


@dataclass(frozen=True)
class Row:
    """A row of a table.

    Attributes:
        values: by column, without surrounding blanks.
        where: file and row, as a spreadsheet counts.
    """

    values: dict[str, str]
    where: str

    def __getitem__(self, column: str) -> str:
        """Value in a column."""
        return self.values[column]

    def wrong(self, column: str, expected: str, remedy: str = "compare with the published table") -> ValueError:
        """Error about the value in a column."""
        return ValueError(f"{self.where}: {column}: expected {expected}, found {quoted(self[column])}; {remedy}")

    def number(self, column: str) -> float:
        """Finite number in a column.

        Raises:
            ValueError: it is none.
        """
        try:
            value = float(self[column])
        except ValueError:
            value = math.nan
        if not math.isfinite(value):
            raise self.wrong(column, "a number")
        return value

    def labels(self, columns: Sequence[str]) -> list[float]:
        """1.0, 0.0, -1.0 (uncertain) or NaN (blank) of each column.

        Raises:
            ValueError: a column has another value.
        """
        for column in columns:
            if self[column] not in LABEL_VALUES:
                raise self.wrong(column, "1, 0, -1 or blank")
        return [LABEL_VALUES[self[column]] for column in columns]


def find_table(root: Path, *patterns: str) -> Path:
    """First file in ``root`` that matches a pattern, plain or gzipped.

    Raises:
        FileNotFoundError: there is none.
    """
    for pattern in patterns:
        for name in (pattern, f"{pattern}.gz"):
            found = sorted(root.glob(name))
            if found:
                return found[0]
    there = ", ".join(sorted(path.name for path in root.iterdir())[:8]) or "nothing"
    raise FileNotFoundError(
        f"{root}: no table of this layout; expected {' or '.join(patterns)}, found {there}; "
        "give the folder that holds it, or put it there"
    )


def read_rows(path: Path, required: Sequence[str]) -> Iterator[Row]:
    """Rows of a CSV or CSV.GZ file, UTF-8.

    Raises:
        ValueError: a column is missing, or a row has fewer fields than the header.
    """
    opened = gzip.open if path.suffix == ".gz" else open
    with opened(path, "rt", newline="", encoding="utf-8-sig") as file:  # type: ignore[operator]
        reader = csv.DictReader(file)
        header = [str(name).strip() for name in reader.fieldnames or []]
        reader.fieldnames = header
        for column in required:
            if column not in header:
                nearest = difflib.get_close_matches(column, header, n=1, cutoff=0.0)
                raise ValueError(
                    f"{path}: no column {column!r}; expected it in the header, found "
                    f"{shortened(', '.join(header), 200)}; "
                    f"is this the published table? Nearest: {shortened(nearest[0]) if nearest else 'none'}"
                )
        for number, values in enumerate(reader, start=2):
            where = f"{path}: row {number}"
            for column in required:
                if values[column] is None:
                    raise ValueError(
                        f"{where}: {column}: expected a value, found the end of the row; complete the file"
                    )
            yield Row({name: (value or "").strip() for name, value in values.items() if isinstance(name, str)}, where)


@dataclass
class Films:
    """The films of a data set, and what is left out.

    Attributes:
        items: films whose file is there.
        failures: every other row, once, with the reason.
    """

    items: list[dict[str, Any]] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)
    seen: set[str] = field(default_factory=set)

    def add(self, image: Path, item: dict[str, Any]) -> None:
        """Take a film, or record that its file is missing or was listed before; empty values are dropped."""
        if str(image) in self.seen:
            self.leave_out(image, "DUPLICATE", "a film listed twice", "each once", "another row", "remove one row")
        elif not image.is_file():
            self.leave_out(
                image, "MISSING_FILE", "no such file", "an image", "nothing", "download it, or ignore this for a subset"
            )
        else:
            kept = {key: value for key, value in item.items() if value not in (None, "")}
            self.items.append({"image": str(image), **kept})
        self.seen.add(str(image))

    def leave_out(self, image: Path, code: str, what: str, expected: str, found: str, remedy: str) -> None:
        """Record a row that is no item."""
        self.failures.append(failure(str(image), RefusedInput(code, what, expected, found, remedy)))

    def is_frontal(self, image: Path, view: str) -> bool:
        """Whether a view is PA or AP; if not, record it as ``NOT_FRONTAL``, or ``NO_VIEW`` when it is not known."""
        if view_of(view) == "frontal":
            return True
        code = "NOT_FRONTAL" if view else "NO_VIEW"
        self.leave_out(image, code, "not a frontal view", "PA or AP", shortened(view) or "no view",
                       "nothing; it is left out")  # fmt: skip
        return False

    def no_labels(self, image: Path, table: str) -> None:
        """Record a film without labels."""
        self.leave_out(image, "NO_LABELS", "no labels", f"a row in {table}", "none", "add the row, or leave it out")


def find_files(root: Path, suffixes: Sequence[str]) -> Callable[[str], Path]:
    """Where each file below ``root`` is, by name; one that is nowhere would be in ``root``."""
    places = {path.name: path for path in root.rglob("*") if path.suffix.lower() in suffixes}
    return lambda name: places.get(name, root / name)


def sex_of(text: str) -> str | None:
    """``M`` or ``F``; ``None`` for anything else."""
    return _SEXES.get(text.lower())


def age_of(text: str) -> float | None:
    """Years of an age in years or with a unit (``058Y``, ``006M``, ``012D``); ``None`` if blank or not possible."""
    units = {"Y": 1.0, "M": 12.0, "D": 365.25}
    unit = units.get(text[-1:].upper(), 0.0)
    try:
        years = float(text[:-1]) / unit if unit else float(text)
    except ValueError:
        return None
    return years if 0 <= years <= _OLDEST else None
