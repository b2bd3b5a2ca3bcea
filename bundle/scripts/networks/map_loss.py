"""Loss of a network whose maps are trained: labels of the image, and boxes or masks of the films that have them.

The mass loss is the negative logarithm of the share of a label's map that lies inside its annotation. It applies to the
attention of label tokens (LT-ViT, arXiv:2311.07263) and to the patch logits of a patch head, whose map is their softmax
over the patches. The patch loss is for a patch head only: the cross-entropy of the patch logits, with the covered share
of a patch as target. It counts for labels that are annotated in the film, and for labels that the film does not show.
A label that is present without an annotation counts in neither loss: its place is not known.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
import torch.nn.functional as F
from torch import nn

_SMALLEST = 1e-6  # covered share of a patch outside all annotations, so that the logarithm is finite


class MapLoss(nn.Module):
    """Sum of the loss of the image logits and the weighted losses of the maps.

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
        patch_weight: float = 0.0,
        mass_weight: float = 0.0,
    ) -> None:
        super().__init__()
        for name, weight in (("patch_weight", patch_weight), ("mass_weight", mass_weight)):
            if not weight >= 0:
                raise ValueError(f"{name}: expected a number from 0 up, found {weight}")
        self.image_loss, self.patch_weight, self.mass_weight = image_loss, patch_weight, mass_weight

    def forward(
        self,
        outputs: tuple[torch.Tensor, Mapping[str, torch.Tensor]],
        targets: tuple[torch.Tensor, torch.Tensor],
    ) -> torch.Tensor:
        """Return the loss of a batch.

        Args:
            outputs: image logits (B, C), and the maps (B, C, h, w) of
                :meth:`.vit_multilabel.ViTMultilabel.logits_and_maps`.
            targets: labels (B, C), and findings (B, C, S, S) bool.
        """
        (logits, maps), (labels, findings) = outputs, targets
        # A blank label may count as absent (``blank: zeros``); the place of an absent finding means nothing.
        shown = findings.float() * (labels != 0)[..., None, None]
        loss = self.image_loss(logits, labels)
        for name, own in maps.items():
            rows, columns = own.shape[-2:]
            covered = F.adaptive_avg_pool2d(shown, (rows, columns))  # (B, C, h, w)
            annotated = covered.flatten(2).amax(dim=2) > 0
            if self.patch_weight and name == "patch_logits":
                entropy = F.binary_cross_entropy_with_logits(own, covered, reduction="none").flatten(2).mean(dim=2)
                loss = loss + self.patch_weight * (_mean(entropy, annotated) + _mean(entropy, labels == 0))
            if self.mass_weight:
                shares = own.flatten(2).log_softmax(dim=2) if name == "patch_logits" else own.flatten(2).log()
                inside = torch.logsumexp(shares + covered.flatten(2).clamp(min=_SMALLEST).log(), dim=2)
                loss = loss + self.mass_weight * _mean(-inside, annotated)
        return loss


def _mean(values: torch.Tensor, chosen: torch.Tensor) -> torch.Tensor:
    """Mean of the chosen values; 0, with zero gradients, if none is chosen."""
    return (values * chosen).sum() / chosen.sum().clamp(min=1)
