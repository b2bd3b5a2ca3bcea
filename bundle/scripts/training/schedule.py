"""Learning rate per iteration: linear warm-up, then cosine to zero (MONAI's ``WarmupCosineSchedule``)."""

from __future__ import annotations

from ignite.engine import Engine, Events
from monai.optimizers import WarmupCosineSchedule
from torch.optim import Optimizer


class WarmupCosine:
    """Handler that steps the schedule after every iteration; its state belongs in the checkpoint.

    Args:
        optimizer: whose parameter groups keep their own base rates (layer-wise decay).
        epoch_length: iterations per epoch.
        max_epochs: epochs of the whole run.
        warmup_epochs: epochs of linear warm-up; may be a fraction.
    """

    def __init__(self, optimizer: Optimizer, epoch_length: int, max_epochs: int, warmup_epochs: float = 1.0) -> None:
        self.scheduler = WarmupCosineSchedule(
            optimizer,
            warmup_steps=max(1, round(warmup_epochs * epoch_length)),
            t_total=max(2, max_epochs * epoch_length),
            warmup_multiplier=0.01,
        )

    def attach(self, engine: Engine) -> None:
        """Step after each iteration of ``engine``."""
        engine.add_event_handler(Events.ITERATION_COMPLETED, lambda _: self.scheduler.step())

    def state_dict(self) -> dict:
        """State of the schedule, without the closure that a checkpoint cannot hold."""
        return {"last_epoch": self.scheduler.last_epoch}

    def load_state_dict(self, state: dict) -> None:
        """Continue after ``state["last_epoch"]`` iterations."""
        self.scheduler.last_epoch = state["last_epoch"]
