"""Rows of the tables of the report: epochs, classes, fidelity."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from .gather import History

_CLASS_COUNTS = ("positive", "negative", "uncertain", "missing")
COMPARED = (
    ("input", "the input"),
    ("truth", "the true high-resolution pixels"),
    ("bicubic", "the same, had the regions only been interpolated"),
)
AREAS = (("region", "regions only"), ("full", "whole image"))


def epoch_rows(history: History | None, saved: int | None = None) -> list[dict[str, Any]]:
    """Rows of the first, fifth, selected and last epoch, as in Tables 1 and 2 of the paper.

    Args:
        history: columns of ``history.csv``.
        saved: epoch whose network was saved; ``None``: the best one, as in folders of earlier versions.

    Returns:
        One row for each of these epochs with its metrics, the ``gain`` of the accuracy over the all-negative baseline,
        and whether the epoch was ``selected``.
    """
    if not history:
        return []
    rows = [dict(zip(history, cells, strict=True)) for cells in zip(*history.values(), strict=True)]
    known = [row for row in rows if row.get("val_macro_auroc") is not None]
    best = max(known, key=lambda row: row["val_macro_auroc"], default=None)  # type: ignore[arg-type,return-value]
    best = next((row for row in rows if row["epoch"] == saved), best)
    chosen = [row for row in rows if row is rows[0] or row["epoch"] == 5 or row is best or row is rows[-1]]
    for row in chosen:
        accuracy, baseline = row.get("val_accuracy"), row.get("val_accuracy_all_negative")
        row["gain"] = accuracy - baseline if accuracy is not None and baseline is not None else None
    return [row | {"selected": row is best} for row in chosen]


def class_rows(distribution: Sequence[Mapping[str, Any]] | None) -> list[dict[str, Any]]:
    """Class table of the paper, with the counts.

    The column of the paper sums to 100 %. It is therefore probably the share among the positive labels and not the
    prevalence. The table contains both.

    Args:
        distribution: rows of ``class_distribution.json``, one for each label and split.

    Returns:
        One row for each label: counts over all splits, ``prevalence``, ``share``, and ``splits``, the number of
        positives in each split.
    """
    rows: dict[str, dict[str, Any]] = {}
    for part in distribution or []:
        empty = {"name": part["label"], "splits": {}} | dict.fromkeys(_CLASS_COUNTS, 0)
        row = rows.setdefault(part["label"], empty)
        row["splits"][part["split"]] = part["positive"]
        for key in _CLASS_COUNTS:
            row[key] += part[key]
    total = sum(row["positive"] for row in rows.values())
    for row in rows.values():
        annotated = row["positive"] + row["negative"]
        row["prevalence"] = row["positive"] / annotated if annotated else None
        row["share"] = row["positive"] / total if total else None
    return list(rows.values())


def fidelity_rows(manifest: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Rows of Table 3 of the paper, with a row for each reference and area.

    Args:
        manifest: records of ``manifest.jsonl``.

    Returns:
        Rows with median and quartiles of PSNR (dB) and SSIM, without combinations that were not measured.
    """
    rows = []
    for reference, reference_text in COMPARED:
        for area, area_text in AREAS:
            psnr, ssim = (fidelity_values(manifest, metric, reference, area) for metric in ("psnr", "ssim"))
            if psnr or ssim:
                row = {"reference": reference_text, "area": area_text, "images": max(len(psnr), len(ssim))}
                rows.append(row | {"psnr": _quartiles(psnr), "ssim": _quartiles(ssim)})
    return rows


def fidelity_values(manifest: Sequence[Mapping[str, Any]], metric: str, reference: str, area: str) -> list[float]:
    """Finite values of a metric over the images that have it.

    Args:
        manifest: records of ``manifest.jsonl``.
        metric: ``psnr`` or ``ssim``.
        reference: ``input``, ``truth`` or ``bicubic``.
        area: ``region`` or ``full``.
    """
    values = (record.get("fidelity", {}).get(f"{metric}_{reference}_{area}") for record in manifest)
    return [float(value) for value in values if value is not None and math.isfinite(value)]


def _quartiles(values: Sequence[float]) -> tuple[float, float, float] | None:
    """Median, lower and upper quartile; ``None`` without values."""
    if not values:
        return None
    low, median, high = np.quantile(values, [0.25, 0.5, 0.75]).tolist()
    return median, low, high
