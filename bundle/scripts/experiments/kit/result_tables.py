"""Numbers and tables as text, and the CSV and text files of an experiment."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ...common.atomic import atomic_write


def format_number(value: float | None, spec: str, missing: str = "–") -> str:
    """Format a number.

    Args:
        value: number to format, or ``None`` if it is not known.
        spec: format specification, for example ``.2f``.
        missing: text for a number that is not known.
    """
    return missing if value is None else format(value, spec)


def bounds(interval: Sequence[float] | None) -> tuple[float | None, float | None]:
    """Lower and upper bound of an interval as two cells of a CSV table; both are ``None`` without an interval."""
    return (None, None) if interval is None else (interval[0], interval[1])


def align_columns(rows: Sequence[Sequence[str]], *, numeric: bool = False) -> list[str]:
    """Pad the cells of a table so that its columns have equal width.

    Args:
        rows: rows of the table, the header first; each row has the same number of cells.
        numeric: align all columns but the first to the right.

    Returns:
        One line per row, without spaces at the end.
    """
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = []
    for row in rows:
        cells = [
            cell.rjust(width) if numeric and column else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append("  ".join(cells).rstrip())
    return lines


def write_tables(folder: Path, name: str, csv: str, text: str) -> list[Path]:
    """Write a table as ``<name>.csv`` and ``<name>.txt``, and return the paths of both files.

    Args:
        folder: output folder of the experiment.
        name: name of the files without their suffix.
        csv: content of the CSV file.
        text: content of the text file.
    """
    paths = []
    for suffix, content in (("csv", csv), ("txt", text)):
        paths.append(folder / f"{name}.{suffix}")
        with atomic_write(paths[-1]) as file:
            file.write(content.encode())
    return paths
