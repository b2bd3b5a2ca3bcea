"""Training history: for each epoch one row in ``history.csv``, one line in the log, and the same metrics in MLflow."""

from __future__ import annotations

import logging
import time
from pathlib import Path

import torch
from ignite.engine import Engine, Events
from monai.engines.utils import IterationEvents

from ..common.atomic import atomic_write
from ..common.csv_text import csv_text
from ..tracking import Tracker

logger = logging.getLogger(__name__)

_COLUMNS = (
    "epoch",
    "train_loss",
    "val_loss",
    "val_macro_auroc",
    "val_accuracy",
    "val_accuracy_all_negative",
    "lr",
    "seconds",
)


class EpochHistory:
    """Handler of the *training* engine; it must come after the validation handler.

    Args:
        validator: validation engine, whose ``state.metrics`` hold the ``val_*`` metrics of the epoch.
        optimizer: optimizer; the learning rate of its last parameter group (the head) is recorded.
        path: path of ``history.csv``, which is rewritten atomically after each epoch.
        tracker: MLflow run.
        rank: rank of this process; only rank 0 writes.
    """

    def __init__(
        self,
        validator: Engine,
        optimizer: torch.optim.Optimizer,
        path: str | Path,
        tracker: Tracker,
        rank: int = 0,
    ) -> None:
        self.validator, self.optimizer, self.path, self.tracker = validator, optimizer, Path(path), tracker
        self.rank = rank
        self.rows: list[dict[str, float]] = []
        self.losses: list[torch.Tensor] = []
        self.started = time.monotonic()

    def attach(self, engine: Engine) -> None:
        """Collect the losses of each epoch of ``engine``, and write the row when the epoch ends."""
        engine.add_event_handler(Events.EPOCH_STARTED, self.start)
        engine.add_event_handler(IterationEvents.LOSS_COMPLETED, self.collect)
        engine.add_event_handler(Events.ITERATION_COMPLETED, self.reduce_output)
        engine.add_event_handler(Events.EPOCH_COMPLETED, self)

    def start(self, engine: Engine) -> None:
        """Start a new row."""
        self.losses, self.started = [], time.monotonic()

    def collect(self, engine: Engine) -> None:
        """Store the loss of an iteration on its device, without synchronising with the device."""
        self.losses.append(engine.state.output["loss"].detach())  # type: ignore[index, call-overload, union-attr]

    def reduce_output(self, engine: Engine) -> None:
        """Reduce the output of an iteration to the loss, in the decollated form that MONAI's loggers expect.

        ``decollate: true`` would give this form too, but would split every image of the batch.
        """
        engine.state.output = [{"loss": engine.state.output["loss"]}]  # type: ignore[index, call-overload, assignment]

    def __call__(self, engine: Engine) -> None:
        """Write the row of the completed epoch."""
        metrics = self.validator.state.metrics
        row = {
            "epoch": engine.state.epoch,
            "train_loss": float(torch.stack(self.losses).mean()),
            **{name: float(metrics[name]) for name in _COLUMNS if name in metrics},
            "lr": self.optimizer.param_groups[-1]["lr"],
            "seconds": round(time.monotonic() - self.started, 2),
        }
        self.rows.append(row)
        self.write()
        self.tracker.log_metrics({name: value for name, value in row.items() if name != "epoch"}, step=row["epoch"])
        logger.info(
            "epoch %d/%d  train loss %.4f  val loss %.4f  val macro-AUROC %.4f  (%.0f s)",
            row["epoch"],
            engine.state.max_epochs,
            row["train_loss"],
            row.get("val_loss", float("nan")),
            row.get("val_macro_auroc", float("nan")),
            row["seconds"],
        )

    def write(self) -> None:
        """Write all rows."""
        if self.rank != 0:
            return
        text = csv_text(_COLUMNS, [[row.get(name) for name in _COLUMNS] for row in self.rows])
        with atomic_write(self.path) as file:
            file.write(text.encode())

    def state_dict(self) -> dict:
        """Rows of the completed epochs."""
        return {"rows": self.rows}

    def load_state_dict(self, state: dict) -> None:
        """Restore the rows of the completed epochs."""
        self.rows = list(state["rows"])
