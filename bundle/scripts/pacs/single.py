"""Fetches one study of a PACS by its UID, predicts it like files, and stores the results on demand."""

from __future__ import annotations

import logging
import tempfile
from pathlib import Path

from ..dicom.header import hash_identifier
from ..inference.predictor import Predictor
from .dicomweb import DicomWeb

logger = logging.getLogger(__name__)


def predict_study(
    pacs: DicomWeb, study_uid: str, predictor: Predictor, out_dir: Path, *, dicom: bool, store: bool
) -> None:
    """Write the same results as ``predict`` does for files, and keep no downloaded film.

    Args:
        pacs: server that has the study.
        study_uid: StudyInstanceUID (0020,000D).
        predictor: loaded model.
        out_dir: output folder; its tables name the study by a hash of its UID.
        dicom: also write DICOM objects.
        store: write DICOM objects, and store those in the PACS that it does not have yet.

    Raises:
        RefusedInput: the server does not have the study, or does not answer.
    """
    name = hash_identifier(study_uid)
    with tempfile.TemporaryDirectory() as folder:
        films = Path(folder)
        missing = [failure.rename(folder, name) for failure in pacs.fetch(study_uid, films)]
        inputs = [films] if any(films.iterdir()) else []
        shown_as = {folder: name}
        results = predictor.predict_to_folder(inputs, out_dir, dicom=dicom or store, missing=missing, shown_as=shown_as)
    if store:
        stored = pacs.store(study_uid, results.dicom_files)
        logger.info("%s  stored %d objects", name, stored)
