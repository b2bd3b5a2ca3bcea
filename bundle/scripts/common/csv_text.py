"""Tables as CSV, for every table that is written here.

A spreadsheet calculates a cell that begins with ``=``, ``+``, ``-`` or ``@``, which a file name or a label may do: such
a text gets an apostrophe before it, by which spreadsheets know a text (OWASP: CSV injection). Numbers stay numbers.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Sequence

from .printable import printable

# Also behind a semicolon, which separates the cells where the comma is a decimal one; and in full width.
_FORMULA = re.compile(r"(^|;)(?='*[=+\-@\uff1d\uff0b\uff0d\uff20])")
_PROTECTED = re.compile(r"(^|;)'(?='*[=+\-@\uff1d\uff0b\uff0d\uff20])")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)


def csv_text(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Text of a table.

    Args:
        header: names of the columns.
        rows: cells; a text is made printable and is never a formula, ``None`` is an empty cell.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([_protected(name) for name in header])
    writer.writerows([_protected(cell) if isinstance(cell, str) else cell for cell in row] for row in rows)
    return text.getvalue()


def _protected(cell: str) -> str:
    """A cell that a spreadsheet shows as it is."""
    return cell if _NUMBER.fullmatch(cell) else _FORMULA.sub(r"\1'", printable(cell))


def unprotected(cell: str) -> str:
    """The text of a cell that :func:`_protected` made, with its escapes."""
    return _PROTECTED.sub(r"\1", cell)
