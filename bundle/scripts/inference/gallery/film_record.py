"""What the page says about a film, as JSON values.

Every text comes from outside (names of files, labels, headers) and is made printable here; the page shows it as text.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from ...calibration.novelty import FLAG_ABOVE
from ...common.failures import Failure
from ...common.printable import printable
from ...evaluation.predictions import OK, Prediction
from ..analysis import FilmAnalysis
from ..study_prediction import StudyPrediction

_DIGITS = 4  # of a probability


def run_record(analysis: FilmAnalysis) -> dict[str, Any]:
    """Return what the page says about all films: labels, thresholds, model, attention method and enhancer.

    Args:
        analysis: analysis that makes the predictions.
    """
    calibration, enhancer = analysis.calibration, analysis.region_enhancer
    return {
        "labels": [printable(label) for label in analysis.labels],
        "thresholds": None if calibration is None else list(calibration.thresholds.values()),
        "uncalibrated": [] if calibration is None else [printable(label) for label in calibration.uncalibrated],
        "policy": None if calibration is None else printable(calibration.policy),
        "novel_above": FLAG_ABOVE,
        "attention": analysis.attention_method,
        "enhancer": None if enhancer is None else enhancer.enhancer.name,
        "model": analysis.algorithm.weights_sha256[:12],
        "software": analysis.algorithm.software,
    }


def film_record(order: float, row: Prediction) -> dict[str, Any]:
    """Return the numbers of a film.

    Args:
        order: position of the film on the page.
        row: its row of the tables.
    """
    shown = row.probabilities if row.calibrated is None else row.calibrated
    spread = row.spread if row.calibrated is None else row.calibrated_spread
    return {
        "order": order,
        "name": printable(row.image),
        "status": row.status,
        "probabilities": None if shown is None else [round(value, _DIGITS) for value in shown],
        "spread": None if spread is None else [round(value, _DIGITS) for value in spread],
        "decisions": row.decisions,
        "novelty": None if row.novelty is None else round(row.novelty, _DIGITS),
        "flags": [printable(flag) for flag in row.flags],
        "pictures": False,
    }


def refused_record(order: float, failure: Failure) -> dict[str, Any]:
    """Return the reason why a film was not used.

    Args:
        order: position of the film on the page.
        failure: row of the film in ``failures.csv``.
    """
    reason = {"reason": printable(failure.reason), "remedy": printable(failure.remedy)}
    return {**film_record(order, Prediction(failure.path, failure.code)), **reason}


def prediction_record(order: float, prediction: StudyPrediction, folder: Path) -> dict[str, Any]:
    """Return the record of a prediction, with the regions, the files and what could not be made.

    Args:
        order: position of the film on the page.
        prediction: prediction of a film, or the rejection of a study.
        folder: folder of the page, to which the links are relative.
    """
    if prediction.status != OK:
        return refused_record(order, prediction.refused[0])
    assert prediction.image is not None
    return {
        **film_record(order, prediction.row()),
        "pictures": True,
        "size": list(prediction.image.shape),
        "spacing_mm": prediction.spacing_mm,
        "label_maps": prediction.label_maps is not None,
        "regions": [
            {"box": list(box), "label": None if label is None else printable(label)}
            for box, label in zip(prediction.regions, prediction.region_labels, strict=True)
        ],
        "missing": [printable(f"{failure.reason}; {failure.remedy}") for failure in prediction.unwritten],
        "is_dicom": prediction.is_dicom,
        "files": _files([*prediction.picture_files, *prediction.dicom_files], folder),
    }


def _files(paths: Sequence[Path], folder: Path) -> list[dict[str, str | None]]:
    """Return name and link of each file; a file that does not stay below the folder of the page has no link."""
    files = []
    for path in paths:
        inside = path.is_relative_to(folder)
        parts = (path.relative_to(folder) if inside else Path(path.name)).parts
        link = "/".join(quote(os.fsencode(part), safe="") for part in parts)
        files.append({"name": printable("/".join(parts)), "link": link if inside else None})
    return files
