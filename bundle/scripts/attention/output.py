"""Result of an explanation method, and the map that chooses regions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import torch

NO_FINDING = "No Finding"  # its map shows no finding, so it chooses no regions


@dataclass(frozen=True)
class AttentionOutput:
    """Logits and maps of a batch.

    Attributes:
        logits: (B, C).
        maps: non-negative values of the patches, (B, h, w), or (B, C, h, w) for a method with a map per label.
    """

    logits: torch.Tensor
    maps: torch.Tensor

    def region_maps(self, labels: list[str] | None = None) -> torch.Tensor:
        """Maps (B, h, w) that choose the regions.

        Maps per label are scaled to a sum of one and averaged with the probabilities of the image as weights: where
        the maps are distributions of the place of a finding, a window of the result has the expected number of
        findings in it. The maximum would give the map of an absent finding, which is noise, the same influence as any
        other.

        Args:
            labels: names of the C outputs, of which ``No Finding`` is left out.
        """
        if self.maps.ndim == 3:
            return self.maps
        weights = self.logits.sigmoid()  # (B, C)
        if labels and NO_FINDING in labels and len(labels) > 1:
            weights = weights.clone()
            weights[:, labels.index(NO_FINDING)] = 0
        return torch.einsum("bc,bchw->bhw", weights / weights.sum(dim=1, keepdim=True), self.shares())

    def shares(self) -> torch.Tensor:
        """Maps per label, (B, C, h, w), each scaled to a sum of one."""
        return self.maps / self.maps.sum(dim=(-2, -1), keepdim=True).clamp(min=1e-12)


class Attention(Protocol):
    """Explanation method of a network.

    Attributes:
        name: name in :data:`.factory.METHODS`, with the names of the cleaning steps.
        per_label: whether there is a map per label, (B, C, h, w).
    """

    name: str
    per_label: bool

    def __call__(self, image: torch.Tensor) -> AttentionOutput:
        """(B, 1, S, S) in [0, 1] -> logits and maps."""
