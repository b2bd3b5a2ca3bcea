"""Rows of the report's tables: epochs, classes, fidelity."""

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


def epoch_rows(history: History | None) -> list[dict[str, Any]]:
    """The paper's Tables 1 and 2: first, fifth, selected and last epoch.

    Args:
        history: columns of ``history.csv``.

    Returns:
        One row per epoch with its figures, ``gain`` over all-negative, and whether it was ``selected``.
    """
    if not history:
        return []
    rows = [dict(zip(history, cells, strict=True)) for cells in zip(*history.values(), strict=True)]
    judged = [row for row in rows if row.get("val_macro_auroc") is not None]
    best = max(judged, key=lambda row: row["val_macro_auroc"], default=None)  # type: ignore[arg-type,return-value]
    chosen = [row for row in rows if row is rows[0] or row["epoch"] == 5 or row is best or row is rows[-1]]
    for row in chosen:
        accuracy, baseline = row.get("val_accuracy"), row.get("val_accuracy_all_negative")
        row["gain"] = accuracy - baseline if accuracy is not None and baseline is not None else None
    return [row | {"selected": row is best} for row in chosen]


def class_rows(distribution: Sequence[Mapping[str, Any]] | None) -> list[dict[str, Any]]:
    """The paper's class table, with the counts behind it.

    The paper's column sums to 100 %, so it is most probably the share among the positive labels and not the prevalence;
    both are given.

    Args:
        distribution: rows of ``class_distribution.json``, one per label and split.

    Returns:
        One row per label: counts over all splits, ``prevalence``, ``share``, and ``splits``, the positives of each.
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
    """The paper's Table 3, taken apart: against what, over which area.

    Args:
        manifest: records of ``manifest.jsonl``.

    Returns:
        Rows with median and quartiles of PSNR (dB) and SSIM; combinations that were not measured are absent.
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
    """One figure of every image that has it.

    Args:
        manifest: records.
        metric: "psnr" or "ssim".
        reference: "input", "truth" or "bicubic".
        area: "region" or "full".
    """
    values = (record.get("fidelity", {}).get(f"{metric}_{reference}_{area}") for record in manifest)
    return [float(value) for value in values if value is not None and math.isfinite(value)]


def _quartiles(values: Sequence[float]) -> tuple[float, float, float] | None:
    """Median, lower and upper quartile; None without values."""
    if not values:
        return None
    low, median, high = np.quantile(values, [0.25, 0.5, 0.75]).tolist()
    return median, low, high
