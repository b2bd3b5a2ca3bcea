"""Stops training at the first non-finite loss, before it reaches the weights."""

from __future__ import annotations

import torch
from ignite.engine import Engine
from monai.engines.utils import IterationEvents


class NonFiniteLossGuard:
    """Handler that checks the loss before the optimizer step, so that the last checkpoint stays valid."""

    def attach(self, engine: Engine) -> None:
        """Check each loss of ``engine``."""
        engine.add_event_handler(IterationEvents.LOSS_COMPLETED, self)

    def __call__(self, engine: Engine) -> None:
        """Check the loss of the current iteration.

        Raises:
            FloatingPointError: the loss is not finite; the message names epoch and iteration.
        """
        loss = engine.state.output["loss"]  # type: ignore[index, call-overload]
        if not torch.isfinite(loss):
            raise FloatingPointError(
                f"loss: not finite at epoch {engine.state.epoch}, iteration {engine.state.iteration}; "
                f"expected a finite number, found {loss.item()}; lower --learning_rate or set --precision fp32 "
                "(the last checkpoint is intact; the same command continues from it)"
            )
