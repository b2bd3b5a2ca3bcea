"""``report.html``: one self-contained file that says whether the enhancement helped, and how far to believe it.

No script, no font and no image is fetched; a step that was not run is said to be missing, never filled in.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..data.atomic import atomic_write
from ..tracking import attach_artifact
from . import figures
from .gather import ABLATION_FOLDER, SR_FOLDER, History, ModelResults, ReportInputs, gather
from .group_figures import reliability_curves, subgroup_intervals
from .super_resolution import sections

if TYPE_CHECKING:
    from jinja2 import Environment

TEMPLATES = Path(__file__).parent / "templates"
MAX_EXAMPLES = 12
COMPARED = (
    ("input", "the input"),
    ("truth", "the true high-resolution pixels"),
    ("bicubic", "the same, had the regions only been interpolated"),
)
CLASS_COUNTS = ("positive", "negative", "uncertain", "missing")
AREAS = (("region", "regions only"), ("full", "whole image"))
# The paper's own figures, for the reader who compares (Tables 1 and 2).
PAPER_EPOCHS = {
    "base": "The paper's Table 1: epoch 1: loss 1.45, 41.96 %; epoch 5: 0.57, 90.39 %; epoch 19: 0.34, 96.01 %.",
    "retrained": "The paper's Table 2: epoch 1: loss 1.69, 41.05 %; epoch 5: 0.63, 83.19 %; epoch 16: 0.31, 98.23 %.",
}


def write_report(run_dir: str | Path, out: str | Path | None = None, *, synthetic: bool = False) -> Path:
    """Write the report of a run folder.

    Args:
        run_dir: folder with ``base/``, ``enhanced/``, ``retrained/`` as far as they were run (see ``gather``).
        out: file to write; default ``run_dir/report.html``.
        synthetic: True puts the SYNTHETIC banner on top; so does ``"synthetic": true`` in ``run_report.json``.

    Returns:
        The file.

    Raises:
        FileNotFoundError: when there is nothing to report.
        ValueError: when a result file is damaged.
    """
    inputs = gather(run_dir)
    path = Path(out) if out is not None else inputs.run_dir / "report.html"
    html = render(inputs, synthetic=synthetic)
    with atomic_write(path) as file:
        file.write(html.encode("utf-8"))
    return path


def publish_report(run_dir: str | Path, *, synthetic: bool = False) -> Path:
    """Write the report and attach it to the run folder's MLflow runs; args, return and errors as `write_report`."""
    path = write_report(run_dir, synthetic=synthetic)
    for stage in ("base", "enhanced", "retrained"):
        attach_artifact(Path(run_dir) / stage, path)
    return path


def render(inputs: ReportInputs, *, synthetic: bool = False) -> str:
    """Fill the template.

    Args:
        inputs: what was gathered.
        synthetic: see `write_report`.
    """
    run_report = inputs.run_report or {}
    models = {"base": inputs.base, "retrained": inputs.retrained}
    template = environment().get_template("report.html.j2")
    return template.render(
        synthetic=synthetic or bool(run_report.get("synthetic")),
        inputs=inputs,
        models=models,
        comparison=inputs.comparison,
        epochs={name: epoch_rows(model.history) for name, model in models.items()},
        paper_epochs=PAPER_EPOCHS,
        classes=class_rows(inputs.class_distribution),
        fidelity=fidelity_rows(inputs.manifest),
        enhancers=sorted({str(record["enhancer"]) for record in inputs.manifest if "enhancer" in record}),
        sr=sections(inputs.super_resolution, inputs.run_dir / SR_FOLDER) if inputs.super_resolution else None,
        ablation=inputs.ablation,
        ablation_figure=figures.png_uri(inputs.run_dir / ABLATION_FOLDER / "ablation.png") if inputs.ablation else None,
        figures=draw_figures(inputs),
        overlays=[(path.stem, figures.png_uri(path)) for path in inputs.overlays[:MAX_EXAMPLES]],
        panels=[(path.stem, figures.png_uri(path)) for path in inputs.panels[:MAX_EXAMPLES]],
        warnings={name: (model.metrics or {}).get("warnings", []) for name, model in models.items()},
        provenance=list(flatten({key: value for key, value in run_report.items() if key != "config"})),
        config=json.dumps(run_report["config"], indent=2) if run_report.get("config") else None,
    )


def environment() -> Environment:
    """Templates of all reports, with their filters."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    made = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {"number": number, "signed": signed, "percent": percent, "interval": interval, "p": p_value}
    return made


def draw_figures(inputs: ReportInputs) -> dict[str, str]:
    """Every figure that the inputs allow, as ``data:`` URI.

    Args:
        inputs: what was gathered.
    """
    drawn = {}
    models = {"base": inputs.base, "re-trained": inputs.retrained}
    histories = {name: model.history for name, model in models.items() if model.history}
    if histories:
        drawn["loss"] = figures.svg_uri(figures.loss_curves(histories))
    classes = class_rows(inputs.class_distribution)
    if classes:
        counts = {row["name"]: row["positive"] for row in classes}
        drawn["classes"] = figures.svg_uri(figures.class_bars(counts))
    drawn |= _draw_curves(models) | _draw_trust(models)
    for metric, label in (("psnr", "PSNR in dB"), ("ssim", "SSIM")):
        values = {f"{text}, {area_text}": fidelity_values(inputs.manifest, metric, reference, area)
                  for reference, text in COMPARED for area, area_text in AREAS}  # fmt: skip
        values = {name: numbers for name, numbers in values.items() if numbers}
        if values:
            drawn[metric] = figures.svg_uri(figures.fidelity_histogram(values, label))
    return drawn


def _draw_curves(models: Mapping[str, ModelResults]) -> dict[str, str]:
    judged = [(name, m.labels, m.targets, m.probabilities) for name, m in models.items()]
    known = [(name, labels, t, p) for name, labels, t, p in judged if t is not None and p is not None]
    if not known:
        return {}
    _, labels, targets, _ = known[0]
    if all(other == labels and np.array_equal(t, targets, equal_nan=True) for _, other, t, _ in known):
        return _curves("", labels, targets, {name: p for name, _, _, p in known})
    # Other cases or labels: one set of curves each, not one panel that suggests a comparison.
    drawn: dict[str, str] = {}
    for name, labels, targets, probabilities in known:
        drawn |= _curves(f" ({name})", labels, targets, {name: probabilities})
    return drawn


def _draw_trust(models: Mapping[str, ModelResults]) -> dict[str, str]:
    """Per model, whether its probabilities are what they say, and whether it serves every group alike."""
    drawn = {}
    for name, model in models.items():
        if model.targets is not None and model.probabilities is not None:
            kinds = {"raw": model.probabilities, "calibrated": model.calibrated}
            known = {kind: values for kind, values in kinds.items() if values is not None}
            drawn[f"Reliability ({name})"] = figures.svg_uri(reliability_curves(model.labels, model.targets, known))
        if model.metrics and model.metrics.get("subgroups"):
            drawn[f"Subgroups ({name})"] = figures.svg_uri(subgroup_intervals(model.metrics["subgroups"]))
    return drawn


def _curves(
    suffix: str, labels: list[str], targets: np.ndarray, probabilities: dict[str, np.ndarray]
) -> dict[str, str]:
    return {
        f"ROC{suffix}": figures.svg_uri(figures.roc_curves(labels, targets, probabilities)),
        f"Precision–recall{suffix}": figures.svg_uri(figures.precision_recall_curves(labels, targets, probabilities)),
    }


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
        empty = {"name": part["label"], "splits": {}} | dict.fromkeys(CLASS_COUNTS, 0)
        row = rows.setdefault(part["label"], empty)
        row["splits"][part["split"]] = part["positive"]
        for key in CLASS_COUNTS:
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
                rows.append(row | {"psnr": quartiles(psnr), "ssim": quartiles(ssim)})
    return rows


def fidelity_values(manifest: Sequence[Mapping[str, Any]], metric: str, reference: str, area: str) -> list[float]:
    """One figure of every image that has it.

    Args:
        manifest: records.
        metric: "psnr" or "ssim".
        reference: "input" or "truth".
        area: "region" or "full".
    """
    values = (record.get("fidelity", {}).get(f"{metric}_{reference}_{area}") for record in manifest)
    return [float(value) for value in values if value is not None and math.isfinite(value)]


def quartiles(values: Sequence[float]) -> tuple[float, float, float] | None:
    """Median, lower and upper quartile; None without values."""
    if not values:
        return None
    low, median, high = np.quantile(values, [0.25, 0.5, 0.75]).tolist()
    return median, low, high


def flatten(tree: Mapping[str, Any], prefix: str = "") -> Iterable[tuple[str, str]]:
    """Nested settings as (dotted key, text) pairs.

    Args:
        tree: nested mapping.
        prefix: of the keys.
    """
    for key, value in tree.items():
        if isinstance(value, Mapping):
            yield from flatten(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def number(value: float | None, digits: int = 3) -> str:
    """A figure, or a dash when there is none."""
    return "–" if value is None else f"{value:.{digits}f}"


def signed(value: float | None, digits: int = 3) -> str:
    """A difference with its sign (a true minus, which lines up)."""
    return "–" if value is None else f"{value:+.{digits}f}".replace("-", "−")


def percent(value: float | None, digits: int = 1) -> str:
    """A share in per cent."""
    return "–" if value is None else f"{100 * value:.{digits}f} %"


def interval(value: Sequence[float] | None, digits: int = 3, *, sign: bool = False) -> str:
    """Low and high end of an interval."""
    if value is None:
        return "–"
    write, joint = (signed, " to ") if sign else (number, "–")
    return write(value[0], digits) + joint + write(value[1], digits)


def p_value(value: float | None) -> str:
    """A p value as journals print it."""
    return "–" if value is None else "< 0.001" if value < 0.001 else f"{value:.3f}"
