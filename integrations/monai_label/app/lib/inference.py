"""``POST /infer/cxr`` and ``/batch/infer/cxr``: findings as JSON; map, regions or enhanced image as NIfTI."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pydicom
from fastapi import HTTPException
from monailabel.datastore.dicom import DICOMWebDatastore
from monailabel.interfaces.datastore import Datastore
from monailabel.interfaces.tasks.batch_infer import BatchInferTask
from monailabel.interfaces.tasks.infer_v2 import InferTask, InferType
from scripts.common.failures import Failure
from scripts.dicom import RefusedInput
from scripts.inference.predictor import Predictor
from scripts.inference.study_prediction import StudyPrediction
from scripts.pacs.dicomweb import DicomWeb
from scripts.pacs.session import Server

from .values import RESULTS


class ChestInference(InferTask):
    """Task for one image or series.

    The parameters of a request are ``result`` (``regions``: label image with values 1 to K; ``attention``: float map;
    ``enhanced``: enhanced image) and ``store`` (only with a DICOMweb server: store findings, attention, regions and
    enhanced image there as DICOM objects), see :class:`.values.Inference`.

    Args:
        predictor: returns the predictor with the current model.
        studies: folder, or URL of the DICOMweb server.
    """

    def __init__(self, predictor: Callable[[], Predictor], studies: str) -> None:
        self.predictor, self.studies = predictor, studies
        super().__init__(
            InferType.CLASSIFICATION,
            predictor().labels,
            dimension=2,
            description="Findings of a frontal chest radiograph with the regions that the network attended to",
            config={"result": list(RESULTS), "store": False},
        )

    def is_valid(self) -> bool:
        """Return true, because the model was loaded when the app started."""
        return True

    def __call__(self, request: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        """Return the path of the NIfTI file, and the JSON answer.

        Raises:
            HTTPException: 422 with code, reason and remedy for an unusable image; 400 for an unusable request.
        """
        result = request.get("result", RESULTS[0])
        with tempfile.TemporaryDirectory() as folder:
            prediction = self.predict(request, Path(folder))
            if result == "enhanced" and prediction.enhanced is None:
                raise HTTPException(422, "enhanced: there is none; expected a region; ask for another result")
            stored = self.store(prediction.dicom_files) if request.get("store") else 0
        answer = {**prediction.to_json(), "prediction": ranked(prediction), "stored": stored}
        return write_nifti(prediction, result), answer

    def predict(self, request: dict[str, Any], folder: Path) -> StudyPrediction:
        """Predict the study of a request, and write DICOM objects into a folder if they are to be stored.

        Raises:
            HTTPException: see :meth:`__call__`.
        """
        store = bool(request.get("store"))
        predictor = self.predictor()
        try:
            (prediction, *others) = predictor.predict([request["path"]], folder if store else None, dicom=store)
        except FileNotFoundError as error:
            raise refused(422, [Failure(request["image"], "NO_IMAGE", str(error), "send a radiograph")]) from error
        failures = [failure for found in (prediction, *others) for failure in found.failures]
        if others:
            failures.append(Failure(request["image"], "STUDIES", "image: more than one study", "send one study"))
        if prediction.status != "ok" or others:
            raise refused(422, failures)
        return prediction

    def store(self, paths: list[Path]) -> int:
        """Store DICOM objects on the server of the image, and return the number of those that it did not have.

        Raises:
            HTTPException: 400 if the studies are in a folder; 422 if there are no objects; 502 if the server rejects
                them.
        """
        if not self.studies.startswith(("http://", "https://")):
            raise HTTPException(400, "store: needs a DICOMweb server; expected --studies URL, found a folder")
        if not paths:
            raise HTTPException(422, "store: no DICOM objects to send; expected a DICOM film of the server; name one")
        try:
            study = pydicom.dcmread(paths[0], stop_before_pixels=True).StudyInstanceUID
            return DicomWeb(Server(self.studies)).store(study, paths)
        except RefusedInput as refusal:
            raise refused(502, [Failure.of("store", refusal)]) from refusal


class ChestBatch(BatchInferTask):
    """Task for several images, one after another; ``max_workers`` and devices are ignored.

    MONAI Label's own loop divides by the number of GPUs, and it either ends at the first rejection or loses the reason.
    Label images are saved in the datastore unless ``save_label`` is false. They are never saved on a DICOMweb server,
    for which MONAI Label would need images converted to NIfTI; there, ``store`` sends the results.
    """

    def __call__(self, request: dict[str, Any], datastore: Datastore, infer: Callable) -> dict[str, dict[str, Any]]:
        """Return for each image its answer, or ``status`` and ``detail`` of its rejection."""
        images = sorted(self.get_images(request, datastore))[: request.get("max_batch_size") or None]
        save = bool(request.get("save_label", True)) and not isinstance(datastore, DICOMWebDatastore)
        answers: dict[str, dict[str, Any]] = {}
        for image in images:
            try:
                answer = infer({**request, "image": image, "save_label": save}, datastore)
                Path(answer.pop("file")).unlink()
                answers[image] = answer if save else {"params": answer["params"]}
            except HTTPException as refusal:
                if refusal.status_code == 400:  # an invalid request concerns every image
                    raise
                answers[image] = {"status": refusal.status_code, "detail": refusal.detail}
            except Exception as error:  # an unexpected error, such as a deleted series, must not stop the others
                answers[image] = {"status": 500, "detail": type(error).__name__}
        return answers


def refused(status: int, failures: list[Failure]) -> HTTPException:
    """Return an HTTP error with the code, reason and remedy of each failure."""
    rows = [{"code": row.code, "reason": row.reason, "remedy": row.remedy} for row in failures]
    return HTTPException(status, {"failures": rows})


def ranked(prediction: StudyPrediction) -> list[dict[str, Any]]:
    """Return the classification in MONAI Label's format, in descending order of probability."""
    assert prediction.shown is not None
    scores = zip(prediction.labels, prediction.shown.tolist(), strict=True)
    rows = [{"idx": index, "label": label, "score": score} for index, (label, score) in enumerate(scores)]
    return sorted(rows, key=lambda row: -row["score"])


def write_nifti(prediction: StudyPrediction, result: str) -> str:
    """Write a temporary NIfTI file in the geometry in which ITK reads the radiograph, and return its path.

    ITK puts the first pixel of a projection image at the origin, with columns along x and rows along y (LPS). In NIfTI,
    x and y have the opposite directions (RAS). MONAI Label removes the file after it was sent.
    """
    spacing, pixels = prediction.spacing_mm, prediction.attention_map
    if result == "regions":
        assert pixels is not None
        pixels = np.zeros(pixels.shape, dtype=np.uint8)
        for number, (row0, col0, row1, col1) in enumerate(prediction.regions, start=1):
            pixels[row0:row1, col0:col1] = number
    elif result == "enhanced":
        spacing, pixels = prediction.enhanced_spacing, prediction.enhanced
    assert pixels is not None
    row_mm, column_mm = spacing or (1.0, 1.0)
    image = nibabel.Nifti1Image(pixels.T[..., None], np.diag([-column_mm, -row_mm, 1.0, 1.0]))
    with tempfile.NamedTemporaryFile(suffix=".nii.gz", delete=False) as file:
        nibabel.save(image, file.name)
    return file.name
