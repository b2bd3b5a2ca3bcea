"""Learning rate per iteration: linear warm-up, then cosine decay to zero (MONAI's ``WarmupCosineSchedule``)."""

from __future__ import annotations

from ignite.engine import Engine, Events
from monai.optimizers import WarmupCosineSchedule
from torch.optim import Optimizer


class WarmupCosine:
    """Handler that steps the schedule after every iteration; its state belongs in the checkpoint.

    Args:
        optimizer: optimizer; each parameter group keeps its own base learning rate (layer-wise decay).
        epoch_length: number of iterations per epoch.
        max_epochs: number of epochs of the whole run.
        warmup_epochs: number of epochs of linear warm-up; may be a fraction.
    """

    def __init__(self, optimizer: Optimizer, epoch_length: int, max_epochs: int, warmup_epochs: float = 1.0) -> None:
        self.scheduler = WarmupCosineSchedule(
            optimizer,
            warmup_steps=max(1, round(warmup_epochs * epoch_length)),
            t_total=max(2, max_epochs * epoch_length),
            warmup_multiplier=0.01,
        )

    def attach(self, engine: Engine) -> None:
        """Step the schedule after each iteration of ``engine``."""
        engine.add_event_handler(Events.ITERATION_COMPLETED, lambda _: self.scheduler.step())

    def state_dict(self) -> dict:
        """Number of completed iterations. The scheduler's own state has a closure, which a checkpoint cannot store."""
        return {"last_epoch": self.scheduler.last_epoch}

    def load_state_dict(self, state: dict) -> None:
        """Continue after ``state["last_epoch"]`` iterations; ``last_epoch`` is torch's name for the number of steps."""
        self.scheduler.last_epoch = state["last_epoch"]
