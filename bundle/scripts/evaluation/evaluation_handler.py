"""Handler of the workflow ``evaluating``: collects logits, writes the result files, compares with the base model."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import torch
from ignite.engine import Engine, Events

from ..calibration.calibration_file import Calibration
from ..calibration.classifier_loading import calibration_of
from ..calibration.novelty import Novelty, load_novelty
from ..data.dataset import RadiographDataset
from ..data.fingerprints import assert_not_trained_on
from ..networks.ensemble import Network, members_seen
from ..networks.head_inputs import head_inputs
from ..networks.loading import weights_sha256
from ..networks.model_members import member_folders
from ..tracking import Tracker
from .comparing import compare_and_record
from .evaluate import write_evaluation

logger = logging.getLogger(__name__)


class EvaluationHandler:
    """Handler for the evaluator that runs over the test split.

    Args:
        output_dir: folder for ``metrics.json``, ``predictions.csv`` and ``predictions.json``.
        labels: names of the C outputs.
        dataset: test images, in the order of the loader.
        tracker: MLflow run.
        network: network of the engine; its features give the novelty of an image.
        model_dir: folder of the weights, with the record of their training images and their calibration; several
            networks as :func:`..networks.model_members.find_model` gives them.
        bootstrap: number of replicates for the 95 % intervals.
        seed: random seed of the bootstrap.
        base_dir: result folder of the base model, evaluated on the same cases; ``None``: no comparison.
    """

    def __init__(
        self,
        output_dir: str | Path,
        labels: Sequence[str],
        dataset: RadiographDataset,
        tracker: Tracker,
        network: Network,
        model_dir: str | Path | Sequence[str | Path],
        bootstrap: int = 1000,
        seed: int = 0,
        base_dir: str | Path | None = None,
    ) -> None:
        self.output_dir, self.labels, self.dataset, self.tracker = Path(output_dir), list(labels), dataset, tracker
        self.network, self.model_dir = network, model_dir
        self.bootstrap, self.seed, self.base_dir = bootstrap, seed, base_dir
        self.checked = False
        self.calibration: Calibration | None = None
        self.novelty: Novelty | None = None
        self.logits: list[torch.Tensor] = []
        self.targets: list[torch.Tensor] = []
        self.features: list[torch.Tensor] = []
        self.members: list[torch.Tensor] = []
        self.hooks = ExitStack()

    def attach(self, engine: Engine) -> None:
        """Collect the outputs of each batch, and write the results when the engine completes."""
        engine.add_event_handler(Events.STARTED, self.start)
        engine.add_event_handler(Events.ITERATION_COMPLETED, self.collect)
        engine.add_event_handler(Events.COMPLETED, self.write)
        self.tracker.attach(engine)

    def start(self, engine: Engine) -> None:
        """Reject images that the model was trained on, load the calibration, and open the MLflow run.

        Raises:
            ValueError: the model was trained on some of the images.
        """
        self.logits, self.targets = [], []
        self.checked = all(assert_not_trained_on(one, self.dataset) for one in member_folders(self.model_dir))
        self.calibration = calibration_of(self.model_dir, self.network)
        self.novelty = load_novelty(self.model_dir)
        self.features = self.hooks.enter_context(head_inputs(self.network))
        self.members = self.hooks.enter_context(members_seen(self.network))
        self.tracker.start({"n_images": len(self.dataset), "bootstrap": self.bootstrap, "seed": self.seed})

    def collect(self, engine: Engine) -> None:
        """Store the logits (B, C), targets (B, C) and features of a batch."""
        output: dict[str, torch.Tensor] = engine.state.output  # type: ignore[assignment]
        self.logits.append(output["pred"].cpu())
        self.targets.append(output["label"].cpu())
        self.features[-1] = self.features[-1].float().cpu()

    def write(self, engine: Engine) -> None:
        """Write the result files, compare with the base model, and log the metrics."""
        self.hooks.close()
        logits, targets, features = (torch.cat(parts).numpy() for parts in (self.logits, self.targets, self.features))
        report = write_evaluation(
            self.output_dir,
            self.labels,
            self.dataset.data,
            logits,
            targets,
            bootstrap=self.bootstrap,
            seed=self.seed,
            model_hash=weights_sha256(self.model_dir),
            calibration=self.calibration,
            novelty=self.novelty.score(features) if self.novelty is not None else None,
            member_logits=torch.cat(self.members).cpu().numpy() if self.members else None,
            checked_for_training_images=self.checked,
        )
        self.log(report)
        self.tracker.log_artifacts(self.output_dir / "metrics.json")
        self.tracker.close()
        if self.base_dir is not None:
            uri = self.tracker.uri if self.tracker.enabled else "none"
            compare_and_record(
                self.base_dir, self.output_dir, bootstrap=self.bootstrap, seed=self.seed, tracking_uri=uri
            )

    def log(self, report: dict[str, Any]) -> None:
        """Log the main metrics, to the console and to MLflow."""
        macro, calibrated = report["macro"], report["calibrated"]
        logger.info("test macro-AUROC %.4f, 95 %% interval %s", macro["auroc"] or float("nan"), macro["auroc_ci"])
        for warning in report["warnings"]:
            logger.warning("%s", warning)
        metrics = {f"test_macro_{name}": macro[name] for name in ("auroc", "average_precision", "calibration_error")}
        if calibrated is not None:
            error = calibrated["macro"]["calibration_error"]
            logger.info(
                "calibration error %s, calibrated %s (95 %% interval %s)",
                macro["calibration_error"], error, calibrated["macro"]["calibration_error_ci"],
            )  # fmt: skip
            metrics["test_macro_calibration_error_calibrated"] = error
        self.tracker.log_metrics(
            metrics | {f"test_auroc_{name}": row["auroc"] for name, row in report["labels"].items()}
        )
