"""One study of a PACS by its UID: fetched, predicted as files would be, results stored on demand."""

from __future__ import annotations

import logging
import tempfile
from pathlib import Path

from ..dicom.header import hash_identifier
from ..evaluation.predictions import OK, Prediction
from ..inference.prediction_tables import write_tables
from ..inference.predictor import Predictor
from .dicomweb import DicomWeb

logger = logging.getLogger(__name__)


def predict_study(
    pacs: DicomWeb, study_uid: str, predictor: Predictor, out_dir: Path, *, dicom: bool, store: bool
) -> None:
    """Write what ``predict`` writes for files; nothing that was downloaded stays.

    Args:
        pacs: where the study is.
        study_uid: StudyInstanceUID.
        predictor: of the study.
        out_dir: output folder; in it the study is called by a hash of its UID.
        dicom: also write DICOM objects.
        store: write them and store them in the PACS, those that it does not have yet.

    Raises:
        RefusedInput: there is no such study, or the server does not answer.
    """
    name = hash_identifier(study_uid)
    with tempfile.TemporaryDirectory() as folder:
        films = Path(folder)
        refused = pacs.fetch(study_uid, films)
        found = predictor.predict([films], out_dir, dicom=dicom or store) if any(films.iterdir()) else []
        refused = [failure.rename(folder, name) for failure in refused]
        for prediction in found:
            prediction.rename(folder, name)
    for prediction in found:
        refused += prediction.refused
        if prediction.status == OK:
            logger.info("%s  %s", prediction.name, prediction.summary())
    rows = [prediction.row() for prediction in found if prediction.status == OK]
    rows += [Prediction(failure.path, status=failure.code) for failure in refused]
    unwritten = [failure for prediction in found for failure in prediction.unwritten]
    algorithm = predictor.analysis.algorithm
    write_tables(out_dir, predictor.labels, rows, refused, unwritten, model_hash=algorithm.weights_sha256)
    if store:
        stored = pacs.store(study_uid, [path for prediction in found for path in prediction.dicom_files])
        logger.info("%s  stored %d objects", name, stored)
