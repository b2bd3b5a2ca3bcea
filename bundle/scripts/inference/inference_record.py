"""Records an inference run: ``run_report.json``, and settings and counts in MLflow; never the path of an image."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ignite.engine import Engine, Events

from ..tracking import Tracker
from ..training.run_report import write_run_report
from .study_images import StudyImages


class InferenceRecord:
    """Attach to an evaluator over :class:`.study_images.StudyImages`.

    Args:
        output_dir: folder of ``run_report.json``.
        dataset: data set of this process, whose images and rejections are counted.
        settings: settings of the run.
        tracker: MLflow run; opened at the start, and closed also when the run fails.
        rank: number of this process; only rank 0 writes.
    """

    def __init__(
        self, output_dir: str | Path, dataset: StudyImages, settings: Mapping[str, Any], tracker: Tracker, rank: int = 0
    ) -> None:
        self.output_dir, self.dataset, self.settings = Path(output_dir), dataset, dict(settings)
        self.tracker, self.rank = tracker, rank
        # Paths of radiographs may contain names of patients.
        self.tracker.config = {key: value for key, value in tracker.config.items() if key != "inputs"}

    def attach(self, engine: Engine) -> None:
        """Record the start, the end, and a failure."""
        if self.rank == 0:
            engine.add_event_handler(Events.STARTED, self.start)
            engine.add_event_handler(Events.COMPLETED, self.complete)
            self.tracker.attach(engine)

    def start(self, engine: Engine) -> None:
        """Write the record and open the MLflow run."""
        write_run_report(self.output_dir, self.settings, self.tracker.config)
        self.tracker.start(self.settings)

    def complete(self, engine: Engine) -> None:
        """Log the counts and close the MLflow run."""
        refused = len(self.dataset.failures)
        self.tracker.log_metrics({"n_candidates": len(self.dataset.data), "n_refused": refused})
        self.tracker.log_artifacts(self.output_dir / "run_report.json")
        self.tracker.close()
