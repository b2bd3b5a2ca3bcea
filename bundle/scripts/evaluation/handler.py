"""Handler of the evaluating workflow: collect logits, write the result files, compare with the base model."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

import torch
from ignite.engine import Engine, Events

from ..data.dataset import RadiographDataset
from ..networks.loading import weights_sha256
from ..tracking import Tracker
from .comparison import format_comparison_table
from .evaluate import compare, write_evaluation

logger = logging.getLogger(__name__)


class EvaluationHandler:
    """Attach to an evaluator over the test split.

    Args:
        output_dir: where ``metrics.json``, ``predictions.csv`` and ``predictions.json`` go.
        labels: names of the C outputs.
        dataset: for the items, in the loader's order.
        tracker: MLflow run.
        bootstrap: replicates of the intervals.
        seed: of the bootstrap.
        model_dir: folder of the weights, whose hash goes into the result files.
        base_dir: evaluated base model to compare with, on the same cases; ``None``: no comparison.
    """

    def __init__(
        self,
        output_dir: str | Path,
        labels: Sequence[str],
        dataset: RadiographDataset,
        tracker: Tracker,
        bootstrap: int = 1000,
        seed: int = 0,
        base_dir: str | Path | None = None,
        model_dir: str | Path | None = None,
    ) -> None:
        self.output_dir, self.labels, self.dataset, self.tracker = Path(output_dir), list(labels), dataset, tracker
        self.bootstrap, self.seed, self.base_dir, self.model_dir = bootstrap, seed, base_dir, model_dir
        self.logits: list[torch.Tensor] = []
        self.targets: list[torch.Tensor] = []

    def attach(self, engine: Engine) -> None:
        """Collect each batch, write at the end."""
        engine.add_event_handler(Events.STARTED, self.start)
        engine.add_event_handler(Events.ITERATION_COMPLETED, self.collect)
        engine.add_event_handler(Events.COMPLETED, self.write)
        self.tracker.attach(engine)

    def start(self, engine: Engine) -> None:
        """Open the MLflow run."""
        self.logits, self.targets = [], []
        self.tracker.start({"n_images": len(self.dataset), "bootstrap": self.bootstrap, "seed": self.seed})

    def collect(self, engine: Engine) -> None:
        """Keep (B, C) logits and targets of a batch."""
        output: dict[str, torch.Tensor] = engine.state.output  # type: ignore[assignment]
        self.logits.append(output["pred"].cpu())
        self.targets.append(output["label"].cpu())

    def write(self, engine: Engine) -> None:
        """Write the result files and log the figures."""
        logits, targets = torch.cat(self.logits).numpy(), torch.cat(self.targets).numpy()
        report = write_evaluation(
            self.output_dir,
            self.labels,
            self.dataset.data,
            logits,
            targets,
            bootstrap=self.bootstrap,
            seed=self.seed,
            model_hash=weights_sha256(self.model_dir) if self.model_dir else None,
        )
        macro = report["macro"]
        logger.info("test macro-AUROC %.4f, 95 %% interval %s", macro["auroc"] or float("nan"), macro["auroc_ci"])
        self.tracker.log_metrics({f"test_macro_{name}": macro[name] for name in ("auroc", "average_precision")})
        per_label = {f"test_auroc_{name}": row["auroc"] for name, row in report["labels"].items()}
        self.tracker.log_metrics(per_label)
        self.tracker.log_artifacts(self.output_dir / "metrics.json")
        if self.base_dir is not None:
            path = self.output_dir.parent / "comparison.json"
            comparison = compare(self.base_dir, self.output_dir, path, bootstrap=self.bootstrap, seed=self.seed)
            logger.info("base against re-trained\n%s", format_comparison_table(comparison))
            self.tracker.log_artifacts(path)
        self.tracker.close()
