"""MONAI Label app: the bundle's classifier, its maps and its enhanced images, on files or a DICOMweb server.

    make label            # its environment, and the server on 127.0.0.1:8000 with the sample studies

Everything is done by ``scripts.inference.predictor`` and the workflow ``training``; here they only get MONAI Label's
names.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any

APP = Path(__file__).resolve().parent
BUNDLE = APP.parents[2] / "bundle"
sys.path[:0] = [str(BUNDLE), str(APP)]

from fastapi import HTTPException  # noqa: E402
from lib.inference import ChestBatch, ChestInference  # noqa: E402
from lib.training import ChestTraining, newest_model  # noqa: E402
from lib.uncertainty import Uncertainty  # noqa: E402
from monailabel.interfaces.app import MONAILabelApp  # noqa: E402
from monailabel.tasks.activelearning.random import Random  # noqa: E402
from scripts.inference.analysis import software_version  # noqa: E402
from scripts.inference.predictor import Predictor  # noqa: E402

MODEL = "cxr"


class ChestApp(MONAILabelApp):
    """One model, one trainer, two strategies.

    ``--conf model_dir FOLDER`` serves another model than the shipped one; after a training the server serves its
    result.
    """

    def __init__(self, app_dir: str, studies: str, conf: dict[str, str]) -> None:
        self.trained = Path(app_dir) / "model" / MODEL
        self.first_model = Path(conf.get("model_dir", BUNDLE / "models" / "vit-small-nih14"))
        self.loaded: tuple[Path, Predictor] | None = None
        name = "Chest radiographs: findings, attention, super-resolution"
        super().__init__(
            app_dir, studies, conf, name=name, description=f"{name}. Research only.", version=software_version()
        )

    def predictor(self) -> Predictor:
        """The model that training wrote last, else ``model_dir``, else the shipped one."""
        model_dir = newest_model(self.trained) or self.first_model
        if self.loaded is None or self.loaded[0] != model_dir:
            self.loaded = model_dir, Predictor.from_bundle(BUNDLE, model_dir=model_dir)
        return self.loaded[1]

    def infer(self, request: dict[str, Any], datastore: Any = None) -> dict[str, Any]:
        """See MONAI Label, which takes any path for an image, and an unknown one for the working folder.

        Raises:
            HTTPException: 404 for a model or an image that is not here; 400 for a SEG from MONAI Label itself.
        """
        if request.get("model") not in self._infers:
            raise HTTPException(404, f"model: not known; expected {MODEL}, found {request.get('model')!r}")
        if "label_info" in request:  # of output=dicom_seg, which needs dcmqi
            raise HTTPException(400, 'label_info: makes no SEG here; "store": true sends one to the DICOMweb server')
        image = Path(request.get("image") or "")
        uploaded = image.is_file() and image.parent == Path(tempfile.gettempdir())
        uploaded |= self._sessions is not None and Path(self._sessions.store_path).resolve() in image.resolve().parents
        if not uploaded and str(image) not in self.datastore().list_images():
            raise HTTPException(404, f"image: unknown; expected one of GET /datastore/, found {image.name!r}")
        return super().infer(request, datastore)

    def init_batch_infer(self) -> ChestBatch:
        """``POST /batch/infer/cxr``."""
        return ChestBatch()

    def init_infers(self) -> dict:
        """``POST /infer/cxr``."""
        return {MODEL: ChestInference(self.predictor, self.studies)}

    def init_trainers(self) -> dict:
        """``POST /train/cxr``."""
        return {MODEL: ChestTraining(self.trained, self.first_model)}

    def init_strategies(self) -> dict:
        """``POST /activelearning/uncertainty``, ``…/random``."""
        return {"uncertainty": Uncertainty(self.predictor), "random": Random()}

    def _download_dcmqi_tools(self) -> None:
        """Nothing: MONAI Label would fetch dcmqi from the internet; our objects are written by highdicom."""
