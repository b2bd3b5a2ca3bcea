"""Reads the result files of a run folder. A missing file gives ``None``, so that the report can state "not run".

A run folder contains ``base/`` and ``retrained/`` (each with ``metrics.json``, ``predictions.json`` and
``history.csv``, or with a folder for each seed that has them, of which the first is read),
``enhanced/`` (``manifest.jsonl``, ``examples/*.png``), ``explanation/`` (``explanation.json``),
``comparison.json``, ``run_report.json`` and ``class_distribution.json``.
"""

from __future__ import annotations

import csv
import json
import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ..common.text_file import read_json
from ..evaluation.predictions import OK, read_predictions
from ..evaluation.seed_folders import first_training
from .sr_sections import FILE as SR_FILE

SR_FOLDER = "sr-evaluation"
ABLATION_FOLDER = "ablation"
EXPLANATION_FOLDER = "explanation"
History = dict[str, list[float | None]]


@dataclass
class ModelResults:
    """Results of one model.

    Attributes:
        metrics: content of ``metrics.json``.
        labels: names of the C labels of the predictions.
        probabilities: (N, C) probabilities of the cases that have targets.
        calibrated: (N, C) calibrated probabilities of these cases; ``None`` for a model that is not calibrated.
        targets: (N, C) targets; NaN (not annotated), -1 (uncertain).
        history: columns of ``history.csv``; ``None`` for a value that is not finite.
        epoch: epoch whose network is in the model folder.
    """

    metrics: dict[str, Any] | None = None
    labels: list[str] = field(default_factory=list)
    probabilities: np.ndarray | None = None
    calibrated: np.ndarray | None = None
    targets: np.ndarray | None = None
    history: History | None = None
    epoch: int | None = None


@dataclass
class ReportInputs:
    """Content of ``report.html``; ``None`` or empty for steps that were not run."""

    run_dir: Path
    base: ModelResults
    retrained: ModelResults
    comparison: dict[str, Any] | None
    manifest: list[dict[str, Any]]
    overlays: list[Path]
    panels: list[Path]
    run_report: dict[str, Any] | None
    class_distribution: list[dict[str, Any]] | None
    super_resolution: dict[str, Any] | None = None
    ablation: dict[str, Any] | None = None
    explanation: dict[str, Any] | None = None
    regions: list[dict[str, Any]] = field(default_factory=list)


def gather(run_dir: str | Path) -> ReportInputs:
    """Read a run folder.

    Args:
        run_dir: output folder of the demo or of the whole pipeline.

    Raises:
        FileNotFoundError: ``run_dir`` is not a folder, or contains no results.
        ValueError: a file is damaged.
    """
    run_dir = Path(run_dir)
    if not run_dir.is_dir():
        raise FileNotFoundError(f"{run_dir}: not a folder; give the folder that holds base/, enhanced/ and retrained/")
    base = first_training(run_dir / "base")
    examples = run_dir / "enhanced" / "examples"
    inputs = ReportInputs(
        run_dir=run_dir,
        base=_read_model(base),
        retrained=_read_model(first_training(run_dir / "retrained")),
        comparison=_read_json(run_dir / "comparison.json"),
        manifest=_read_manifest(run_dir / "enhanced" / "manifest.jsonl"),
        overlays=sorted(examples.glob("attention_*.png")),
        panels=sorted(examples.glob("panel_*.png")),
        regions=_read_json(examples / "regions.json", list) or [],
        run_report=_read_json(run_dir / "run_report.json") or _read_json(base / "run_report.json"),
        class_distribution=_read_json(run_dir / "class_distribution.json", list)
        or _read_json(base / "class_distribution.json", list),
        super_resolution=_read_json(run_dir / SR_FOLDER / SR_FILE),
        ablation=_read_json(run_dir / ABLATION_FOLDER / "ablation.json"),
        explanation=_read_json(run_dir / EXPLANATION_FOLDER / "explanation.json"),
    )
    if not (
        inputs.base.metrics or inputs.base.history or inputs.retrained.metrics or inputs.manifest or inputs.ablation
    ):
        raise FileNotFoundError(
            f"{run_dir}: nothing to report; expected base/metrics.json, base/history.csv, retrained/metrics.json or "
            "enhanced/manifest.jsonl; run the workflows with their output folders in here"
        )
    return inputs


def _read_model(folder: Path) -> ModelResults:
    """Read the result files of one model.

    Args:
        folder: ``base/`` or ``retrained/``; need not exist.
    """
    results = ModelResults(
        metrics=_read_json(folder / "metrics.json"),
        history=_read_history(folder / "history.csv"),
        epoch=_saved_epoch(folder / "model" / "metadata.json"),
    )
    if (folder / "predictions.json").is_file():
        labels, predictions, _ = read_predictions(folder)
        usable = [p for p in predictions if p.status == OK and p.probabilities is not None and p.targets is not None]
        if usable:
            results.labels = labels
            results.probabilities = np.asarray([p.probabilities for p in usable], dtype=np.float64)
            if all(p.calibrated is not None for p in usable):
                results.calibrated = np.asarray([p.calibrated for p in usable], dtype=np.float64)
            results.targets = np.asarray([p.targets for p in usable], dtype=np.float64)  # None becomes NaN
    return results


def _saved_epoch(path: Path) -> int | None:
    """Epoch of a model by its ``metadata.json``; ``None`` where the file or the entry is missing."""
    provenance = (_read_json(path) or {}).get("provenance")
    epoch = provenance.get("epoch") if isinstance(provenance, dict) else None
    return epoch if isinstance(epoch, int) else None


def _read_history(path: Path) -> History | None:
    """Read the columns of ``history.csv``.

    Args:
        path: path of the file, which need not exist.

    Raises:
        ValueError: a cell is not a number.
    """
    if not path.is_file():
        return None
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    if not rows:
        return None
    try:
        return {name: [_finite(row[name]) for row in rows] for name in rows[0]}
    except (TypeError, ValueError) as error:
        raise ValueError(f"{path}: expected numbers in each row ({error}); train again or remove the file") from error


def _read_manifest(path: Path) -> list[dict[str, Any]]:
    """Read ``manifest.jsonl``. If an image has several lines, the last one counts, as in a run that is continued.

    Args:
        path: path of the file, which need not exist.

    Raises:
        ValueError: a line is not JSON, other than the last one, which a killed run may have cut off.
    """
    if not path.is_file():
        return []
    lines = path.read_text(encoding="utf-8").splitlines()
    records: dict[str, dict[str, Any]] = {}
    for number, line in enumerate(lines, 1):
        try:
            record = json.loads(line)
        except ValueError as error:
            if number == len(lines):
                break
            raise ValueError(f"{path}, line {number}: not JSON ({error}); run the enhancing workflow again") from error
        records[str(record.get("image", number))] = record
    return list(records.values())


def _read_json(path: Path, kind: type = dict) -> Any:
    """Read a JSON file.

    Args:
        path: path of the file, which need not exist.
        kind: type of its content, ``dict`` or ``list``.

    Raises:
        ValueError: the file is not JSON, or its content has another type.
    """
    if not path.is_file():
        return None
    content = read_json(path, f"a JSON {kind.__name__}", "run the step that writes it again")
    if not isinstance(content, kind):
        raise ValueError(
            f"{path}: expected a JSON {kind.__name__}, found {type(content).__name__}; "
            "run the step that writes it again"
        )
    return content


def _finite(cell: str | None) -> float | None:
    if cell in (None, ""):
        return None
    number = float(cell)  # type: ignore[arg-type]
    return number if math.isfinite(number) else None
