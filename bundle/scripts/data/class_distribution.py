"""Class distribution of a datalist: images per label (the paper's table), by split, with uncertain and blank labels."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..common.printable import shortened
from .datalist import Datalist

_COLUMNS = ("label", "split", "positive", "negative", "uncertain", "missing", "prevalence", "of_all")


def class_distribution(datalist: Datalist) -> list[dict[str, Any]]:
    """Count the values of each label in each split that has images.

    Returns:
        Rows with ``label``, ``split``, ``positive``, ``negative``, ``uncertain``, ``missing`` (numbers of images),
        ``prevalence``, positive / (positive + negative), ``None`` if both are zero, and ``of_all``, positive / all
        images, which is the percentage of the paper.
    """
    rows = []
    for index, label in enumerate(datalist.labels):
        for split, items in datalist.splits.items():
            if items:
                values = np.asarray([item["label"][index] for item in items], dtype=float)
                rows.append({"label": label, "split": split, **_count(values)})
    return rows


def _count(values: np.ndarray) -> dict[str, Any]:
    """Count the values (N,) of one label: 1 positive, 0 negative, -1 uncertain, NaN missing."""
    positive, negative = int((values == 1).sum()), int((values == 0).sum())
    return {
        "positive": positive,
        "negative": negative,
        "uncertain": int((values == -1).sum()),
        "missing": int(np.isnan(values).sum()),
        "prevalence": positive / (positive + negative) if positive + negative else None,
        "of_all": positive / len(values),
    }


def format_class_table(datalist: Datalist) -> str:
    """Aligned text: numbers of images and patients of each split, then the class distribution."""
    lines = []
    for split, items in datalist.splits.items():
        patients = len({item["patient_id"] for item in items})
        lines.append(f"{split}: {len(items)} images of {patients} patients")
    rows = [[_format_cell(row[column]) for column in _COLUMNS] for row in class_distribution(datalist)]
    if rows:
        cells = [list(_COLUMNS), *rows]
        widths = [max(len(row[index]) for row in cells) for index in range(len(_COLUMNS))]
        lines.append("")
        for row in cells:
            # The two columns of text are left-aligned, the numbers right-aligned.
            aligned = [
                cell.ljust(width) if k < 2 else cell.rjust(width)
                for k, (cell, width) in enumerate(zip(row, widths, strict=True))
            ]
            lines.append("  ".join(aligned).rstrip())
    return "\n".join(lines)


def _format_cell(value: Any) -> str:
    """Text of a cell."""
    if value is None:
        return "-"
    return f"{value:.3f}" if isinstance(value, float) else shortened(str(value))
