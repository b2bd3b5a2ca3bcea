"""Exponential moving average of the weights (torch's ``AveragedModel``); the average is what is validated and kept."""

from __future__ import annotations

import torch
from ignite.engine import Engine, Events
from torch import nn
from torch.optim.swa_utils import AveragedModel

Tensors = tuple[torch.Tensor, ...] | list[torch.Tensor]


class WeightAverage:
    """Handler that averages after every iteration.

    The decay grows with the number of updates, min(decay, (1 + n) / (10 + n)), so that short runs are not held at their
    initial weights. The count is in the state: ignite's ``EMAHandler`` restarts its warm-up when a run is resumed.

    Args:
        network: what is trained, on its device.
        decay: share of the old average that an update keeps.
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
        """The network with averaged weights."""
        return self.average.module

    def attach(self, engine: Engine) -> None:
        """Update after each iteration of ``engine``."""
        engine.add_event_handler(Events.ITERATION_COMPLETED, lambda _: self.average.update_parameters(self.source))

    def state_dict(self) -> dict:
        """Averaged weights and the number of updates."""
        return self.average.state_dict()

    def load_state_dict(self, state: dict) -> None:
        """Continue the average."""
        self.average.load_state_dict(state)
