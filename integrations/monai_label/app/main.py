"""MONAI Label app: the bundle's classifier, its maps and its enhanced images, on files or a DICOMweb server.

    make label            # its environment, and the server on 127.0.0.1:8000 with the sample studies

It answers programs of this computer and its own pages; ``CXR_LABEL_ALLOWED_HOSTS`` and ``CXR_LABEL_ALLOWED_ORIGINS``
(names of this server, origins of pages; separated by commas) let others in.

Everything is done by ``scripts.inference.predictor`` and the workflow ``training``; here they only get MONAI Label's
names.
"""

from __future__ import annotations

import logging
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

APP = Path(__file__).resolve().parent
BUNDLE = APP.parents[2] / "bundle"
sys.path[:0] = [str(BUNDLE), str(APP)]

from fastapi import HTTPException, Request  # noqa: E402
from fastapi.responses import JSONResponse  # noqa: E402
from lib.guard import HOSTS, Guard, listed  # noqa: E402
from lib.inference import ChestBatch, ChestInference  # noqa: E402
from lib.training import ChestTraining, newest_model  # noqa: E402
from lib.uncertainty import Uncertainty  # noqa: E402
from monailabel.config import settings  # noqa: E402
from monailabel.interfaces.app import MONAILabelApp  # noqa: E402
from monailabel.interfaces.exception import MONAILabelException  # noqa: E402
from monailabel.tasks.activelearning.random import Random  # noqa: E402
from scripts.inference.analysis import software_version  # noqa: E402
from scripts.inference.predictor import Predictor  # noqa: E402

MODEL = "cxr"
UPLOAD_S = 3600  # no request takes longer

logger = logging.getLogger(__name__)


class ChestApp(MONAILabelApp):
    """One model, one trainer, two strategies.

    ``--conf model_dir FOLDER`` serves another model than the shipped one; after a training the server serves its
    result.
    """

    def __init__(self, app_dir: str, studies: str, conf: dict[str, str]) -> None:
        self.trained = Path(app_dir) / "model" / MODEL
        self.first_model = Path(conf.get("model_dir", BUNDLE / "models" / "vit-small-nih14"))
        self.loaded: tuple[Path, Predictor] | None = None
        # MONAI Label writes what it receives to a name that it makes up in the temporary folder, which all users share.
        self.uploads = private_folder(Path(app_dir) / "uploads")
        tempfile.tempdir = str(self.uploads)
        name = "Chest radiographs: findings, attention, super-resolution"
        super().__init__(
            app_dir, studies, conf, name=name, description=f"{name}. Research only.", version=software_version()
        )
        if self._sessions is not None:
            private_folder(Path(self._sessions.store_path))

    def server_mode(self, mode: bool) -> None:
        """The server starts: from here on every request passes the guard first."""
        from monailabel.app import app

        super().server_mode(mode)
        if listed(HOSTS) and not settings.MONAI_LABEL_AUTH_ENABLE:
            logger.warning("%s is set: whoever reaches the port may read, label and train without a password", HOSTS)
        else:
            logger.info("Answers this computer; %s lets others in", HOSTS)
        names = {"model": (MODEL,), "strategy": tuple(self._strategies)}
        app.middleware_stack = None  # was built to start; the next request builds it again, the guard included
        app.add_middleware(
            Guard, names=names, labels=lambda: self.predictor().labels, prefix=settings.MONAI_LABEL_API_STR
        )
        app.add_exception_handler(MONAILabelException, not_found)

    def predictor(self) -> Predictor:
        """The model that training wrote last, else ``model_dir``, else the shipped one."""
        model_dir = newest_model(self.trained) or self.first_model
        if self.loaded is None or self.loaded[0] != model_dir:
            self.loaded = model_dir, Predictor.from_bundle(BUNDLE, model_dir=model_dir)
        return self.loaded[1]

    def infer(self, request: dict[str, Any], datastore: Any = None) -> dict[str, Any]:
        """See MONAI Label, which takes any path for an image, and an unknown one for the working folder.

        Raises:
            HTTPException: 404 for an image that is not here.
        """
        image = Path(request.get("image") or "")
        uploaded = image.is_file() and image.parent == self.uploads
        uploaded |= self._sessions is not None and Path(self._sessions.store_path).resolve() in image.resolve().parents
        if not uploaded and str(image) not in self.datastore().list_images():
            raise HTTPException(404, f"image: unknown; expected one of GET /datastore/, found {image.name!r}")
        # Given the name of an image, MONAI Label would read a file of this name in the working folder.
        path = str(image) if uploaded else self.datastore().get_image_uri(str(image))
        return super().infer({**request, "path": path}, datastore)

    def cleanup_sessions(self) -> None:
        """Every five minutes: sessions that are over, and uploads that a refused or broken request left."""
        super().cleanup_sessions()
        for file in self.uploads.iterdir():
            if file.is_file() and file.stat().st_mtime < time.time() - UPLOAD_S:
                file.unlink(missing_ok=True)

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


def private_folder(folder: Path) -> Path:
    """Make a folder that only this user can enter."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.chmod(0o700)
    return folder


async def not_found(request: Request, error: Exception) -> JSONResponse:
    """What MONAI Label raises for an image or a label that is not there."""
    return JSONResponse({"detail": "not found; expected an image or a label of GET /datastore/?output=all"}, 404)
