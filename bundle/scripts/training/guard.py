"""Stop at the first non-finite loss, before it reaches the weights."""

from __future__ import annotations

import torch
from ignite.engine import Engine
from monai.engines.utils import IterationEvents


class NonFiniteLossGuard:
    """Handler that raises between the forward pass and the optimizer step, so that the last checkpoint stays good."""

    def attach(self, engine: Engine) -> None:
        """Check after each loss."""
        engine.add_event_handler(IterationEvents.LOSS_COMPLETED, self)

    def __call__(self, engine: Engine) -> None:
        """Raise when the loss is not finite.

        Raises:
            FloatingPointError: with epoch, iteration and what to try.
        """
        loss = engine.state.output["loss"]  # type: ignore[index, call-overload]
        if not torch.isfinite(loss):
            raise FloatingPointError(
                f"loss: not finite at epoch {engine.state.epoch}, iteration {engine.state.iteration}; "
                f"expected a finite number, found {loss.item()}; lower --learning_rate or set --precision fp32 "
                "(the last checkpoint is intact; the same command continues from it)"
            )
