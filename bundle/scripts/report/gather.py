"""Collect what a run left in its folder. What is absent stays None, so that the report can say "not run".

``run_dir``: ``base/`` and ``retrained/`` (each ``metrics.json``, ``predictions.json``, ``history.csv``), ``enhanced/``
(``manifest.jsonl``, ``examples/*.png``), ``comparison.json``, ``run_report.json``, ``class_distribution.json``.
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
from .sr_sections import FILE as SR_FILE

SR_FOLDER = "sr-evaluation"
ABLATION_FOLDER = "ablation"
History = dict[str, list[float | None]]


@dataclass
class ModelResults:
    """One model's files.

    Attributes:
        metrics: ``metrics.json``.
        labels: C names of the predictions.
        probabilities: (N, C), of the cases that have a reference.
        calibrated: (N, C) of the same; None for a model that was not calibrated.
        targets: (N, C); NaN not annotated, -1 uncertain.
        history: columns of ``history.csv``; None for a figure that is not a finite number.
    """

    metrics: dict[str, Any] | None = None
    labels: list[str] = field(default_factory=list)
    probabilities: np.ndarray | None = None
    calibrated: np.ndarray | None = None
    targets: np.ndarray | None = None
    history: History | None = None


@dataclass
class ReportInputs:
    """All that ``report.html`` shows; None or empty where the step was not run."""

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


def gather(run_dir: str | Path) -> ReportInputs:
    """Read a run folder.

    Args:
        run_dir: folder of a demo or of the whole pipeline.

    Raises:
        FileNotFoundError: when it is not a folder, or holds nothing to report.
        ValueError: when one of the files is damaged.
    """
    run_dir = Path(run_dir)
    if not run_dir.is_dir():
        raise FileNotFoundError(f"{run_dir}: not a folder; give the folder that holds base/, enhanced/ and retrained/")
    examples = sorted((run_dir / "enhanced" / "examples").glob("*.png"))
    inputs = ReportInputs(
        run_dir=run_dir,
        base=_read_model(run_dir / "base"),
        retrained=_read_model(run_dir / "retrained"),
        comparison=_read_json(run_dir / "comparison.json"),
        manifest=_read_manifest(run_dir / "enhanced" / "manifest.jsonl"),
        overlays=[path for path in examples if path.name.startswith("attention")],
        panels=[path for path in examples if not path.name.startswith("attention")],
        run_report=_read_json(run_dir / "run_report.json") or _read_json(run_dir / "base" / "run_report.json"),
        class_distribution=_read_json(run_dir / "class_distribution.json", list)
        or _read_json(run_dir / "base" / "class_distribution.json", list),
        super_resolution=_read_json(run_dir / SR_FOLDER / SR_FILE),
        ablation=_read_json(run_dir / ABLATION_FOLDER / "ablation.json"),
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
    """Read one model's result files.

    Args:
        folder: ``base/`` or ``retrained/``; may be absent.
    """
    results = ModelResults(metrics=_read_json(folder / "metrics.json"), history=_read_history(folder / "history.csv"))
    if (folder / "predictions.json").is_file():
        labels, predictions, _ = read_predictions(folder)
        judged = [p for p in predictions if p.status == OK and p.probabilities is not None and p.targets is not None]
        if judged:
            results.labels = labels
            results.probabilities = np.asarray([p.probabilities for p in judged], dtype=np.float64)
            if all(p.calibrated is not None for p in judged):
                results.calibrated = np.asarray([p.calibrated for p in judged], dtype=np.float64)
            results.targets = np.asarray([p.targets for p in judged], dtype=np.float64)  # None becomes NaN
    return results


def _read_history(path: Path) -> History | None:
    """Read ``history.csv`` by column.

    Args:
        path: the file; may be absent.

    Raises:
        ValueError: when a cell is not a number.
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
    """Read ``manifest.jsonl``; the last line of an image wins, as it does when a run is continued.

    Args:
        path: the file; may be absent.

    Raises:
        ValueError: when a line other than the last, which a killed run may have cut, is not JSON.
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
        path: the file; may be absent.
        kind: of its content, dict or list.

    Raises:
        ValueError: when it is not JSON of this kind.
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
