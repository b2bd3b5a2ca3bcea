"""Results of inference: probabilities, attention overlays, enhanced images, DICOM objects, failures."""

from __future__ import annotations

import importlib.util
import json
import logging
from pathlib import Path

import torch
import torch.distributed as dist
from ignite.engine import Engine, Events
from monai.data import MetaTensor

from ..attention.last_layer import LastLayerCLSAttention
from ..data.failures import Failure, write_failures
from ..dicom import write_enhanced, write_png16
from ..dicom.objects import Algorithm
from ..enhancement.enhance_dataset import DESCRIPTION, is_dicom_file
from ..enhancement.enhance_image import EnhanceSettings, enhance_regions, finish, keep_finite, prepare
from ..enhancement.enhancer import Enhancer
from ..evaluation.evaluate import sigmoid
from ..evaluation.figures import attention_overlay, save_png
from ..evaluation.predictions import Prediction, write_predictions
from ..networks.loading import weights_sha256
from ..networks.vit_multilabel import ViTMultilabel
from ..transforms.geometry import SquareGeometry, map_to_source
from ..workflow import CONFIG_DIR
from .dicom_results import ImageResult, write_dicom_results
from .studies import StudyImages

logger = logging.getLogger(__name__)

REGION_BATCH = 8
OVERLAY_PIXELS = 1024


class PredictionHandler:
    """Attach to an evaluator over :class:`.studies.StudyImages`.

    Args:
        network: the classifier that the evaluator runs; its ``labels`` name the columns.
        dataset: for the refusals.
        output_dir: ``predictions.csv``, ``predictions.json``, ``overlays/``, ``enhanced/``, ``failures.csv``.
        model_dir: folder of the weights; its hash goes into ``predictions.json``.
        enhancer: super-resolution of the attended regions; ``None``: no enhanced images.
        settings: regions and paste.
        rank: only rank 0 writes the tables, of all ranks.
        dicom: also write DICOM objects for each DICOM input, to ``dicom/``.

    Raises:
        ValueError: ``dicom`` without highdicom.
    """

    def __init__(
        self,
        network: ViTMultilabel,
        dataset: StudyImages,
        output_dir: str | Path,
        model_dir: str | Path,
        enhancer: Enhancer | None,
        settings: EnhanceSettings,
        rank: int = 0,
        dicom: bool = False,
    ) -> None:
        if dicom and importlib.util.find_spec("highdicom") is None:
            raise ValueError(
                "dicom: objects cannot be written; expected the package highdicom, found none; "
                "install cxr-attention-sr[dicom]"
            )
        self.network, self.dataset, self.output_dir = network, dataset, Path(output_dir)
        self.model_hash, self.enhancer, self.settings, self.rank = weights_sha256(model_dir), enhancer, settings, rank
        self.algorithm, self.dicom = Algorithm(software_version(), self.model_hash), dicom
        self.attention = LastLayerCLSAttention(network)
        self.predictions: list[tuple[int, Prediction]] = []
        self.failures: list[tuple[int, Failure]] = []

    def attach(self, engine: Engine) -> None:
        """Write images as they come, tables at the end."""
        engine.add_event_handler(Events.STARTED, lambda _: self.attention.__enter__())
        engine.add_event_handler(Events.ITERATION_COMPLETED, self.collect)
        engine.add_event_handler(Events.COMPLETED, self.write)

    def collect(self, engine: Engine) -> None:
        """Predictions, overlays and enhanced images of a batch."""
        batch: dict = engine.state.batch  # type: ignore[assignment]
        logits = engine.state.output["pred"].cpu()  # type: ignore[index, call-overload, union-attr]
        maps = self.attention.maps.cpu()
        for number, (path, name, index) in enumerate(zip(batch["path"], batch["name"], batch["index"], strict=True)):
            row = logits[number].double()
            source = batch["source"][number]
            flags = [flag for flag in source.meta.get("flags", "").split("; ") if flag]
            prediction = Prediction(name, logits=row.tolist(), probabilities=sigmoid(row.numpy()).tolist(), flags=flags)
            self.predictions.append((index, prediction))
            self.write_images(index, Path(path), source, maps[number], prediction)
            logger.info("%s  %s", name, self.summary(prediction))

    def summary(self, prediction: Prediction) -> str:
        """The three likeliest findings in words."""
        pairs = zip(self.network.labels or [], prediction.probabilities or [], strict=True)
        best = sorted(pairs, key=lambda pair: -pair[1])[:3]
        return ", ".join(f"{label} {probability:.2f}" for label, probability in best)

    def write_images(
        self, index: int, path: Path, film: MetaTensor, attention_map: torch.Tensor, prediction: Prediction
    ) -> None:
        """Overlay, enhanced image, DICOM objects; named by number and file name, never by a patient or a UID."""
        name, source = f"{index:05}_{path.stem}", film.as_tensor()
        boxes: list = []
        enhanced = None
        if self.enhancer is not None:
            work = prepare(source, attention_map, self.network.image_size, self.enhancer, self.settings)
            (crops,) = enhance_regions([work], self.enhancer, REGION_BATCH)
            boxes = [region.box for region in work.regions]
            kept, finite = keep_finite(work, crops)
            if kept.regions:
                enhanced, _ = finish(kept, finite, self.enhancer, self.settings)
                self.write_enhanced_image(path, name, enhanced)
            if kept.refused:
                self.record(index, not_finite(prediction.image, self.enhancer.name))
        geometry = SquareGeometry(source.shape[-2], source.shape[-1], self.network.image_size)
        attention = map_to_source(attention_map, geometry).numpy()
        step = max(1, max(source.shape[-2:]) // OVERLAY_PIXELS)
        shown = [tuple(value // step for value in box) for box in boxes]
        figure = attention_overlay(source[0, ::step, ::step].numpy(), attention[::step, ::step], shown)
        save_png(figure, self.output_dir / "overlays" / f"{name}.png")
        if self.dicom and film.meta["source_format"] == "dicom":
            result = ImageResult(
                image=source[0].numpy(),
                attention=attention,
                boxes=boxes,
                labels=self.network.labels or [],
                probabilities=prediction.probabilities or [],
                enhanced=None if enhanced is None else enhanced[0].numpy(),
                description=self.description(),
            )
            folder = self.output_dir / "dicom" / name
            for failure in write_dicom_results(path, prediction.image, folder, result, self.algorithm):
                self.record(index, failure)

    def record(self, index: int, failure: Failure) -> None:
        """Remember a result that an image does not have."""
        self.failures.append((index, failure))
        logger.warning("%s", failure.reason)

    def write_enhanced_image(self, path: Path, name: str, image: torch.Tensor) -> None:
        """DICOM for DICOM, else 16-bit PNG."""
        folder = self.output_dir / "enhanced"
        if is_dicom_file(path):
            destination = folder / f"{name}.dcm"
            software = self.algorithm.software
            write_enhanced(path, image[0].numpy(), destination, description=self.description(), software=software)
        else:
            write_png16(image[0].numpy(), folder / f"{name}.png")

    def description(self) -> str:
        """What the enhancement did, and with what, for DerivationDescription."""
        if self.enhancer is None:
            return DESCRIPTION
        return f"{DESCRIPTION}; {self.enhancer.name} {self.enhancer.weights_hash}".strip()

    def write(self, engine: Engine) -> None:
        """Tables of all processes, in the order of the inputs."""
        self.attention.__exit__(None, None, None)
        predictions, failures = gather(self.predictions), gather(self.dataset.failures)
        unwritten = gather(self.failures)
        if self.rank != 0:
            return
        refused = [(index, Prediction(failure.path, status=failure.code)) for index, failure in failures]
        ordered = [prediction for _, prediction in sorted(predictions + refused, key=lambda pair: pair[0])]
        write_predictions(self.output_dir, self.network.labels or [], ordered, model_hash=self.model_hash)
        table = self.output_dir / "failures.csv"
        table.unlink(missing_ok=True)
        if failures or unwritten:
            rows: list[Failure] = [failure for _, failure in sorted(failures + unwritten, key=lambda pair: pair[0])]
            write_failures(table, rows)
        if failures:
            logger.warning("%d of %d inputs were refused; reasons in %s", len(failures), len(ordered), table)
        if unwritten:
            logger.warning("%d enhanced images or DICOM objects are missing; reasons in %s", len(unwritten), table)


def not_finite(name: str, enhancer: str) -> Failure:
    """Record of an enhancement that is no image."""
    reason = f"{name}: {enhancer} gave NaN or infinity; expected finite pixels"
    return Failure(name, "NOT_FINITE", reason, f"check the weights of {enhancer}")


def software_version() -> str:
    """Version of this bundle."""
    return str(json.loads((CONFIG_DIR / "metadata.json").read_text())["version"])


def gather(mine: list) -> list:
    """Entries of every process on rank 0; of this one alone without others."""
    if not dist.is_initialized():
        return mine
    parts: list = [None] * dist.get_world_size()
    dist.all_gather_object(parts, mine)
    return [entry for part in parts for entry in part]
