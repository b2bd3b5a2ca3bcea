"""Random batches of crops, beside their versions at low resolution: what a training step learns from."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from .degradation import Degradation


@dataclass(frozen=True)
class Batches:
    """Where the images of a step come from; all randomness is its generator's.

    Attributes:
        crops: (N, 1, H, W) in [0, 1], on the CPU.
        degradation: to low resolution.
        size: crops a batch, B.
        device: where the networks are.
    """

    crops: Tensor
    degradation: Degradation
    size: int
    device: torch.device

    def draw(self, generator: torch.Generator) -> Tensor:
        """Random crops (B, 1, H, W), on the CPU, in one of the eight orientations; texture has no laterality."""
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
