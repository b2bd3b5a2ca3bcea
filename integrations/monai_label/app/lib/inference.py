"""``POST /infer/cxr``, ``/batch/infer/cxr``: findings as JSON; a map, the regions or the enhanced image as NIfTI."""

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
    """One image or series.

    Request parameters (see ``values``): ``result`` (``regions``: label image 1 … K; ``attention``: float map;
    ``enhanced``: the enhanced image), ``store`` (DICOMweb only: send findings, attention, regions and enhanced image
    there as DICOM objects).

    Args:
        predictor: gives the model that is current.
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
        """The model was loaded when the app started."""
        return True

    def __call__(self, request: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        """NIfTI file and JSON.

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
        """Predict; DICOM objects go to the folder when they are to be stored.

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
        """Send DICOM objects to the server that the image came from; how many it did not have.

        Raises:
            HTTPException: 400 when the studies are no DICOMweb server; 502 when it does not take them.
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
    """One image after the other; ``max_workers`` and devices are left aside.

    MONAI Label's own loop divides by the number of GPUs, and ends at the first refusal or loses its reason. Label
    images stay in the datastore unless ``save_label`` is false, or it is a DICOMweb server: there MONAI Label wants
    images that it converted to NIfTI, and ``store`` sends results.
    """

    def __call__(self, request: dict[str, Any], datastore: Datastore, infer: Callable) -> dict[str, dict[str, Any]]:
        """Image -> its answer, or ``status`` and ``detail`` of its refusal."""
        images = sorted(self.get_images(request, datastore))[: request.get("max_batch_size") or None]
        save = bool(request.get("save_label", True)) and not isinstance(datastore, DICOMWebDatastore)
        answers: dict[str, dict[str, Any]] = {}
        for image in images:
            try:
                answer = infer({**request, "image": image, "save_label": save}, datastore)
                Path(answer.pop("file")).unlink()
                answers[image] = answer if save else {"params": answer["params"]}
            except HTTPException as refusal:
                if refusal.status_code == 400:  # of every image
                    raise
                answers[image] = {"status": refusal.status_code, "detail": refusal.detail}
            except Exception as error:  # for one, a series that was deleted; it costs the others nothing
                answers[image] = {"status": 500, "detail": type(error).__name__}
        return answers


def refused(status: int, failures: list[Failure]) -> HTTPException:
    """Answer with the code, reason and remedy of each failure."""
    rows = [{"code": row.code, "reason": row.reason, "remedy": row.remedy} for row in failures]
    return HTTPException(status, {"failures": rows})


def ranked(prediction: StudyPrediction) -> list[dict[str, Any]]:
    """MONAI Label's form of a classification, the likeliest first."""
    assert prediction.shown is not None
    scores = zip(prediction.labels, prediction.shown.tolist(), strict=True)
    rows = [{"idx": index, "label": label, "score": score} for index, (label, score) in enumerate(scores)]
    return sorted(rows, key=lambda row: -row["score"])


def write_nifti(prediction: StudyPrediction, result: str) -> str:
    """A temporary NIfTI file in the geometry of the radiograph as ITK reads it.

    ITK puts the first pixel of a projection image at the origin, columns along x, rows along y (LPS); NIfTI counts x
    and y the other way (RAS). MONAI Label removes the file when it was sent.
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
