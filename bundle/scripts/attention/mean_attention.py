"""Maps of several networks that predict as one: the mean over the members."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from ..networks.ensemble import Ensemble
from .output import Attention, AttentionOutput


class MeanAttention:
    """Explanation method of an ensemble; moved views of an image count for the logits and have no maps.

    Args:
        network: the ensemble, in evaluation mode.
        members: the same method for each of its members.
    """

    def __init__(self, network: Ensemble, members: Sequence[Attention]) -> None:
        self.network, self.members = network, members
        self.name, self.per_label = members[0].name, members[0].per_label

    @torch.no_grad()
    def __call__(self, image: torch.Tensor) -> AttentionOutput:
        """(B, 1, S, S) in [0, 1] -> logits (B, C) and maps (B, h, w) or (B, C, h, w), means of maps of sum one."""
        outputs = [attend(image) for attend in self.members]
        maps = [one.maps / one.maps.sum(dim=(-2, -1), keepdim=True).clamp(min=1e-12) for one in outputs]
        logits = self.network.pooled(image, [one.logits for one in outputs])
        return AttentionOutput(logits, torch.stack(maps).mean(dim=0), _located([one.located for one in outputs]))


def _located(records: Sequence[Sequence[str] | None]) -> list[str] | None:
    """Labels whose place any of the members has learnt; ``None`` if it is not known of one of them."""
    known = [record for record in records if record is not None]
    return list(dict.fromkeys(label for record in known for label in record)) if len(known) == len(records) else None
