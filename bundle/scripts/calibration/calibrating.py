"""The calibration workflow: validation split -> ``thresholds.json``, training images -> ``novelty.safetensors``.

The test split is not looked at, and a model that was trained on the validation images is refused: its logits there are
too confident, and every threshold would be too high.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.utils.data import DataLoader

from ..data.datalist import Datalist, anonymous_groups
from ..data.dataset import RadiographDataset
from ..data.fingerprints import assert_not_trained_on
from ..data.splitting import split_sha256
from ..metrics.operating_points import check_policy
from ..networks.loading import weights_sha256
from ..networks.vit_multilabel import ViTMultilabel
from ..tracking import Tracker
from .calibration_file import Calibration, save_calibration
from .collecting import Outputs, collect
from .fitting import METHODS, fit_calibration
from .novelty import NOVELTY_FILE, fit_novelty, save_novelty

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class CalibrationSettings:
    """What may be chosen.

    Attributes:
        method: ``auto``, ``platt`` or ``temperature``.
        policy: of the thresholds: ``youden``, ``sensitivity`` or ``specificity``.
        policy_target: share that the last two must reach on the validation split.
        novelty_images: training images, drawn at random, that show what is usual; 0: no measure of novelty.
        seed: of that draw.
    """

    method: str = "auto"
    policy: str = "youden"
    policy_target: float = 0.9
    novelty_images: int = 2000
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse what is not known before images are read."""
        check_policy(self.policy, self.policy_target)
        if self.method not in METHODS or self.novelty_images < 0:
            raise ValueError(
                f"method, novelty_images: expected one of {', '.join(METHODS)} and a number from 0 up, "
                f"found {self.method!r} and {self.novelty_images}; correct them"
            )


class CalibrationRun:
    """Calibrate the model of a folder.

    Args:
        model_dir: folder of the weights, which the results are written into.
        network: of that folder, on ``device``.
        datalist: with a validation split, and a training split for novelty.
        make_dataset: items of a split -> dataset, prepared as the network wants them.
        inferer: decides the precision.
        device: where images go.
        batch_size: images at once.
        tracker: MLflow run.
        settings: what may be chosen.
    """

    def __init__(
        self,
        model_dir: str | Path,
        network: ViTMultilabel,
        datalist: Datalist,
        make_dataset: Callable[..., RadiographDataset],
        inferer: Callable[..., torch.Tensor],
        device: torch.device | str,
        batch_size: int,
        tracker: Tracker,
        settings: CalibrationSettings,
    ) -> None:
        self.model_dir, self.network = Path(model_dir), network
        self.datalist, self.make_dataset = datalist, make_dataset
        self.inferer, self.device, self.batch_size = inferer, device, batch_size
        self.tracker, self.settings = tracker, settings

    def run(self) -> None:
        """Learn, write and log.

        Raises:
            ValueError: an empty split, a model that was trained on the validation images, or no label to calibrate.
        """
        if self.settings.novelty_images and not self.datalist.splits["training"]:
            raise ValueError(
                "novelty: the datalist has no training images; expected those of the model, found none; give the "
                "datalist that it was trained on, or set --novelty_images 0 to go without"
            )
        validation = self.make_dataset(data=self.datalist.splits["validation"])
        assert_not_trained_on(self.model_dir, validation)
        with self.tracker.recording({**vars(self.settings), "n_images": len(validation)}):
            outputs = self.outputs(validation)
            self.calibrate(validation, outputs)
            if self.settings.novelty_images:
                self.learn_novelty(outputs)
            else:
                (self.model_dir / NOVELTY_FILE).unlink(missing_ok=True)

    def outputs(self, dataset: RadiographDataset) -> Outputs:
        """Logits, targets and features of a dataset."""
        logger.info("running the network on %d images", len(dataset))
        return collect(self.network, DataLoader(dataset, self.batch_size), self.inferer, self.device)

    def calibrate(self, validation: RadiographDataset, outputs: Outputs) -> None:
        """Write ``thresholds.json``."""
        settings = self.settings
        groups = np.asarray(anonymous_groups(validation.data))
        labels = self.datalist.labels
        by_label, figures = fit_calibration(
            labels, outputs.logits.astype(np.float64), outputs.targets.astype(np.float64), groups,
            method=settings.method, policy=settings.policy, policy_target=settings.policy_target,
        )  # fmt: skip
        policy = settings.policy if settings.policy == "youden" else f"{settings.policy} {settings.policy_target:g}"
        details = {
            "split": "validation",
            "split_sha256": split_sha256({"validation": [_named_only(item) for item in validation.data]}),
            "data_sha256": self.datalist.sha256,
            "n_images": len(validation),
            "n_patients": len(np.unique(groups)),
            "figures": figures,
        }
        calibration = Calibration(by_label, weights_sha256(self.model_dir), policy, details)
        path = save_calibration(calibration, self.model_dir)
        for when, row in figures["macro"].items():
            self.tracker.log_metrics({f"calibration_{when}_{name}": value for name, value in row.items()})
        self.tracker.log_artifacts(path)
        logger.info(
            "thresholds of %d labels (%s): %s\n%s", len(by_label), policy, path, _format_calibration(calibration)
        )

    def learn_novelty(self, validation: Outputs) -> None:
        """Write ``novelty.safetensors``."""
        items = self.datalist.splits["training"]
        drawn = np.random.default_rng(self.settings.seed).permutation(len(items))[: self.settings.novelty_images]
        training = self.make_dataset(data=[items[index] for index in sorted(drawn)])
        path = save_novelty(fit_novelty(self.outputs(training).features, validation.features), self.model_dir)
        logger.info("novelty: %s", path)


def _named_only(item: Mapping[str, Any]) -> dict[str, str]:
    """What the hash of a split is made of; the file's name, because its folder differs between machines."""
    return {"patient_id": item["patient_id"], "image": Path(item["image"]).name}


def _format_calibration(calibration: Calibration) -> str:
    """Text table for the console: how each label was calibrated, its threshold, and the calibration error."""
    figures = calibration.details["figures"]["labels"]
    lines = [f"{'label':28}{'method':13}{'threshold':>10}{'error before':>14}{'after':>8}"]
    for name, label in calibration.by_label.items():
        row = figures[name] or {}
        before, after = (
            f"{row[when]['calibration_error']:.3f}" if row.get(when) else "-" for when in ("before", "after")
        )
        lines.append(f"{name:28}{label.method:13}{label.threshold:>10.3f}{before:>14}{after:>8}")
    return "\n".join(lines)
