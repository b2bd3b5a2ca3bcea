"""Training of enhancers, from a datalist to a model folder with metrics, panel and provenance."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from ..common.atomic import write_json
from ..common.text_file import read_json
from ..data.datalist import Datalist
from ..networks.loading import weights_sha256
from ..networks.model_folder import find_model_folder
from . import validation_metrics
from .degradation import Degradation
from .run import Run
from .settings import STAGES, SrSettings
from .stage import Log
from .train_autoencoder import train_autoencoder
from .train_diffusion import train_diffusion
from .train_guided import train_guided
from .train_regression import train_regression
from .train_resshift import train_resshift
from .train_task import load_classifier, train_task
from .training_crops import extract_crops

logger = logging.getLogger(__name__)

TRAIN: dict[str, Callable[[Run], validation_metrics.Metrics]] = {
    "regression": train_regression,
    "task": train_task,
    "autoencoder": train_autoencoder,
    "diffusion": train_diffusion,
    "resshift": train_resshift,
    "guided": train_guided,
}
_VALIDATION_CROPS = 128


def _no_log(metrics: dict[str, float], step: int) -> None:
    """Discard metrics."""


def train_sr(
    datalist: Datalist,
    output_dir: str | Path,
    settings: SrSettings,
    degradation: Degradation,
    log: Log = _no_log,
) -> validation_metrics.Metrics:
    """Train enhancers on the training split and measure them on the validation split.

    An interrupted run continues from its last checkpoint, which is written every 30 s to ``output_dir/checkpoints``.

    Args:
        datalist: training and validation images.
        output_dir: model folder to write, with ``regression/``, ``task/``, ``resshift/`` and ``guided/``; ``unet/``,
            ``vqvae/`` and ``scheduler/`` in the format of diffusers (with ``model_index.json`` if the latents encode
            whole images); ``metrics.json``, ``panel.png`` and ``provenance.json``.
        settings: settings of the training.
        degradation: reduction of the training crops; the metrics use the antialiased operator.
        log: function that receives metrics and step of each stage.

    Returns:
        Content of ``metrics.json``: ``psnr`` (dB) and ``ssim`` of each method.

    Raises:
        FileNotFoundError: a stage needs a part that does not exist.
        ValueError: no image is usable, the classifier does not fit the datalist, ``output_dir`` has a checkpoint of
            other settings, or the autoencoder is not good enough for a diffusion network.
    """
    if "task" in settings.stages:
        load_classifier(settings, datalist.labels)  # one that does not fit is rejected before hours of training
    run = _prepare(datalist, Path(output_dir), settings, degradation, log)
    run.copy_untrained_parts()
    results: validation_metrics.Metrics = _read_json(run.output_dir / "metrics.json")
    for stage in [name for name in STAGES if name in settings.stages]:
        found = TRAIN[stage](run)
        print(f"{stage}, held-out crops, x4:\n{validation_metrics.describe(found)}", flush=True)
        log({f"{name}_{key}": value for name, row in found.items() for key, value in row.items()}, run.steps[stage])
        results |= found
        write_json(run.output_dir / "metrics.json", results)
    _finish(run, results)
    return results


def _prepare(datalist: Datalist, output_dir: Path, settings: SrSettings, degradation: Degradation, log: Log) -> Run:
    """Cut the crops and collect what the stages share."""
    sampling: dict[str, Any] = {
        "per_megapixel": settings.crops_per_megapixel,
        "max_images": settings.max_images,
        "seed": settings.seed,
    }
    crops = extract_crops(datalist.splits["training"], settings.crop_size, **sampling)
    held_out = extract_crops(datalist.splits["validation"], settings.crop_size, **sampling)
    chosen = torch.randperm(len(held_out), generator=torch.Generator().manual_seed(settings.seed))[:_VALIDATION_CROPS]
    size = settings.crop_size
    logger.info("%d training crops, %d validation crops of %d pixels", len(crops), len(chosen), size)
    degraded = {f"degradation_{key}": _as_list(value) for key, value in vars(degradation).items()}
    decisive = {"data_sha256": datalist.sha256, **settings.decisive(), **degraded}
    return Run(settings, degradation, crops, held_out[chosen], output_dir, decisive, log, datalist)


def _as_list(value: Any) -> Any:
    """Convert a tuple to a list, as in JSON and checkpoints."""
    return list(value) if isinstance(value, tuple) else value


def _finish(run: Run, results: validation_metrics.Metrics) -> None:
    """Write the panel, the index of the diffusers parts and the provenance."""
    validation_metrics.draw_panel(run.output_dir, run.held_out, device=run.device)
    # The pipeline of diffusers has no regression network, so it can only run a model of whole images.
    if not run.has("regression") and all(run.has(part) for part in ("unet", "vqvae", "scheduler")):
        classes = {"unet": "UNet2DModel", "vqvae": "VQModel", "scheduler": "DDIMScheduler"}
        index = {part: ["diffusers", name] for part, name in classes.items()}
        write_json(run.output_dir / "model_index.json", {"_class_name": "LDMSuperResolutionPipeline", **index})
    earlier = _read_json(run.output_dir / "provenance.json")
    provenance = {
        "settings": dict(run.decisive),
        "steps": {**earlier.get("steps", {}), **run.steps},
        "crops": {"training": len(run.crops), "validation": len(run.held_out)},
        "classifier_sha256": _classifier_sha256(run) or earlier.get("classifier_sha256"),
        **_software(),
        "figures": results,
    }
    write_json(run.output_dir / "provenance.json", provenance)


def _classifier_sha256(run: Run) -> str | None:
    """SHA-256 of the weights of the classifier that the stage task trained through; ``None`` without that stage."""
    return weights_sha256(find_model_folder(str(run.settings.classifier))) if "task" in run.settings.stages else None


def _read_json(path: Path) -> dict[str, Any]:
    """Content of a file that an earlier run wrote; empty if there is none."""
    remedy = "remove the file, or use another --output_dir"
    return read_json(path, "a file of an earlier run", remedy) if path.exists() else {}


def _software() -> dict[str, Any]:
    """Versions of the software and date of the run."""
    import diffusers

    versions = {"torch": torch.__version__, "diffusers": diffusers.__version__, "python": sys.version.split()[0]}
    return {"versions": versions, "date": time.strftime("%Y-%m-%d")}


class SuperResolutionTraining:
    """Runs :func:`train_sr` within an MLflow run; used by ``configs/train_sr.yaml``.

    Args:
        datalist: training and validation images.
        output_dir: model folder to write.
        tracker: MLflow run that receives settings, metrics, ``metrics.json``, ``provenance.json`` and ``panel.png``.
        settings: settings of the training.
        degradation: reduction of the training crops.
    """

    def __init__(
        self,
        datalist: Datalist,
        output_dir: str | Path,
        tracker: Any,
        settings: SrSettings,
        degradation: Degradation,
    ) -> None:
        self.datalist, self.output_dir, self.tracker = datalist, Path(output_dir), tracker
        self.settings, self.degradation = settings, degradation

    def run(self) -> validation_metrics.Metrics:
        """Train the enhancers and record the run."""
        params = {**vars(self.settings), **vars(self.degradation), "data_sha256": self.datalist.sha256}
        with self.tracker.recording(params):
            log = self.tracker.log_metrics
            results = train_sr(self.datalist, self.output_dir, self.settings, self.degradation, log)
            made = ("metrics.json", "provenance.json", "panel.png")
            self.tracker.log_artifacts(*(self.output_dir / name for name in made))
        return results
