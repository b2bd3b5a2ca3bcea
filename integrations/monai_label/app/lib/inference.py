"""``POST /infer/cxr``: findings as JSON, and a map, the regions or the enhanced image as NIfTI."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pydicom
from fastapi import HTTPException
from monailabel.interfaces.tasks.infer_v2 import InferTask, InferType
from scripts.inference.prediction import StudyPrediction
from scripts.inference.predictor import Predictor

RESULTS = ("regions", "attention", "enhanced")


class ChestInference(InferTask):
    """One image or series.

    Request parameters: ``result`` (``regions``: label image 1 … K; ``attention``: float map; ``enhanced``: the
    enhanced image), ``store`` (DICOMweb only: send findings, attention, regions and enhanced image there as DICOM
    objects).

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

    def __call__(self, request: dict[str, Any]) -> tuple[str | None, dict[str, Any]]:
        """NIfTI file and JSON.

        Raises:
            HTTPException: 422 with code, reason and remedy for an image that cannot be used; 400 for a request that
            cannot.
        """
        result = request.get("result", RESULTS[0])
        if isinstance(result, list):  # the client sent the choices of config back as they are
            result = result[0]
        if result not in RESULTS:
            raise HTTPException(400, f"result: not known; expected one of {', '.join(RESULTS)}, found {result!r}")
        with tempfile.TemporaryDirectory() as folder:
            prediction = self.predict(request, Path(folder))
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
            (prediction, *others) = predictor.predict([request["image"]], folder if store else None, dicom=store)
        except FileNotFoundError as error:
            refused = {"code": "NO_IMAGE", "reason": str(error), "remedy": "send a radiograph"}
            raise HTTPException(422, {"failures": [refused]}) from error
        failures = [failure for found in (prediction, *others) for failure in found.failures]
        if prediction.status != "ok" or others:
            rows = [{"code": row.code, "reason": row.reason, "remedy": row.remedy} for row in failures]
            raise HTTPException(422, {"failures": rows})
        return prediction

    def store(self, paths: list[Path]) -> int:
        """Send DICOM objects to the server that the image came from; how many it did not have.

        Raises:
            HTTPException: 400 when the studies are no DICOMweb server; 502 when it does not take them.
        """
        if not self.studies.startswith(("http://", "https://")):
            raise HTTPException(400, "store: needs a DICOMweb server; expected --studies URL, found a folder")
        from scripts.dicom import RefusedInput
        from scripts.pacs.dicomweb import DicomWeb
        from scripts.pacs.session import Server

        try:
            study = pydicom.dcmread(paths[0], stop_before_pixels=True).StudyInstanceUID
            return DicomWeb(Server(self.studies)).store(study, paths)
        except RefusedInput as refusal:
            row = {"code": refusal.code, "reason": str(refusal), "remedy": refusal.remedy}
            raise HTTPException(502, {"failures": [row]}) from refusal


def ranked(prediction: StudyPrediction) -> list[dict[str, Any]]:
    """MONAI Label's form of a classification, the likeliest first."""
    assert prediction.shown is not None
    rows = [
        {"idx": index, "label": label, "score": float(score)}
        for index, (label, score) in enumerate(zip(prediction.labels, prediction.shown, strict=True))
    ]
    return sorted(rows, key=lambda row: -row["score"])


def write_nifti(prediction: StudyPrediction, result: str) -> str | None:
    """A temporary NIfTI file in the geometry of the radiograph as ITK reads it; ``None``: there is no enhanced image.

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
    if pixels is None:
        return None
    row_mm, column_mm = spacing or (1.0, 1.0)
    image = nibabel.Nifti1Image(pixels.T[..., None], np.diag([-column_mm, -row_mm, 1.0, 1.0]))
    with tempfile.NamedTemporaryFile(suffix=".nii.gz", delete=False) as file:
        nibabel.save(image, file.name)
    return file.name
