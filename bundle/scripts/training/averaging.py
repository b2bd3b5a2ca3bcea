"""Exponential moving average of the weights (torch's ``AveragedModel``). The average is validated and saved."""

from __future__ import annotations

import torch
from ignite.engine import Engine, Events
from torch import nn
from torch.optim.swa_utils import AveragedModel

Tensors = tuple[torch.Tensor, ...] | list[torch.Tensor]


class WeightAverage:
    """Handler that updates the average after every iteration.

    The decay grows with the number n of updates, min(decay, (1 + n) / (10 + n)), so that the average of a short run
    does not stay near the initial weights. The number of updates is part of the state; ignite's ``EMAHandler`` does not
    store it and restarts its warm-up when a run is resumed.

    Args:
        network: network in training, on its device.
        decay: weight of the old average in an update, in [0, 1).
    """

    def __init__(self, network: nn.Module, decay: float = 0.998) -> None:
        @torch.no_grad()
        def update(average: Tensors, current: Tensors, count: torch.Tensor | int) -> None:
            n = int(count)
            torch._foreach_lerp_(average, current, 1 - min(decay, (1 + n) / (10 + n)))

        self.source = network
        self.average = AveragedModel(network, multi_avg_fn=update)

    @property
    def network(self) -> nn.Module:
        """Network with the averaged weights."""
        return self.average.module

    def attach(self, engine: Engine) -> None:
        """Update the average after each iteration of ``engine``."""
        engine.add_event_handler(Events.ITERATION_COMPLETED, lambda _: self.average.update_parameters(self.source))

    def state_dict(self) -> dict:
        """Averaged weights and the number of updates."""
        return self.average.state_dict()

    def load_state_dict(self, state: dict) -> None:
        """Restore the averaged weights and the number of updates."""
        self.average.load_state_dict(state)
