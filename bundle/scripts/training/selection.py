"""Model selection: the best epoch by a validation metric, with early stopping, or the last epoch."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable

from ignite.engine import Engine, Events

from ..common.choices import check_choice
from .parallel import agreed

logger = logging.getLogger(__name__)

METRICS = ("val_macro_auroc", "val_accuracy")


class ModelSelection:
    """Handler of the *validation* engine that saves the best network, or that of a fixed epoch.

    Accuracy chooses as in the paper, and is no good choice: calling every case negative is 90–96 % accurate on chest
    radiographs. The loss is never used.

    The best epoch of few validation images is chosen by chance, which adds to the chance of training. Two trainings are
    therefore compared by their last epoch, which is chosen beforehand.

    Args:
        save: function called with (epoch, metrics) when the metric improves.
        patience: number of validations without improvement after which training stops.
        metric: name of the metric in ``engine.state.metrics``, one of ``METRICS``.
        last_epoch: epoch that is saved, whatever its metric, without early stopping; ``None``: the best one.

    Raises:
        ValueError: the metric is unknown.

    Attributes:
        best: metric of the saved epoch.
        best_epoch: saved epoch; 0 before there is one.
        waited: validations since the best epoch.
    """

    def __init__(
        self,
        save: Callable[[int, dict[str, float]], None],
        patience: int = 10,
        metric: str = "val_macro_auroc",
        last_epoch: int | None = None,
    ) -> None:
        check_choice("selection_metric", metric, METRICS)
        self.save, self.patience, self.metric, self.last_epoch = save, patience, metric, last_epoch
        self.trainer: Engine | None = None
        self.best, self.best_epoch, self.waited = -math.inf, 0, 0

    def attach(self, engine: Engine) -> None:
        """Compare with the best epoch after every validation."""
        engine.add_event_handler(Events.COMPLETED, self)

    def set_trainer(self, trainer: Engine) -> None:
        """Set the engine that early stopping terminates."""
        self.trainer = trainer

    def __call__(self, engine: Engine) -> None:
        """Save the network of the epoch to keep; stop training when patience runs out."""
        # A difference in the last bits between GPUs must not let one process stop and the others wait for it.
        epoch, value = engine.state.epoch, agreed(float(engine.state.metrics[self.metric]))
        if math.isnan(value):
            logger.warning("%s: no label of the validation split has both classes; this epoch cannot win", self.metric)
        is_kept = value > self.best if self.last_epoch is None else epoch == self.last_epoch and not math.isnan(value)
        if is_kept:
            self.best, self.best_epoch, self.waited = value, epoch, 0
            self.save(epoch, dict(engine.state.metrics))
        if is_kept or self.last_epoch is not None:
            return
        self.waited += 1
        if self.trainer is not None and self.waited >= self.patience:
            logger.info("early stopping: %s best %.4f at epoch %d", self.metric, self.best, self.best_epoch)
            self.trainer.terminate()

    def state_dict(self) -> dict:
        """Best value, its epoch, and the number of validations since then."""
        return {"best": self.best, "best_epoch": self.best_epoch, "waited": self.waited}

    def load_state_dict(self, state: dict) -> None:
        """Restore the state from a checkpoint."""
        self.best, self.best_epoch, self.waited = state["best"], state["best_epoch"], state["waited"]
