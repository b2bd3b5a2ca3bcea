"""MONAI Label app: findings, attention maps and enhanced images for files or a DICOMweb server.

    make label            # installs its environment, and serves the sample studies on 127.0.0.1:8000

The server answers only programs of this computer and its own pages. ``CXR_LABEL_ALLOWED_HOSTS`` (host names of the
server) and ``CXR_LABEL_ALLOWED_ORIGINS`` (origins of pages) allow others; both are comma-separated lists.

``scripts.inference.predictor`` and the workflow ``training`` do the work; this app connects them to MONAI Label.
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
from scripts.common.program_start import start_program  # noqa: E402
from scripts.inference.analysis import software_version  # noqa: E402
from scripts.inference.predictor import Predictor  # noqa: E402

start_program()  # MONAI Label imports this file at its start

MODEL = "cxr"
UPLOAD_S = 3600  # age after which an upload is deleted, in seconds; longer than any request takes

logger = logging.getLogger(__name__)


class ChestApp(MONAILabelApp):
    """App with one model, one training task and two strategies.

    ``--conf model_dir FOLDER`` selects another model than the shipped one. After a training, the server uses the model
    of that training.
    """

    def __init__(self, app_dir: str, studies: str, conf: dict[str, str]) -> None:
        self.trained = Path(app_dir) / "model" / MODEL
        self.first_model = Path(conf.get("model_dir", BUNDLE / "models" / "vit-small-nih14"))
        self.loaded: tuple[Path, Predictor] | None = None
        # MONAI Label writes uploads to the temporary folder, which is shared by all users unless it is set here.
        self.uploads = private_folder(Path(app_dir) / "uploads")
        tempfile.tempdir = str(self.uploads)
        name = "Chest radiographs: findings, attention, super-resolution"
        super().__init__(
            app_dir, studies, conf, name=name, description=f"{name}. Research only.", version=software_version()
        )
        if self._sessions is not None:
            private_folder(Path(self._sessions.store_path))

    def server_mode(self, mode: bool) -> None:
        """Start the server mode, in which every request passes the guard first."""
        from monailabel.app import app

        super().server_mode(mode)
        if listed(HOSTS) and not settings.MONAI_LABEL_AUTH_ENABLE:
            logger.warning("%s is set: any client of the port may read, label and train without a password", HOSTS)
        else:
            logger.info("Answers this computer only; %s allows others", HOSTS)
        names = {"model": (MODEL,), "strategy": tuple(self._strategies)}
        app.middleware_stack = None  # built at the start; the next request builds it again, with the guard
        app.add_middleware(
            Guard, names=names, labels=lambda: self.predictor().labels, prefix=settings.MONAI_LABEL_API_STR
        )
        app.add_exception_handler(MONAILabelException, not_found)

    def predictor(self) -> Predictor:
        """Return the model of the latest training, otherwise ``model_dir``, otherwise the shipped model."""
        model_dir = newest_model(self.trained) or self.first_model
        if self.loaded is None or self.loaded[0] != model_dir:
            self.loaded = model_dir, Predictor.from_bundle(BUNDLE, model_dir=model_dir)
        return self.loaded[1]

    def infer(self, request: dict[str, Any], datastore: Any = None) -> dict[str, Any]:
        """Predict an image of the datastore, an upload or a session.

        MONAI Label itself would accept any path, and look for an unknown name in the working folder.

        Raises:
            HTTPException: 404 for an unknown image.
        """
        image = Path(request.get("image") or "")
        uploaded = image.is_file() and image.parent == self.uploads
        uploaded |= self._sessions is not None and Path(self._sessions.store_path).resolve() in image.resolve().parents
        if not uploaded and str(image) not in self.datastore().list_images():
            raise HTTPException(404, f"image: unknown; expected one of GET /datastore/, found {image.name!r}")
        # Without ``path``, MONAI Label would read a file of the image's name from the working folder.
        path = str(image) if uploaded else self.datastore().get_image_uri(str(image))
        return super().infer({**request, "path": path}, datastore)

    def cleanup_sessions(self) -> None:
        """Remove expired sessions, and uploads that a rejected or aborted request left; called every five minutes."""
        super().cleanup_sessions()
        for file in self.uploads.iterdir():
            if file.is_file() and file.stat().st_mtime < time.time() - UPLOAD_S:
                file.unlink(missing_ok=True)

    def init_batch_infer(self) -> ChestBatch:
        """Return the task of ``POST /batch/infer/cxr``."""
        return ChestBatch()

    def init_infers(self) -> dict:
        """Return the task of ``POST /infer/cxr``."""
        return {MODEL: ChestInference(self.predictor, self.studies)}

    def init_trainers(self) -> dict:
        """Return the task of ``POST /train/cxr``."""
        return {MODEL: ChestTraining(self.trained, self.first_model)}

    def init_strategies(self) -> dict:
        """Return the strategies of ``POST /activelearning/uncertainty`` and ``…/random``."""
        return {"uncertainty": Uncertainty(self.predictor), "random": Random()}

    def _download_dcmqi_tools(self) -> None:
        """Do nothing; MONAI Label would download dcmqi, but highdicom writes the objects of this app."""


def private_folder(folder: Path) -> Path:
    """Create a folder that only this user can access."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.chmod(0o700)
    return folder


async def not_found(request: Request, error: Exception) -> JSONResponse:
    """Return status 404 for an image or label that MONAI Label does not have."""
    return JSONResponse({"detail": "not found; expected an image or a label of GET /datastore/?output=all"}, 404)
