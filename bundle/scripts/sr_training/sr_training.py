"""Datalist -> crops -> the stages -> model folder with figures, panel and provenance."""

from __future__ import annotations

import json
import logging
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from ..common.atomic import write_json
from ..data.datalist import Datalist
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
from .training_crops import extract_crops

logger = logging.getLogger(__name__)

TRAIN: dict[str, Callable[[Run], validation_metrics.Metrics]] = {
    "regression": train_regression,
    "autoencoder": train_autoencoder,
    "diffusion": train_diffusion,
    "resshift": train_resshift,
    "guided": train_guided,
}
_VALIDATION_CROPS = 128


def _no_log(metrics: dict[str, float], step: int) -> None:
    """Log nowhere."""


def train_sr(
    datalist: Datalist,
    output_dir: str | Path,
    settings: SrSettings,
    degradation: Degradation,
    log: Log = _no_log,
) -> validation_metrics.Metrics:
    """Train enhancers on the training split, measure them on the validation split.

    A killed run continues where its last checkpoint (every 30 s, in ``output_dir/checkpoints``) left it.

    Args:
        datalist: training and validation images.
        output_dir: becomes a model folder: ``regression/``; ``unet/``, ``vqvae/``, ``scheduler/`` and
            ``model_index.json`` (of whole images) as diffusers has them; ``resshift/``; ``guided/``; with
            ``metrics.json``, ``panel.png`` and ``provenance.json``.
        settings: what to train, and how.
        degradation: of the training crops; figures are of the antialiased operator.
        log: receives metrics (dict) and step of each stage.

    Returns:
        The content of ``metrics.json``: method -> ``psnr`` (dB), ``ssim``.

    Raises:
        FileNotFoundError: a stage needs a part that no stage made.
        ValueError: no usable image, a checkpoint of other settings in ``output_dir``, or an autoencoder whose ceiling
            is too low for a diffusion.
    """
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
    """Cut the crops."""
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
    return Run(settings, degradation, crops, held_out[chosen], output_dir, decisive, log)


def _as_list(value: Any) -> Any:
    """Tuples as JSON and checkpoints have them."""
    return list(value) if isinstance(value, tuple) else value


def _finish(run: Run, results: validation_metrics.Metrics) -> None:
    """Panel, index of the diffusers parts, provenance."""
    validation_metrics.draw_panel(run.output_dir, run.held_out, device=run.device)
    # A pipeline of diffusers knows no regression network: only a model of whole images is one for it.
    if not run.has("regression") and all(run.has(part) for part in ("unet", "vqvae", "scheduler")):
        classes = {"unet": "UNet2DModel", "vqvae": "VQModel", "scheduler": "DDIMScheduler"}
        index = {part: ["diffusers", name] for part, name in classes.items()}
        write_json(run.output_dir / "model_index.json", {"_class_name": "LDMSuperResolutionPipeline", **index})
    earlier = _read_json(run.output_dir / "provenance.json")
    provenance = {
        "settings": dict(run.decisive),
        "steps": {**earlier.get("steps", {}), **run.steps},
        "crops": {"training": len(run.crops), "validation": len(run.held_out)},
        **_software(),
        "figures": results,
    }
    write_json(run.output_dir / "provenance.json", provenance)


def _read_json(path: Path) -> dict[str, Any]:
    """What an earlier run of other stages left; empty without one."""
    return json.loads(path.read_text()) if path.exists() else {}


def _software() -> dict[str, Any]:
    """Versions and date of a run."""
    import diffusers

    versions = {"torch": torch.__version__, "diffusers": diffusers.__version__, "python": sys.version.split()[0]}
    return {"versions": versions, "date": time.strftime("%Y-%m-%d")}


class SuperResolutionTraining:
    """:func:`train_sr` with an MLflow run around it: what ``configs/train_sr.yaml`` names.

    Args:
        datalist: training and validation images.
        output_dir: the model folder to make.
        tracker: receives settings, metrics, ``metrics.json``, ``provenance.json`` and ``panel.png``.
        settings: what to train, and how.
        degradation: of the training crops.
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
        """Train, measure, record."""
        params = {**vars(self.settings), **vars(self.degradation), "data_sha256": self.datalist.sha256}
        with self.tracker.recording(params):
            log = self.tracker.log_metrics
            results = train_sr(self.datalist, self.output_dir, self.settings, self.degradation, log)
            made = ("metrics.json", "provenance.json", "panel.png")
            self.tracker.log_artifacts(*(self.output_dir / name for name in made))
        return results
