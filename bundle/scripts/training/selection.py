"""Model selection by validation macro-AUROC, and early stopping, with one common state for the checkpoint."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable

from ignite.engine import Engine, Events

logger = logging.getLogger(__name__)


class ModelSelection:
    """Handler of the *validation* engine that saves the best network and stops training without improvement.

    Accuracy and loss are never used for selection: calling every case negative is 90–96 % accurate on chest
    radiographs.

    Args:
        save: function called with (epoch, metrics) when the metric improves.
        patience: number of validations without improvement after which training stops.
        metric: name of the metric in ``engine.state.metrics``; larger values are better.
    """

    def __init__(
        self, save: Callable[[int, dict[str, float]], None], patience: int = 10, metric: str = "val_macro_auroc"
    ) -> None:
        self.save, self.patience, self.metric = save, patience, metric
        self.trainer: Engine | None = None
        self.best, self.best_epoch, self.waited = -math.inf, 0, 0

    def attach(self, engine: Engine) -> None:
        """Compare with the best epoch after every validation."""
        engine.add_event_handler(Events.COMPLETED, self)

    def set_trainer(self, trainer: Engine) -> None:
        """Set the engine that early stopping terminates."""
        self.trainer = trainer

    def __call__(self, engine: Engine) -> None:
        """Save the network if the metric has improved; otherwise stop training when patience runs out."""
        epoch, value = engine.state.epoch, float(engine.state.metrics[self.metric])
        if value > self.best:
            self.best, self.best_epoch, self.waited = value, epoch, 0
            self.save(epoch, dict(engine.state.metrics))
            return
        self.waited += 1
        if math.isnan(value):
            logger.warning("%s: no label of the validation split has both classes; this epoch cannot win", self.metric)
        if self.trainer is not None and self.waited >= self.patience:
            logger.info("early stopping: %s best %.4f at epoch %d", self.metric, self.best, self.best_epoch)
            self.trainer.terminate()

    def state_dict(self) -> dict:
        """Best value, its epoch, and the number of validations since then."""
        return {"best": self.best, "best_epoch": self.best_epoch, "waited": self.waited}

    def load_state_dict(self, state: dict) -> None:
        """Restore the state from a checkpoint."""
        self.best, self.best_epoch, self.waited = state["best"], state["best_epoch"], state["waited"]
