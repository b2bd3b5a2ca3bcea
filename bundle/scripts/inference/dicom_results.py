"""One image's results as DICOM objects in a folder; an object that fails is recorded and costs nothing else."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..data.failures import Failure
from ..dicom import RefusedInput
from ..dicom.objects import (
    Algorithm,
    Source,
    load_source,
    write_attention_overlay,
    write_enhanced,
    write_findings_report,
    write_regions,
)


@dataclass(frozen=True)
class ImageResult:
    """What was computed from one image, in pixels of the image as displayed.

    Attributes:
        image: (H, W) in [0, 1].
        attention: (H, W).
        boxes: half-open (row0, col0, row1, col1) of the regions; empty: none were chosen.
        labels: C names.
        probabilities: C values in [0, 1].
        enhanced: (s·H, s·W) in [0, 1], or ``None``.
        description: what the enhancement did; no patient data.
    """

    image: np.ndarray
    attention: np.ndarray
    boxes: Sequence[tuple[int, int, int, int]]
    labels: Sequence[str]
    probabilities: Sequence[float]
    enhanced: np.ndarray | None
    description: str


def write_dicom_results(
    path: Path, name: str, folder: Path, result: ImageResult, algorithm: Algorithm
) -> list[Failure]:
    """Write ``findings.dcm``, ``attention.dcm`` and, where there are any, ``regions.dcm`` and ``enhanced.dcm``.

    Args:
        path: DICOM file that the results belong to.
        name: of the file in messages, as the user knows it.
        folder: where; named by the caller, never by a patient or a UID.
        result: of the image.
        algorithm: what computed it.

    Returns:
        One failure per object that could not be written. What an earlier run had left in its place is removed: a
        result of other settings must not pass for one of these.
    """
    try:
        source = load_source(path)
        source.require_identity()
    except RefusedInput as refusal:
        return [Failure.of(name, refusal.at(name))]
    failures = []
    for kind, write in writers(source, folder, result, algorithm).items():
        try:
            if write is None:
                (folder / f"{kind}.dcm").unlink(missing_ok=True)
            else:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")  # highdicom's quote names
                    write()
        except Exception as error:  # whatever highdicom meets in a header
            (folder / f"{kind}.dcm").unlink(missing_ok=True)
            failures.append(failure(name, kind, error))
    return failures


def writers(
    source: Source, folder: Path, result: ImageResult, algorithm: Algorithm
) -> dict[str, Callable[[], str] | None]:
    """What writes each kind of object; ``None`` for a kind that this result does not have."""
    enhanced, boxes = result.enhanced, result.boxes
    return {
        "findings": lambda: write_findings_report(
            source, result.labels, result.probabilities, folder / "findings.dcm", algorithm=algorithm
        ),
        "attention": lambda: write_attention_overlay(
            source, result.image, result.attention, boxes, folder / "attention.dcm", algorithm=algorithm
        ),
        "regions": (lambda: write_regions(source, boxes, folder / "regions.dcm", algorithm=algorithm))
        if boxes
        else None,
        "enhanced": (
            lambda: write_enhanced(
                source, enhanced, folder / "enhanced.dcm", description=result.description, software=algorithm.software
            )
        )
        if enhanced is not None
        else None,
    }


def failure(name: str, kind: str, error: Exception) -> Failure:
    """Record of an object that was not written; the message of the error may quote the patient's data."""
    found = error.strerror if isinstance(error, OSError) else type(error).__name__
    return Failure(
        name,
        "DICOM_OBJECT",
        f"{name}: {kind}.dcm was not written; expected a header that a {kind} object can be made from, found {found}",
        "the other results of this image are complete; check the header with dciodvfy, and the free disk space",
    )
