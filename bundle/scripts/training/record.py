"""Record of a training run: versions, settings and class table, in files, in the log and in MLflow."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ignite.engine import Engine, Events

from ..common.atomic import write_json
from ..data.class_distribution import class_distribution, format_class_table
from ..data.datalist import Datalist
from ..tracking import Tracker
from .run_report import write_run_report
from .selection import ModelSelection

logger = logging.getLogger(__name__)


class RunRecord:
    """Handler of the training engine that writes ``run_report.json`` and the class table, and manages the MLflow run.

    Args:
        output_dir: folder for ``run_report.json`` and ``class_distribution.json``.
        settings: settings of the run.
        datalist: data list of the run.
        tracker: MLflow run; opened when training starts, closed when it ends or fails.
        selection: model selection, which knows the best epoch.
        rank: rank of this process; only rank 0 writes.
    """

    def __init__(
        self,
        output_dir: str | Path,
        settings: Mapping[str, Any],
        datalist: Datalist,
        tracker: Tracker,
        selection: ModelSelection,
        rank: int = 0,
    ) -> None:
        self.output_dir, self.settings, self.datalist = Path(output_dir), dict(settings), datalist
        self.tracker, self.selection, self.rank = tracker, selection, rank

    def attach(self, engine: Engine) -> None:
        """Record the start, the end and a failure of ``engine``."""
        if self.rank == 0:
            engine.add_event_handler(Events.STARTED, self.start)
            engine.add_event_handler(Events.COMPLETED, self.complete)
            self.tracker.attach(engine)

    def start(self, engine: Engine) -> None:
        """Write the record, log the class table of the paper, and open the MLflow run.

        Raises:
            ValueError: the run is resumed, and the model that it has selected is missing.
        """
        self.check_model()
        table = class_distribution(self.datalist)
        logger.info("class distribution\n%s", format_class_table(self.datalist))
        write_json(self.output_dir / "class_distribution.json", table)
        write_run_report(self.output_dir, self.settings, self.tracker.config)
        self.tracker.start({name: value for name, value in self.settings.items() if name != "labels"})
        self.tracker.log_artifacts(self.output_dir / "class_distribution.json", self.output_dir / "run_report.json")

    def complete(self, engine: Engine) -> None:
        """Log the selected epoch and close the MLflow run.

        Raises:
            ValueError: the training has not selected a model.
        """
        if not self.selection.best_epoch:
            raise ValueError(
                f"{self.output_dir}: training ended without a model; expected an epoch with a finite "
                f"{self.selection.metric}, found none; the validation split needs a label with positive and negative "
                "images that can be read"
            )
        self.check_model()
        self.tracker.log_metrics(
            {f"best_{self.selection.metric}": self.selection.best, "best_epoch": self.selection.best_epoch},
            step=engine.state.epoch,
        )
        self.tracker.log_artifacts(self.output_dir / "history.csv", self.output_dir / "model" / "metadata.json")
        self.tracker.close()
        logger.info("saved epoch %d, %s %.4f", self.selection.best_epoch, self.selection.metric, self.selection.best)

    def check_model(self) -> None:
        """Check that the model folder of the selected epoch exists.

        Raises:
            ValueError: an epoch is selected, but its weights are missing.
        """
        folder = self.output_dir / "model"
        if self.selection.best_epoch and not any(folder.glob("*.safetensors")):
            raise ValueError(
                f"{folder}: missing; expected the model of epoch {self.selection.best_epoch}, which this run has "
                "selected, found no weights; restore the folder, or delete checkpoint.pt to train again"
            )
