"""The calibration workflow: validation split -> ``thresholds.json``, training images -> ``novelty.safetensors``.

The test split is never read. A model that was trained on the validation images is rejected: its logits for them are too
confident, and every threshold would be too high.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.utils.data import DataLoader

from ..common.choices import check_choice
from ..common.progress import Progress
from ..data.datalist import Datalist, anonymous_groups
from ..data.dataset import RadiographDataset
from ..data.fingerprints import assert_not_trained_on
from ..data.splitting import split_sha256
from ..metrics.operating_points import check_policy
from ..networks.ensemble import Network
from ..networks.model_members import member_folders
from ..tracking import Tracker
from .calibration_file import Calibration, calibrated_sha256, save_calibration
from .classifier_loading import views_of
from .collecting import Outputs, collect
from .fitting import METHODS, fit_calibration
from .novelty import NOVELTY_FILE, fit_novelty, save_novelty

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class CalibrationSettings:
    """Settings of the calibration workflow.

    Attributes:
        method: ``auto``, ``platt`` or ``temperature``; see :func:`.fitting.fit_calibration`.
        policy: rule that chooses the thresholds: ``youden``, ``sensitivity`` or ``specificity``.
        policy_target: sensitivity or specificity that the threshold must reach on the validation split, in (0, 1);
            ignored by ``youden``.
        novelty_images: number of training images, drawn at random, from which novelty is learned; 0: novelty is not
            measured.
        seed: random seed of that draw.
    """

    method: str = "auto"
    policy: str = "youden"
    policy_target: float = 0.9
    novelty_images: int = 2000
    seed: int = 0

    def __post_init__(self) -> None:
        """Check the settings before images are read."""
        check_policy(self.policy, self.policy_target)
        check_choice("method", self.method, METHODS)
        if self.novelty_images < 0:
            raise ValueError(
                f"novelty_images: expected 0 or a positive number, found {self.novelty_images}; "
                "set --novelty_images 0 to go without"
            )


class CalibrationRun:
    """Calibration of the model of a folder.

    Args:
        model_dir: folder of the weights, or of the trainings of several networks; the results are written into it.
        network: network of that folder, on ``device``.
        datalist: data list with a validation split; novelty also needs the training split.
        make_dataset: function from the items of a split to a dataset with the network's preprocessing.
        inferer: callable ``(images, network, *crops) -> logits``, which sets the precision.
        device: device of the images.
        batch_size: number of images in a batch.
        tracker: MLflow run.
        settings: settings of the workflow.
    """

    def __init__(
        self,
        model_dir: str | Path | Sequence[str | Path],
        network: Network,
        datalist: Datalist,
        make_dataset: Callable[..., RadiographDataset],
        inferer: Callable[..., torch.Tensor],
        device: torch.device | str,
        batch_size: int,
        tracker: Tracker,
        settings: CalibrationSettings,
    ) -> None:
        self.model_dir, self.network = _one_folder(model_dir), network
        self.datalist, self.make_dataset = datalist, make_dataset
        self.inferer, self.device, self.batch_size = inferer, device, batch_size
        self.tracker, self.settings = tracker, settings

    def run(self) -> None:
        """Calibrate the model, write both files and log the metrics.

        Raises:
            FileNotFoundError: the model is not a folder.
            ValueError: an empty split, a model that was trained on the validation images, or no label with both
                classes.
        """
        if not self.model_dir.is_dir():
            raise FileNotFoundError(
                f"model_dir: {self.model_dir}: the calibration is written beside the weights; expected a folder, found "
                "none; copy a model of the hub to a folder first (docs/howto.md#share-a-model)"
            )
        if self.settings.novelty_images and not self.datalist.splits["training"]:
            raise ValueError(
                "novelty: the datalist has no training images; expected the training images of the model, found none; "
                "give the datalist that it was trained on, or set --novelty_images 0 to go without"
            )
        validation = self.make_dataset(data=self.datalist.splits["validation"])
        for folder in member_folders(self.model_dir):
            assert_not_trained_on(folder, validation)
        with self.tracker.recording({**vars(self.settings), "n_images": len(validation)}):
            outputs = self.outputs(validation)
            self.calibrate(validation, outputs)
            if self.settings.novelty_images:
                self.learn_novelty(outputs)
            else:
                (self.model_dir / NOVELTY_FILE).unlink(missing_ok=True)

    def outputs(self, dataset: RadiographDataset) -> Outputs:
        """Compute logits, targets and features of a dataset."""
        logger.info("running the network on %d images", len(dataset))
        loader = DataLoader(dataset, self.batch_size)
        batches = Progress("running the network on batches", len(loader)).over(loader)
        return collect(self.network, batches, self.inferer, self.device)

    def calibrate(self, validation: RadiographDataset, outputs: Outputs) -> None:
        """Calibrate the labels, choose the thresholds, and write ``thresholds.json``."""
        settings = self.settings
        groups = np.asarray(anonymous_groups(validation.data))
        labels = self.datalist.labels
        by_label, metrics = fit_calibration(
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
            "views": views_of(self.network),
            "figures": metrics,
        }
        calibration = Calibration(by_label, calibrated_sha256(self.model_dir), policy, details)
        path = save_calibration(calibration, self.model_dir)
        for when, row in metrics["macro"].items():
            self.tracker.log_metrics({f"calibration_{when}_{name}": value for name, value in row.items()})
        self.tracker.log_artifacts(path)
        logger.info(
            "thresholds of %d labels (%s): %s\n%s", len(by_label), policy, path, _format_calibration(calibration)
        )

    def learn_novelty(self, validation: Outputs) -> None:
        """Learn novelty from training images and write ``novelty.safetensors``.

        Args:
            validation: outputs for the validation split, the reference for the distances.
        """
        items = self.datalist.splits["training"]
        drawn = np.random.default_rng(self.settings.seed).permutation(len(items))[: self.settings.novelty_images]
        training = self.make_dataset(data=[items[index] for index in sorted(drawn)])
        path = save_novelty(fit_novelty(self.outputs(training).features, validation.features), self.model_dir)
        logger.info("novelty: %s", path)


def _one_folder(model_dir: str | Path | Sequence[str | Path]) -> Path:
    """Folder that the results are written into.

    Raises:
        ValueError: the model is a list, which has no folder of its own.
    """
    if isinstance(model_dir, str | Path):
        return Path(model_dir)
    if len(model_dir) == 1:
        return Path(model_dir[0])
    raise ValueError(
        f"model_dir: the calibration of several networks is written into their folder; expected the output folder of "
        f"training --folds or --seeds, found a list of {len(model_dir)}; move them to FOLDER/fold_0/model, "
        "FOLDER/fold_1/model, … and give FOLDER"
    )


def _named_only(item: Mapping[str, Any]) -> dict[str, str]:
    """Parts of an item that the split hash covers: the file name without its folder, which differs between machines."""
    return {"patient_id": item["patient_id"], "image": Path(item["image"]).name}


def _format_calibration(calibration: Calibration) -> str:
    """Text table for the console: method, threshold, and calibration error before and after, for each label."""
    metrics = calibration.details["figures"]["labels"]
    lines = [f"{'label':28}{'method':13}{'threshold':>10}{'error before':>14}{'after':>8}"]
    for name, label in calibration.by_label.items():
        row = metrics[name] or {}
        before, after = (
            f"{row[when]['calibration_error']:.3f}" if row.get(when) else "-" for when in ("before", "after")
        )
        lines.append(f"{name:28}{label.method:13}{label.threshold:>10.3f}{before:>14}{after:>8}")
    return "\n".join(lines)
