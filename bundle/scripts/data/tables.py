"""Reads tables of labels (CSV): rows whose values are checked, with errors that name file, row and column.

A table is separated by commas, semicolons or tabs. In a table that is not separated by commas, a number may have a
decimal comma. Text is UTF-8, with or without a byte order mark, or UTF-16 with one, and may be gzipped.
"""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from ..common.printable import quoted, shortened
from ..common.text_file import read_text
from .attributes import is_blank, read_age, read_sex

_SEPARATORS = (",", ";", "\t")
_SEPARATOR_LINE = re.compile(r"sep=(.)\r?\n", re.IGNORECASE)  # first line of some files from Excel
_UNNAMED = re.compile(r"Unnamed: \d+")  # name that pandas gives to a column without a name
_LABELS = (0.0, 1.0, -1.0)

Attribute = TypeVar("Attribute")


@dataclass(frozen=True)
class Row:
    """A row of a table.

    Attributes:
        values: cells by column, without surrounding blanks.
        where: file and row, as a spreadsheet counts rows.
        decimal_comma: whether a number may have a decimal comma.
    """

    values: dict[str, str]
    where: str
    decimal_comma: bool = False

    def __getitem__(self, column: str) -> str:
        """Cell in a column; empty if the table has no such column."""
        return self.values.get(column, "")

    def wrong(self, column: str, expected: str, remedy: str = "correct the table") -> ValueError:
        """Error about the cell in a column."""
        return ValueError(f"{self.where}: {column}: expected {expected}, found {quoted(self[column])}; {remedy}")

    def number(self, column: str) -> float:
        """Finite number in a column.

        Raises:
            ValueError: the cell is not a number.
        """
        text = self[column].replace(",", ".") if self.decimal_comma else self[column]
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not math.isfinite(value):
            raise self.wrong(column, "a number")
        return value

    def labels(self, columns: Sequence[str]) -> list[float]:
        """1.0, 0.0, -1.0 (uncertain) or NaN (blank) in each column.

        Raises:
            ValueError: a cell has another value.
        """
        values = []
        for column in columns:
            try:
                value = math.nan if is_blank(self[column]) else self.number(column)
            except ValueError:
                value = math.inf
            if not (math.isnan(value) or value in _LABELS):
                raise self.wrong(column, "1, 0, -1 or blank", "correct the table, or choose the label columns")
            values.append(value)
        return values

    def age(self, column: str) -> float | None:
        """Age in years; ``None`` for a blank.

        Raises:
            ValueError: the cell is not an age.
        """
        return self.attribute(column, read_age)

    def sex(self, column: str) -> str | None:
        """``M`` or ``F``; ``None`` for a blank or another sex.

        Raises:
            ValueError: the cell is not a sex.
        """
        return self.attribute(column, read_sex)

    def attribute(self, column: str, read: Callable[[str], Attribute]) -> Attribute:
        """Value that a function of :mod:`.attributes` reads from a column.

        Raises:
            ValueError: the function rejects the cell.
        """
        try:
            return read(self[column])
        except ValueError as error:
            raise self.wrong(column, str(error)) from error


def read_columns(path: Path, required: Sequence[str]) -> list[str]:
    """Names of the columns of a table; a column without a name is left out.

    Raises:
        ValueError: as of :func:`read_rows`.
    """
    return [name for name in _open_table(path, required)[0] if name]


def read_rows(path: Path, required: Sequence[str]) -> Iterator[Row]:
    """Rows of a table, without empty ones.

    Args:
        path: CSV file, also with the suffix ``.gz``.
        required: names of columns that the table must have.

    Raises:
        OSError: the file cannot be read.
        ValueError: the file is not such a table: a column is missing or occurs twice, a row is too short or too long,
            there are no rows, or a quote is not closed.
    """
    header, reader, separator, first = _open_table(path, required)
    count, number = 0, first
    try:
        for number, cells in enumerate(reader, start=first + 1):
            if any(cell.strip() for cell in cells):
                count += 1
                yield _make_row(header, cells, f"{path}: row {number}", separator)
    except csv.Error as error:
        raise _malformed(path, number + 1, error) from error
    if not count:
        raise ValueError(f"{path}: no rows; expected at least one below the header, found none; complete the table")


def _open_table(path: Path, required: Sequence[str]) -> tuple[list[str], Iterator[list[str]], str, int]:
    """Header, reader of the rows below it, separator and number of the header's row.

    Raises:
        ValueError: as of :func:`read_rows`.
    """
    text = read_text(path, "a table (CSV)")
    first, separators = 1, list(_SEPARATORS)  # the header is row 1, or 2 below a line that names the separator
    if match := _SEPARATOR_LINE.match(text):
        text, first, separators = text[match.end() :], 2, [match[1]]
    headers = {separator: _read_names(text, separator) for separator in separators}
    separator = max(headers, key=lambda key: (len(set(required).intersection(headers[key])), len(headers[key])))
    header = headers[separator]
    for column in required:
        if column not in header:
            raise ValueError(
                f"{path}: no column {column!r}; expected it in the header, found {shortened(', '.join(header), 200)}; "
                "add or rename the column, and separate columns by commas, semicolons or tabs"
            )
    twice = next((name for name in header if name and header.count(name) > 1), None)
    if twice is not None:
        raise ValueError(
            f"{path}: duplicate column; expected each name once, found {quoted(twice)} {header.count(twice)} times; "
            "rename or remove one"
        )
    reader = _reader(text, separator)
    next(reader, None)
    return header, reader, separator, first


def _read_names(text: str, separator: str) -> list[str]:
    """Names of the columns in the first record, empty for a column without a name."""
    try:
        names = next(_reader(text, separator), [])
    except csv.Error:
        return []
    return ["" if _UNNAMED.fullmatch(name.strip()) else name.strip() for name in names]


def _reader(text: str, separator: str) -> Iterator[list[str]]:
    """Cells of each record."""
    return csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)


def _malformed(path: Path, number: int, error: csv.Error) -> ValueError:
    """Error about a record that is not CSV."""
    return ValueError(
        f"{path}: row {number}: not a table (CSV); expected cells with closed quotes, found {shortened(str(error))}; "
        "close or remove the quote, or save the table again"
    )


def _make_row(header: list[str], cells: list[str], where: str, separator: str) -> Row:
    """Row of a record.

    Raises:
        ValueError: the record has too few cells for the named columns, or a cell after the last of them.
    """
    cells = [cell.strip() for cell in cells]
    named = max(index for index, name in enumerate(header, start=1) if name)
    found = max(index for index, cell in enumerate(cells, start=1) if cell)
    if len(cells) < named or found > named:
        raise ValueError(
            f"{where}: wrong number of cells; expected {named} as in the header, found {max(found, len(cells))}; "
            f"correct the row, and quote a cell that contains {separator!r}"
        )
    return Row({name: cell for name, cell in zip(header, cells, strict=False) if name}, where, separator != ",")
