"""Section of a report on super-resolution: a table for each size and a panel for each enhancer.

The workflow ``sr_evaluation`` writes a report of this section alone; the report of a whole run contains it too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .figures import picture_uri

FILE = "sr_evaluation.json"


@dataclass(frozen=True)
class Column:
    """Column of the table: name of a metric in ``sr_evaluation.json``, heading, digits, and factor of the values."""

    name: str
    heading: str
    digits: int
    factor: float = 1.0


_COLUMNS = (
    Column("psnr_truth_region", "PSNR, dB", 2),
    Column("ssim_truth_region", "SSIM", 4),
    Column("gradient_similarity", "Gradient similarity", 4),
    Column("nps_distance_db", "Noise power distance, dB", 2),
    Column("edge_width_ratio", "Edge width, truth = 1", 2),
    Column("hallucination_rate", "Hallucination, %", 2, 100.0),
    Column("loss_rate", "Loss, %", 2, 100.0),
    Column("consistency_min_db", "Consistency, dB", 1),
    Column("psnr_truth_full", "PSNR of the whole image, dB", 2),
    Column("psnr_input_region", "PSNR to the input, dB", 2),
    Column("seed_deviation", "Deviation over seeds", 4),
    Column("seconds_per_region", "Seconds per region", 3),
    Column("peak_mb_per_region", "MB per region", 1),
)
_OCTAVES = tuple(
    Column(f"nps_{octave}_db", f"{cycles} cycles per pixel", 2)
    for octave, cycles in enumerate(("0.25–0.5", "0.125–0.25", "0.06–0.125", "0.03–0.06"), start=1)
)
_COSTS = ("consistency_min_db", "seconds_per_region", "peak_mb_per_region")  # shown without a difference from bicubic


def sections(content: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """Values for the template ``super_resolution.html.j2``.

    Args:
        content: content of ``sr_evaluation.json``.
        folder: folder that contains ``panels/``.
    """
    order = [name for enhancers in content["summary"].values() for name in enhancers]
    panels = {path.stem: picture_uri(path) for path in (folder / "panels").glob("*.png")}
    return {
        "columns": [column.heading for column in _COLUMNS],
        "octaves": [column.heading for column in _OCTAVES],
        "tables": [_table_of(size, enhancers, content["rows"]) for size, enhancers in content["summary"].items()],
        "panels": [(name, panels[name]) for name in dict.fromkeys(order) if name in panels],
        "replicates": content["settings"]["bootstrap"],
    }


def _table_of(size: str, enhancers: Mapping[str, Any], rows: list[Mapping[str, Any]]) -> dict[str, Any]:
    """Values of one size: title, numbers of images, patients and regions, and the rows of both tables."""
    of_size = [row for row in rows if row["size"] == size]
    first = [row for row in of_size if row["enhancer"] == next(iter(enhancers))]
    title = "At the images' own size, ×4" if size == "native" else f"{int(size) // 4} → {size} pixels, ×4"
    return {
        "title": title,
        "images": len(first),
        "patients": len({row["patient"] for row in first}),
        "regions": sum(row["figures"]["regions"] for row in first),
        "rows": [_row_of(name, metrics, _COLUMNS) for name, metrics in enhancers.items()],
        "texture": [_row_of(name, metrics, _OCTAVES) for name, metrics in enhancers.items()],
    }


def _row_of(name: str, metrics: Mapping[str, Any], columns: tuple[Column, ...]) -> dict[str, Any]:
    """Cells of one enhancer."""
    return {"name": name, "cells": [_cell_of(metrics.get(column.name, {}), column) for column in columns]}


def _cell_of(found: Mapping[str, Any], column: Column) -> dict[str, Any]:
    """Mean, and difference from bicubic with its interval if known, in the unit of the column."""

    def scaled(value: float | None) -> float | None:
        return None if value is None else column.factor * value

    compared = column.name not in _COSTS
    return {
        "digits": column.digits,
        "mean": scaled(found.get("mean")),
        "difference": scaled(found.get("difference")) if compared else None,
        "interval": [scaled(value) for value in found.get("interval") or ()] or None,
    }
