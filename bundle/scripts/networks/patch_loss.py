"""Loss of a network with a patch head: labels of the image, and boxes or masks of the films that have them.

The loss of the patches has two parts. The patch loss is the cross-entropy of the patch logits, with the covered share
of a patch as target. It counts for labels that are annotated in the film, and for labels that the film does not show.
The mass loss is the negative logarithm of the share of a label's map (softmax over the patches) that lies inside its
annotation. A label that is present without an annotation counts in neither part: its place is not known.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import nn

_SMALLEST = 1e-6  # covered share of a patch outside all annotations, so that the logarithm is finite


class PatchLoss(nn.Module):
    """Sum of the loss of the image logits and the weighted losses of the patch logits.

    Args:
        image_loss: loss of image logits (B, C) and targets (B, C).
        patch_weight: weight of the patch loss, at least 0.
        mass_weight: weight of the mass loss, at least 0.

    Raises:
        ValueError: a weight is negative.
    """

    def __init__(
        self,
        image_loss: Callable[[torch.Tensor, torch.Tensor], torch.Tensor],
        patch_weight: float = 1.0,
        mass_weight: float = 1.0,
    ) -> None:
        super().__init__()
        for name, weight in (("patch_weight", patch_weight), ("mass_weight", mass_weight)):
            if not weight >= 0:
                raise ValueError(f"{name}: expected a number from 0 up, found {weight}")
        self.image_loss, self.patch_weight, self.mass_weight = image_loss, patch_weight, mass_weight

    def forward(
        self, logits: tuple[torch.Tensor, torch.Tensor], targets: tuple[torch.Tensor, torch.Tensor]
    ) -> torch.Tensor:
        """Return the loss of a batch.

        Args:
            logits: image logits (B, C) and patch logits (B, C, h, w).
            targets: labels (B, C), and findings (B, C, S, S) bool.
        """
        (image_logits, patch_logits), (labels, findings) = logits, targets
        rows, columns = patch_logits.shape[-2:]
        covered = F.adaptive_avg_pool2d(findings.float(), (rows, columns))  # (B, C, h, w)
        annotated = covered.flatten(2).amax(dim=2) > 0
        loss = self.image_loss(image_logits, labels)
        if self.patch_weight:
            entropy = F.binary_cross_entropy_with_logits(patch_logits, covered, reduction="none").flatten(2).mean(dim=2)
            loss = loss + self.patch_weight * (_mean(entropy, annotated) + _mean(entropy, labels == 0))
        if self.mass_weight:
            shares = patch_logits.flatten(2).log_softmax(dim=2) + covered.flatten(2).clamp(min=_SMALLEST).log()
            loss = loss + self.mass_weight * _mean(-torch.logsumexp(shares, dim=2), annotated)
        return loss


def _mean(values: torch.Tensor, chosen: torch.Tensor) -> torch.Tensor:
    """Mean of the chosen values; 0, with zero gradients, if none is chosen."""
    return (values * chosen).sum() / chosen.sum().clamp(min=1)
