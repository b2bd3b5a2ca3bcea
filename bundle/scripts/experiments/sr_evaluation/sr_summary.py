"""Means over radiographs, paired differences from bicubic with intervals, and tables of both."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...common.csv_text import csv_text
from ..kit.paired_statistics import mean_interval
from ..kit.result_tables import align_columns, bounds, format_number

BASELINE = "bicubic"
COLUMNS = {
    "psnr_truth_region": "PSNR dB",
    "ssim_truth_region": "SSIM",
    "gradient_similarity": "gradients",
    "nps_distance_db": "NPS dist. dB",
    "edge_width_ratio": "edge ratio",
    "hallucination_rate": "halluc.",
    "loss_rate": "loss",
    "consistency_min_db": "consist. dB",
    "seed_deviation": "seed dev.",
    "seconds_per_region": "s/region",
    "peak_mb_per_region": "MB/region",
}
_DIGITS = ".4g"
_WORST = ("consistency_min_db",)  # metrics that are summarised by their minimum over the radiographs


@dataclass(frozen=True)
class RadiographScores:
    """Metrics of one enhancer on one radiograph at one size.

    Attributes:
        size: name of the size (``1024``, ``native``).
        enhancer: name of the enhancer.
        image: number of the radiograph in its split.
        patient: number of the patient.
        figures: metrics from :func:`.sr_scores.score_enhancer`.
    """

    size: str
    enhancer: str
    image: int
    patient: int
    figures: dict[str, float | None]


def summarise(rows: Sequence[RadiographScores], *, replicates: int, seed: int) -> dict[str, dict[str, dict[str, Any]]]:
    """Summarise the metrics by size, enhancer and metric.

    Differences are paired by radiograph. An interval contains 95 % of the bootstrap replicates, in which whole patients
    are drawn, because several films of one patient are not independent.

    Args:
        rows: rows of all radiographs.
        replicates: number of bootstrap replicates.
        seed: seed of the bootstrap, equal for all metrics.

    Returns:
        For each size, enhancer and metric: ``mean`` and ``images``, and the ``difference`` from bicubic with its
        ``interval``.
    """
    summary: dict[str, dict[str, dict[str, Any]]] = {}
    for size in dict.fromkeys(row.size for row in rows):
        of_size = [row for row in rows if row.size == size]
        baseline = {row.image: row.figures for row in of_size if row.enhancer == BASELINE}
        for enhancer in dict.fromkeys(row.enhancer for row in of_size):
            own = [row for row in of_size if row.enhancer == enhancer]
            names = dict.fromkeys(name for row in own for name in row.figures)
            summary.setdefault(size, {})[enhancer] = {
                name: _describe(name, own, baseline, replicates, seed) for name in names
            }
    return summary


def _describe(
    name: str,
    rows: Sequence[RadiographScores],
    baseline: dict[int, dict[str, float | None]],
    replicates: int,
    seed: int,
) -> dict[str, Any]:
    """Summary of one metric of one enhancer."""
    known = [row for row in rows if row.figures.get(name) is not None]
    values = np.array([row.figures[name] for row in known], dtype=np.float64)
    found: dict[str, Any] = {"images": len(values)}
    found["mean"] = None if not len(values) else float(values.min() if name in _WORST else values.mean())
    pairs = [row for row in known if baseline.get(row.image, {}).get(name) is not None]
    if pairs and pairs[0].enhancer != BASELINE:
        differences = np.array([row.figures[name] - baseline[row.image][name] for row in pairs])  # type: ignore[operator]
        patients = [row.patient for row in pairs]
        found["difference"] = float(differences.mean())
        found["interval"] = mean_interval(differences, patients, replicates, seed)
    return found


def csv_table(summary: dict[str, dict[str, dict[str, Any]]]) -> str:
    """CSV in long form: a line for each size, enhancer and metric."""
    rows: list[list] = []
    for size, enhancers in summary.items():
        for enhancer, metrics in enhancers.items():
            for name, found in metrics.items():
                low, high = bounds(found.get("interval"))
                rows.append([size, enhancer, name, found["images"], found["mean"], found.get("difference"), low, high])
    return csv_text(["size", "enhancer", "figure", "images", "mean", "difference", "low", "high"], rows)


def text_table(summary: dict[str, dict[str, dict[str, Any]]]) -> str:
    """Text with a table for each size; the last column is the difference of the PSNR from bicubic with its interval."""
    parts = []
    for size, enhancers in summary.items():
        images = max(metrics["regions"]["images"] for metrics in enhancers.values())
        regions = max(metrics["regions"]["mean"] * metrics["regions"]["images"] for metrics in enhancers.values())
        lines = [f"{size}: x4, {images} radiographs, {regions:.0f} regions", ""]
        header = ["enhancer", *COLUMNS.values(), f"PSNR less {BASELINE} [95 %]"]
        table = [header, *([name, *_cells(metrics)] for name, metrics in enhancers.items())]
        parts.append("\n".join(lines + align_columns(table)))
    return "\n\n".join(parts) + "\n"


def _cells(metrics: dict[str, Any]) -> list[str]:
    """Metrics of one enhancer as text."""
    shown = [format_number(metrics.get(name, {}).get("mean"), _DIGITS) for name in COLUMNS]
    against = metrics["psnr_truth_region"]
    if "difference" not in against:
        return [*shown, ""]
    low, high = (format_number(bound, _DIGITS) for bound in bounds(against["interval"]))
    return [*shown, f"{against['difference']:+.3f} [{low}, {high}]"]
