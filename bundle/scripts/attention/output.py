"""What every method returns, and the one map of it that chooses regions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import torch

_NORMAL = "No Finding"  # there is nothing to look for in its map


@dataclass(frozen=True)
class AttentionOutput:
    """Logits and maps of one batch.

    Attributes:
        logits: (B, C).
        maps: (B, h, w), or (B, C, h, w) for a method with a map per label; patch grid, not negative.
    """

    logits: torch.Tensor
    maps: torch.Tensor

    def region_maps(self, labels: list[str] | None = None) -> torch.Tensor:
        """(B, h, w) map that chooses regions.

        Maps per label are first made to sum to one, then averaged with the probabilities as weights. The maximum over
        the labels would let the map of a finding that is surely absent, which is noise, choose as much as any other.

        Args:
            labels: names of the C outputs; the map of ``No Finding`` is left out.
        """
        if self.maps.ndim == 3:
            return self.maps
        weights = self.logits.sigmoid()  # (B, C)
        if labels and _NORMAL in labels and len(labels) > 1:
            weights = weights.clone()
            weights[:, labels.index(_NORMAL)] = 0
        shares = self.maps / self.maps.sum(dim=(-2, -1), keepdim=True).clamp(min=1e-12)
        return torch.einsum("bc,bchw->bhw", weights / weights.sum(dim=1, keepdim=True), shares)


class Attention(Protocol):
    """A method, bound to a network.

    Attributes:
        name: of :data:`.factory.METHODS`, and what cleans its maps.
        per_label: whether ``maps`` are (B, C, h, w).
    """

    name: str
    per_label: bool

    def __call__(self, image: torch.Tensor) -> AttentionOutput:
        """(B, 1, S, S) in [0, 1] -> logits and maps."""
