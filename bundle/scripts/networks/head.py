"""Linear head with one logit per label, whose bias can start at the log-odds of the prevalences."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn

from ..common.choices import check_choice

POOLS = ("cls", "cls_mean", "label_tokens")


class PerLabelLinear(nn.Linear):
    """Linear layer in which row c of the weights applies to the features of label c only: (B, C, D) -> (B, C)."""

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Logits (B, C) of features (B, C, D)."""
        return (features * self.weight).sum(dim=-1) + self.bias


def make_head(pool: str, width: int, num_labels: int, label_prevalence: Sequence[float] | None = None) -> nn.Linear:
    """Create the head for a kind of pooled features, with small random weights.

    Args:
        pool: pooled features: ``cls`` (B, D), ``cls_mean`` (B, 2 D) or ``label_tokens`` (B, C, D).
        width: D, number of features of a token.
        num_labels: C, number of labels.
        label_prevalence: C prevalences in (0, 1), whose log-odds become the bias; ``None`` sets the bias to zero.

    Raises:
        ValueError: if the pool is unknown, or the prevalences are not C numbers in (0, 1).
    """
    check_choice("pool", pool, POOLS)
    if label_prevalence is not None and (
        len(label_prevalence) != num_labels or not all(0 < share < 1 for share in label_prevalence)
    ):
        raise ValueError(
            f"label_prevalence: cannot start the head; expected {num_labels} numbers inside (0, 1), "
            f"found {list(label_prevalence)}; give every label at least one positive and one negative example"
        )
    kind = PerLabelLinear if pool == "label_tokens" else nn.Linear
    head = kind(width * (2 if pool == "cls_mean" else 1), num_labels)
    nn.init.trunc_normal_(head.weight, std=0.002)
    nn.init.zeros_(head.bias)
    if label_prevalence is not None:
        with torch.no_grad():
            head.bias.copy_(torch.logit(torch.tensor(label_prevalence)))
    return head
