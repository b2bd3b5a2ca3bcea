"""CSV text of a table, protected against formulas. Every CSV file of the package is written with it.

A spreadsheet runs a cell that begins with ``=``, ``+``, ``-`` or ``@`` as a formula, and a file name or label may begin
with one of them. Such a text gets an apostrophe in front, which marks it as text in a spreadsheet (OWASP: CSV
injection). Numbers are not changed.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Sequence

from .printable import printable

# Also after a semicolon, which separates cells in locales with a decimal comma; also as full-width characters.
_FORMULA = re.compile(r"(^|;)(?='*[=+\-@\uff1d\uff0b\uff0d\uff20])")
_PROTECTED = re.compile(r"(^|;)'(?='*[=+\-@\uff1d\uff0b\uff0d\uff20])")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)


def csv_text(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """CSV text of a table.

    Args:
        header: names of the columns.
        rows: cells of each row. Texts are made printable and protected against formulas; ``None`` gives an empty cell.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([_protected(name) for name in header])
    writer.writerows([_protected(cell) if isinstance(cell, str) else cell for cell in row] for row in rows)
    return text.getvalue()


def _protected(cell: str) -> str:
    """Text of a cell, printable and with an apostrophe where a spreadsheet would run it as a formula."""
    return cell if _NUMBER.fullmatch(cell) else _FORMULA.sub(r"\1'", printable(cell))


def unprotected(cell: str) -> str:
    """Text of a cell without the apostrophes that :func:`_protected` added; escaped characters stay escaped."""
    return _PROTECTED.sub(r"\1", cell)
