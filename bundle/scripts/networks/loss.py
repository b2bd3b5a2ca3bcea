"""Binary cross-entropy over what was annotated."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn

UNCERTAIN_AS = {"ignore": torch.nan, "ones": 1.0, "zeros": 0.0}


class MaskedBCEWithLogitsLoss(nn.Module):
    """Mean binary cross-entropy over annotated entries; finite, with finite gradients, for any pattern of missing ones.

    Missing targets are replaced *before* the loss: masking NaN after it still gives NaN gradients.

    Args:
        uncertain: what a label of -1 (CheXpert's "uncertain") counts as: ``ignore``, ``ones`` or ``zeros``.

    Raises:
        ValueError: unknown policy.
    """

    def __init__(self, uncertain: str = "ignore") -> None:
        super().__init__()
        if uncertain not in UNCERTAIN_AS:
            raise ValueError(f"uncertain: not known; expected one of {', '.join(UNCERTAIN_AS)}, found {uncertain!r}")
        self.uncertain = UNCERTAIN_AS[uncertain]

    def forward(self, logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """Loss of a batch.

        Args:
            logits: (B, C).
            targets: (B, C); 1, 0, -1 uncertain, NaN not annotated.

        Returns:
            Scalar; 0 (with zero gradients) when nothing is annotated.
        """
        targets = torch.where(targets == -1, self.uncertain, targets)
        annotated = torch.isfinite(targets)
        losses = F.binary_cross_entropy_with_logits(
            logits.float(), torch.where(annotated, targets, 0.0), weight=annotated.float(), reduction="sum"
        )
        return losses / annotated.sum().clamp(min=1)
