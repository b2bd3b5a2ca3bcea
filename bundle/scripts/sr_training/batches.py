"""Random batches of crops and of their low-resolution versions, for training steps."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from .degradation import Degradation


@dataclass(frozen=True)
class Batches:
    """Source of training batches; all randomness comes from the generator that is passed in.

    Attributes:
        crops: crops (N, 1, H, W) in [0, 1], on the CPU.
        degradation: reduction to low resolution.
        size: number of crops per batch, B.
        device: device of the networks.
    """

    crops: Tensor
    degradation: Degradation
    size: int
    device: torch.device

    def draw(self, generator: torch.Generator) -> Tensor:
        """Random crops (B, 1, H, W), on the CPU, in one of eight orientations (texture has no left and right)."""
        batch = self.crops[torch.randint(len(self.crops), (self.size,), generator=generator)]
        flip_rows, flip_columns, transpose = torch.rand(3, generator=generator) < 0.5
        dims = [dim for dim, chosen in ((2, flip_rows), (3, flip_columns)) if chosen]
        batch = batch.flip(dims) if dims else batch
        return batch.transpose(2, 3).contiguous() if transpose else batch

    def draw_pair(self, generator: torch.Generator, scale: int) -> tuple[Tensor, Tensor]:
        """Random crops (B, 1, H, W) and their reduced versions (B, 1, H / scale, W / scale), on the device."""
        high_res = self.draw(generator)
        side = high_res.shape[-1] // scale
        low_res = self.degradation(high_res, (side, side), generator)
        return high_res.to(self.device), low_res.to(self.device)
