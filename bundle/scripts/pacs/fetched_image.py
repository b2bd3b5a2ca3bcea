"""An image that was fetched from a PACS: checks that it is the one that was asked for, and writes its file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ..common.atomic import atomic_write
from ..dicom.objects.derived_image import is_enhanced
from ..dicom.read.parsing import load_dataset
from .dicom_json import cleaned
from .refusals import NONSENSE, study_refusal, unreadable

_PREAMBLE_BYTES = 128


def keep_image(parts: Sequence[bytes], path: Path, study_uid: str, sop_uid: str) -> None:
    """Write the DICOM file of a fetched image, with an empty preamble because one can hide an executable.

    Args:
        parts: parts of the response; of several DICOM files, the one with the SOPInstanceUID is used.
        path: path of the new file.
        study_uid: StudyInstanceUID that was asked for.
        sop_uid: SOPInstanceUID that was asked for.

    Raises:
        RefusedInput: ``PACS_RESPONSE`` for an instance of another study, whose results would go to another patient;
            ``OWN_RESULT`` for an image that this software enhanced, to avoid results of results. The search excludes
            such images by their SeriesDescription, which a PACS may change.
    """
    files = [part for part in parts if part[_PREAMBLE_BYTES:].startswith(b"DICM")]  # PS3.10, section 7.1
    if not files:
        raise unreadable("a response without a DICOM file", "a DICOM file")
    for content in files:
        with atomic_write(path) as file:
            file.write(bytes(_PREAMBLE_BYTES) + content[_PREAMBLE_BYTES:])
        dataset = load_dataset(path)
        if len(files) == 1 or cleaned(dataset.get("SOPInstanceUID")) == sop_uid:
            break
    else:
        raise unreadable("other images", "the image that was asked for")
    if cleaned(dataset.get("StudyInstanceUID")) != study_uid:
        raise study_refusal(
            NONSENSE, "the PACS sent an image of another study", "the study that was asked for", "another", "report it"
        )
    if is_enhanced(dataset):
        raise study_refusal(
            "OWN_RESULT", "an image that this software enhanced", "a radiograph", "a result",
            "nothing; or keep SeriesDescription as it is stored",
        )  # fmt: skip
