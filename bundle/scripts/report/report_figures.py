"""Figures of the report as ``data:`` URIs, as far as the results of the run exist."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np

from .chart_figures import class_bars, fidelity_histogram, loss_curves, subgroup_intervals
from .figures import svg_uri
from .gather import ModelResults, ReportInputs
from .label_figures import precision_recall_curves, reliability_curves, roc_curves
from .report_tables import AREAS, COMPARED, class_rows, fidelity_values

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    Named = Iterator[tuple[str, Figure]]


def draw_figures(inputs: ReportInputs) -> dict[str, str]:
    """Figures by the names that the template uses.

    Args:
        inputs: results of the run.
    """
    models = {"base": inputs.base, "re-trained": inputs.retrained}
    drawn = chain(
        _training(models),
        _classes(inputs.class_distribution),
        _curves(models),
        _trust(models),
        _fidelity(inputs.manifest),
    )
    return {name: svg_uri(figure) for name, figure in drawn}


def _training(models: Mapping[str, ModelResults]) -> Named:
    histories = {name: model.history for name, model in models.items() if model.history}
    if histories:
        yield "loss", loss_curves(histories)


def _classes(distribution: Sequence[Mapping[str, Any]] | None) -> Named:
    counts = {row["name"]: row["positive"] for row in class_rows(distribution)}
    if counts:
        yield "classes", class_bars(counts)


def _curves(models: Mapping[str, ModelResults]) -> Named:
    results = [(name, m.labels, m.targets, m.probabilities) for name, m in models.items()]
    known = [(name, labels, t, p) for name, labels, t, p in results if t is not None and p is not None]
    if not known:
        return
    _, labels, targets, _ = known[0]
    if all(other == labels and np.array_equal(t, targets, equal_nan=True) for _, other, t, _ in known):
        yield from _curves_of_cases("", labels, targets, {name: p for name, _, _, p in known})
        return
    # Models with different cases or labels cannot be compared, so each gets figures of its own.
    for name, labels, targets, probabilities in known:
        yield from _curves_of_cases(f" ({name})", labels, targets, {name: probabilities})


def _curves_of_cases(
    suffix: str, labels: list[str], targets: np.ndarray, probabilities: dict[str, np.ndarray]
) -> Named:
    yield f"ROC{suffix}", roc_curves(labels, targets, probabilities)
    yield f"Precision–recall{suffix}", precision_recall_curves(labels, targets, probabilities)


def _trust(models: Mapping[str, ModelResults]) -> Named:
    """Reliability curves and subgroups of each model."""
    for name, model in models.items():
        if model.targets is not None and model.probabilities is not None:
            kinds = {"raw": model.probabilities, "calibrated": model.calibrated}
            known = {kind: values for kind, values in kinds.items() if values is not None}
            yield f"Reliability ({name})", reliability_curves(model.labels, model.targets, known)
        if model.metrics and model.metrics.get("subgroups"):
            yield f"Subgroups ({name})", subgroup_intervals(model.metrics["subgroups"])


def _fidelity(manifest: Sequence[Mapping[str, Any]]) -> Named:
    for metric, unit in (("psnr", "PSNR in dB"), ("ssim", "SSIM")):
        values = {
            f"{reference_text}, {area_text}": fidelity_values(manifest, metric, reference, area)
            for reference, reference_text in COMPARED
            for area, area_text in AREAS
        }
        measured = {name: numbers for name, numbers in values.items() if numbers}
        if measured:
            yield metric, fidelity_histogram(measured, unit)
