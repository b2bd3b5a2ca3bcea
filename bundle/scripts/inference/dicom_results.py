"""Writes the results of one film as DICOM objects; if one object fails, the others are still written."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Collection
from pathlib import Path

from ..common.atomic import full_disk_cause
from ..common.failures import Failure
from ..dicom import RefusedInput
from ..dicom.objects import (
    OBJECT_KINDS,
    Algorithm,
    Source,
    write_attention_map,
    write_attention_overlay,
    write_enhanced,
    write_findings_report,
    write_regions,
)
from .study_prediction import StudyPrediction


def write_dicom_results(
    source: Source,
    folder: Path,
    prediction: StudyPrediction,
    algorithm: Algorithm,
    kinds: Collection[str] = OBJECT_KINDS,
) -> None:
    """Write findings, attention (``attention.dcm``, ``attention_map.dcm``) and, if any, regions and enhanced image.

    An object of an earlier run that this run does not write is removed, so that results of different settings are not
    mixed.

    Args:
        source: DICOM file that the results belong to.
        folder: output folder; its name must not contain a patient or a UID.
        prediction: receives ``dicom_files``, and a failure for each object that could not be written.
        algorithm: software and weights that computed the results.
        kinds: kinds of objects that are written, of ``OBJECT_KINDS``.

    Raises:
        OSError: the disk is full.
    """
    try:
        source.require_identity()
    except RefusedInput as refusal:
        prediction.add_refusal(refusal)
        return
    for kind, write in _writers(source, prediction, algorithm).items():
        path = folder / f"{kind}.dcm"
        try:
            if write is None or kind not in kinds:
                path.unlink(missing_ok=True)
                continue
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # highdicom's quote names
                write(path)
            prediction.dicom_files.append(path)
        except Exception as error:  # a header can make highdicom fail in any way
            path.unlink(missing_ok=True)
            if full_disk_cause(error) is not None:
                raise
            prediction.failures.append(_not_written(prediction.name, kind, error))


def _writers(
    source: Source, prediction: StudyPrediction, algorithm: Algorithm
) -> dict[str, Callable[[Path], str] | None]:
    """Return the function that writes each kind of object; ``None`` for a kind that the prediction does not have."""
    boxes, names, enhanced = prediction.regions, prediction.region_labels, prediction.enhanced
    image, attention, probabilities = prediction.image, prediction.attention_map, prediction.shown
    spreads = None if prediction.shown_spread is None else prediction.shown_spread.tolist()
    assert image is not None and attention is not None and probabilities is not None

    def write_image(path: Path) -> str:
        assert enhanced is not None
        software = algorithm.software
        return write_enhanced(source, enhanced, path, description=prediction.description, software=software)

    return {
        "findings": lambda path: write_findings_report(
            source, prediction.labels, probabilities.tolist(), path, algorithm=algorithm, spreads=spreads
        ),
        "attention": lambda path: write_attention_overlay(
            source, image, attention, boxes, path, algorithm=algorithm, labels=names
        ),
        "attention_map": lambda path: write_attention_map(source, attention, path, algorithm=algorithm),
        "regions": (lambda path: write_regions(source, boxes, path, algorithm=algorithm, labels=names))
        if boxes
        else None,
        "enhanced": write_image if enhanced is not None else None,
    }


def _not_written(name: str, kind: str, error: Exception) -> Failure:
    """Return the failure of an object that was not written, without the error's text, which may quote patient data."""
    found = error.strerror if isinstance(error, OSError) else type(error).__name__
    return Failure(
        name,
        "DICOM_OBJECT",
        f"{name}: {kind}.dcm was not written; expected a header that a {kind} object can be made from, found {found}",
        "the other results of this image are complete; check the header with dciodvfy",
    )
