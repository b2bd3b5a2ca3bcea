"""Several networks, or several views of each image, that predict as one network.

The mean is taken over probabilities, as in deep ensembles (B. Lakshminarayanan et al., NeurIPS 2017, arXiv:1612.01474).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

from .moved_views import moved_views
from .vit_multilabel import ViTMultilabel


class Ensemble(nn.Module):
    """Classifier whose probabilities are the means over its members; it takes their times together.

    Args:
        members: K networks in evaluation mode, with the same labels and image size.
        scales: (K, C) factors of the members' logits, from their calibrations; ``None``: they are not calibrated.
        offsets: (K, C) values added to the scaled logits.
        shift: see :func:`.moved_views.moved_views`; each member also reads the images shifted to either side.
        scale: see :func:`.moved_views.moved_views`; each member also reads the images reduced and enlarged.

    Attributes:
        labels: names of the C outputs.
        image_size: side S of the input, in pixels.
        num_labels: C.
    """

    members: Any
    scales: torch.Tensor
    offsets: torch.Tensor

    def __init__(
        self,
        members: Sequence[ViTMultilabel],
        scales: torch.Tensor | None = None,
        offsets: torch.Tensor | None = None,
        *,
        shift: float = 0.0,
        scale: float = 0.0,
    ) -> None:
        super().__init__()
        self.members = nn.ModuleList(members)
        self.labels, self.image_size = members[0].labels, members[0].image_size
        self.num_labels = members[0].num_labels
        shape = len(members), self.num_labels
        self.register_buffer("scales", torch.ones(shape) if scales is None else scales.float())
        self.register_buffer("offsets", torch.zeros(shape) if offsets is None else offsets.float())
        self.shift, self.scale = shift, scale
        self.mean = MeanProbability()

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """(B, 1, S, S) in [0, 1] -> logits (B, C) of the mean probabilities."""
        return self.pooled(image, [member(image) for member in self.members])

    def member_logits(self, image: torch.Tensor) -> torch.Tensor:
        """(B, 1, S, S) in [0, 1] -> logits (B, K, C) of each member, calibrated where the members are."""
        return self._member_logits(image, [member(image) for member in self.members])

    def pooled(self, image: torch.Tensor, logits: Sequence[torch.Tensor]) -> torch.Tensor:
        """Logits of the mean probabilities, from logits that are known already.

        Args:
            image: (B, 1, S, S) in [0, 1], for the moved views.
            logits: K logits (B, C), one of each member for the image as it is.

        Returns:
            (B, C).
        """
        pooled: torch.Tensor = self.mean(self._member_logits(image, logits))
        return pooled

    def _member_logits(self, image: torch.Tensor, logits: Sequence[torch.Tensor]) -> torch.Tensor:
        """Logits (B, K, C) of the mean probability of each member over the views."""
        views = moved_views(image, self.shift, self.scale)
        seen = [
            torch.stack([first, *(member(view) for view in views)])
            for member, first in zip(self.members, logits, strict=True)
        ]
        calibrated = torch.stack(seen, dim=2).float() * self.scales + self.offsets  # (V, B, K, C)
        return mean_logits(calibrated, dim=0)


# A network, whichever it is, for all that only needs logits, labels and the image size.
Network = ViTMultilabel | Ensemble


class MeanProbability(nn.Module):
    """Logits of the members -> logits of their mean probabilities; a module, so that hooks can record the members."""

    def forward(self, logits: torch.Tensor) -> torch.Tensor:
        """(B, K, C) -> (B, C)."""
        return mean_logits(logits, dim=1)


def mean_logits(logits: torch.Tensor, dim: int) -> torch.Tensor:
    """Logits of the mean of the probabilities along one axis, without rounding of probabilities near 0 and 1."""
    return F.logsigmoid(logits).logsumexp(dim) - F.logsigmoid(-logits).logsumexp(dim)


@contextmanager
def members_seen(network: Network) -> Iterator[list[torch.Tensor]]:
    """Record the members' logits (B, K, C) of each forward pass inside the context; nothing for a single network."""
    seen: list[torch.Tensor] = []
    if not isinstance(network, Ensemble) or len(network.members) == 1:
        yield seen
        return
    hook = network.mean.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0].detach()))
    try:
        yield seen
    finally:
        hook.remove()
