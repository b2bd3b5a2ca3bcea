"""One film's results as DICOM objects in a folder; an object that fails is recorded and costs nothing else."""

from __future__ import annotations

import errno
import warnings
from collections.abc import Callable
from pathlib import Path

from ..common.failures import Failure
from ..dicom import RefusedInput
from ..dicom.objects import (
    Algorithm,
    Source,
    write_attention_overlay,
    write_enhanced,
    write_findings_report,
    write_regions,
)
from .study_prediction import StudyPrediction


def write_dicom_results(source: Source, folder: Path, prediction: StudyPrediction, algorithm: Algorithm) -> None:
    """Write ``findings.dcm``, ``attention.dcm`` and, where there are any, ``regions.dcm`` and ``enhanced.dcm``.

    What an earlier run had left in the place of an object that this one does not have is removed: a result of other
    settings must not pass for one of these.

    Args:
        source: DICOM file that the results belong to.
        folder: where; named by the caller, never by a patient or a UID.
        prediction: gets its ``dicom_files``, and a failure for each object that could not be written.
        algorithm: what computed it.

    Raises:
        OSError: the disk is full.
    """
    try:
        source.require_identity()
    except RefusedInput as refusal:
        prediction.failures.append(Failure.of(prediction.name, refusal.at(prediction.name)))
        return
    for kind, write in _writers(source, prediction, algorithm).items():
        path = folder / f"{kind}.dcm"
        try:
            if write is None:
                path.unlink(missing_ok=True)
                continue
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # highdicom's quote names
                write(path)
            prediction.dicom_files.append(path)
        except Exception as error:  # whatever highdicom meets in a header
            path.unlink(missing_ok=True)
            if isinstance(error, OSError) and error.errno == errno.ENOSPC:
                raise
            prediction.failures.append(_not_written(prediction.name, kind, error))


def _writers(
    source: Source, prediction: StudyPrediction, algorithm: Algorithm
) -> dict[str, Callable[[Path], str] | None]:
    """What writes each kind of object; ``None`` for a kind that this prediction does not have."""
    boxes, enhanced = prediction.regions, prediction.enhanced
    image, attention, probabilities = prediction.image, prediction.attention_map, prediction.shown
    assert image is not None and attention is not None and probabilities is not None

    def write_image(path: Path) -> str:
        assert enhanced is not None
        software = algorithm.software
        return write_enhanced(source, enhanced, path, description=prediction.description, software=software)

    return {
        "findings": lambda path: write_findings_report(
            source, prediction.labels, probabilities.tolist(), path, algorithm=algorithm
        ),
        "attention": lambda path: write_attention_overlay(source, image, attention, boxes, path, algorithm=algorithm),
        "regions": (lambda path: write_regions(source, boxes, path, algorithm=algorithm)) if boxes else None,
        "enhanced": write_image if enhanced is not None else None,
    }


def _not_written(name: str, kind: str, error: Exception) -> Failure:
    """Record of an object that was not written; the message of the error may quote the patient's data."""
    found = error.strerror if isinstance(error, OSError) else type(error).__name__
    return Failure(
        name,
        "DICOM_OBJECT",
        f"{name}: {kind}.dcm was not written; expected a header that a {kind} object can be made from, found {found}",
        "the other results of this image are complete; check the header with dciodvfy",
    )
