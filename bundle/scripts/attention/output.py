"""Result of an explanation method, and the map that chooses regions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import torch

from ..data.label_aliases import NO_FINDING


@dataclass(frozen=True)
class AttentionOutput:
    """Logits and maps of a batch.

    Attributes:
        logits: (B, C).
        maps: non-negative values of the patches, (B, h, w), or (B, C, h, w) for a method with a map per label.
        located: labels whose maps alone choose regions, see :attr:`..networks.ViTMultilabel.located_labels`; if there
            are none, or it is not known, all do.
    """

    logits: torch.Tensor
    maps: torch.Tensor
    located: Sequence[str] | None = None

    @property
    def per_label(self) -> bool:
        """Whether there is a map per label."""
        return self.maps.ndim == 4

    def on_cpu(self) -> AttentionOutput:
        """The same in float32 on the CPU."""
        return AttentionOutput(self.logits.float().cpu(), self.maps.float().cpu(), self.located)

    def of_image(self, number: int) -> AttentionOutput:
        """Logits and maps of one image of the batch, as a batch of one."""
        one = slice(number, number + 1)
        return AttentionOutput(self.logits[one], self.maps[one], self.located)

    def region_maps(self, labels: Sequence[str] | None = None) -> torch.Tensor:
        """Maps (B, h, w) that choose the regions: the map, or the sum of the parts of the labels.

        Args:
            labels: names of the C outputs.
        """
        return self.label_parts(labels).sum(dim=1) if self.per_label else self.maps

    def label_parts(self, labels: Sequence[str] | None = None) -> torch.Tensor:
        """Part (B, C, h, w) of each label in the map that chooses the regions, for a method with a map per label.

        The map of a label is scaled to a sum of one and weighted with the probability that the image shows the label.
        Where such a map is the distribution of the place of a finding, a window contains the expected number of
        findings in it. The maximum over the labels would give the map of an absent finding, which is noise, the same
        influence as any other. The weights are divided by their sum.

        Args:
            labels: names of the C outputs. ``No Finding`` has no part, because its map shows no finding, and neither
                has a label that is not located, because its map does not show the place of the finding.
        """
        weights = self.logits.sigmoid()  # (B, C)
        findings = {label for label in labels or () if label != NO_FINDING}
        if chosen := findings.intersection(self.located or ()) or findings:
            others = torch.tensor([label not in chosen for label in labels or ()], device=weights.device)
            weights = weights.masked_fill(others, 0)
        shares = self.maps / self.maps.sum(dim=(-2, -1), keepdim=True).clamp(min=1e-12)
        return (weights / weights.sum(dim=1, keepdim=True))[:, :, None, None] * shares


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
