"""Stage ``task``: the regression network, trained further so that a classifier sees what it would see in the truth.

A window of a film is reduced, enlarged by the network, made consistent with its reduced version, and pasted back. A
frozen classifier reads the film (task-driven super-resolution, Haris et al. 2018, arXiv 1803.11316). The result is a
part of its own, ``task/``, because the diffusion stages build on the regression network of the stage ``regression``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from ..common.progress import Progress
from ..networks.loss import MaskedBCEWithLogitsLoss
from ..networks.model_folder import find_model_folder
from ..networks.vit_multilabel import ViTMultilabel
from ..super_resolution.enhancers.data_consistency import back_project
from ..super_resolution.networks.regression_network import RegressionNetwork
from ..super_resolution.networks.weight_folder import load_network
from ..super_resolution.resampling import degrade, resize
from ..training.precision import AutocastInferer
from . import validation_metrics
from .degradation import Degradation
from .run import Run
from .settings import SrSettings
from .train_regression import charbonnier
from .training_films import Films, read_films

_BATCH = 16


@dataclass(frozen=True)
class TaskStep:
    """Training step of the regression network through a frozen classifier.

    Attributes:
        network: network to train.
        classifier: frozen classifier whose input has the size of the films.
        films: training films and their labels.
        degradation: reduction of the windows.
        window: side of a window, in pixels.
        batch_size: number of films per step.
        infer: runs networks in the training precision.
        task_loss: ``feature`` (one minus the cosine between the features of the film and of the truth, which needs no
            labels) or ``classification`` (binary cross-entropy with the labels of the film).
        task_weight: weight of that loss beside the Charbonnier loss of the window.
    """

    network: RegressionNetwork
    classifier: ViTMultilabel
    films: Films
    degradation: Degradation
    window: int
    batch_size: int
    infer: AutocastInferer
    task_loss: str
    task_weight: float

    def __call__(self, generator: torch.Generator, progress: float) -> dict[str, Tensor]:
        """Losses of a batch of films, each with a window at the same random place.

        Raises:
            ValueError: the classifier returns NaN or infinity.
        """
        device = next(self.network.parameters()).device
        chosen = torch.randint(len(self.films.images), (self.batch_size,), generator=generator)
        films, labels = self.films.images[chosen].float(), self.films.labels[chosen].to(device)
        row, column = torch.randint(films.shape[-1] - self.window + 1, (2,), generator=generator).tolist()
        place = (..., slice(row, row + self.window), slice(column, column + self.window))
        side = self.window // self.network.scale
        truth = films[place].contiguous()
        low_res = self.degradation(truth, (side, side), generator).to(device)
        films, truth = films.to(device), truth.to(device)
        enlarged = back_project(self.infer(low_res, self.network), low_res)
        pasted = films.clone()
        pasted[place] = enlarged.clamp(0.0, 1.0)
        pixels, task = charbonnier(enlarged, truth), self._task_loss(pasted, films, labels)
        return {"loss": pixels + self.task_weight * task, "pixels": pixels, "task": task}

    def _task_loss(self, pasted: Tensor, films: Tensor, labels: Tensor) -> Tensor:
        """Loss of the classifier for enhanced films (B, 1, S, S), beside the true films and their labels (B, C)."""
        if self.task_loss == "classification":
            return MaskedBCEWithLogitsLoss()(_finite(self.infer(pasted, self.classifier)), labels)
        with torch.no_grad():
            expected = _finite(self.infer(films, self.classifier.features))
        return 1.0 - F.cosine_similarity(self.infer(pasted, self.classifier.features), expected, dim=-1).mean()


def _finite(output: Tensor) -> Tensor:
    """Output of the classifier, checked.

    Raises:
        ValueError: a value is NaN or infinite.
    """
    if not torch.isfinite(output).all():
        raise ValueError(
            "classifier: returned a value that is not a number; expected finite values, found NaN or infinity; check "
            "its weights, or set --precision fp32"
        )
    return output


def load_classifier(settings: SrSettings, labels: Sequence[str]) -> ViTMultilabel:
    """Load the frozen classifier of the stage, on the device of the settings.

    Raises:
        FileNotFoundError: there is no such model.
        ValueError: none is set, it has other labels than the datalist, or its input is smaller than a window.
    """
    if settings.classifier is None:
        raise ValueError(
            "classifier: the stage task trains through a classifier; expected its model folder, found null; set "
            "--classifier outputs/base/model"
        )
    classifier = ViTMultilabel.from_pretrained(settings.classifier, labels).requires_grad_(False)
    if settings.crop_size > classifier.image_size:
        raise ValueError(
            f"crop_size: expected at most the {classifier.image_size} pixels of the classifier's input, found "
            f"{settings.crop_size}; lower it"
        )
    return classifier.to(settings.device)


def train_task(run: Run) -> validation_metrics.Metrics:
    """Train ``task/`` and return its metrics on the held-out crops, and how far the classifier's outputs move.

    The network starts as ``task/`` of ``start_from``, or else as the regression network, with which it is compared.

    Raises:
        FileNotFoundError: there is no regression network to start from, or no classifier.
        ValueError: the classifier does not fit, see :func:`load_classifier`, or returns NaN.
    """
    settings = run.settings
    classifier = load_classifier(settings, run.datalist.labels)
    regression, start = run.part("regression"), run.start_of("task")
    folder = find_model_folder(str(settings.classifier))
    network = load_network(RegressionNetwork, start or regression).requires_grad_(True).to(run.device)
    films = {
        split: read_films(
            run.datalist.splits[split], classifier.image_size, max_images=settings.max_images, seed=settings.seed
        )
        for split in ("training", "validation")
    }
    before = {"bicubic": None, "residual": load_network(RegressionNetwork, regression).to(run.device)}
    step = TaskStep(
        network,
        classifier,
        films["training"],
        run.degradation,
        settings.crop_size,
        settings.batch_size,
        run.infer,
        settings.task_loss,
        settings.task_weight,
    )
    own = {"task_loss": settings.task_loss, "task_weight": settings.task_weight}
    depends_on = [regression, folder, *([start] if start else [])]
    trained = run.train("task", network, step, depends_on=depends_on, settings=own)
    trained = load_network(RegressionNetwork, run.save("task", trained)).to(run.device)
    metrics = validation_metrics.measure_residual(trained, run.held_out, "task")
    networks = {**before, "task": trained}
    return {**metrics, "classifier_moved_by": _moved_by(classifier, networks, films["validation"], settings.crop_size)}


@torch.no_grad()
def _moved_by(
    classifier: ViTMultilabel, networks: Mapping[str, RegressionNetwork | None], films: Films, window: int
) -> dict[str, float]:
    """Mean absolute change of a probability when the central window of a film is reduced and enlarged again.

    Args:
        classifier: classifier in evaluation mode.
        networks: networks that enlarge, by name; ``None`` for bicubic interpolation.
        films: films of the validation split.
        window: side of the window, in pixels; a multiple of 4.

    Returns:
        The change by the name of the network.
    """
    device = next(classifier.parameters()).device
    start = (films.images.shape[-1] - window) // 2
    place = (..., slice(start, start + window), slice(start, start + window))
    changes: dict[str, list[Tensor]] = {name: [] for name in networks}
    with Progress("measuring the classifier on films", len(films.images)) as progress:
        for part in films.images.split(_BATCH):
            images = part.float().to(device)
            low_res = degrade(images[place], 4).clamp(0.0, 1.0)
            expected = classifier(images).sigmoid()
            for name, network in networks.items():
                enlarged = resize(low_res, (window, window)) if network is None else network(low_res)
                pasted = images.clone()
                pasted[place] = back_project(enlarged, low_res).clamp(0.0, 1.0)
                changes[name].append((classifier(pasted).sigmoid() - expected).abs().flatten())
            progress.advance(len(part))
    return {name: float(torch.cat(parts).mean()) for name, parts in changes.items()}
