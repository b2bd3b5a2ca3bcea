"""The linear layer that gives one logit per label, started at the prevalences."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn

POOLS = ("cls", "cls_mean", "label_tokens")


class PerLabelLinear(nn.Linear):
    """Row c of the weights reads the features of label c only: (B, C, D) -> (B, C)."""

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Logits (B, C) of features (B, C, D)."""
        return (features * self.weight).sum(dim=-1) + self.bias


def make_head(pool: str, width: int, num_labels: int, label_prevalence: Sequence[float] | None = None) -> nn.Linear:
    """Head for the features of ``pool``, with small weights.

    Args:
        pool: ``cls`` (B, D), ``cls_mean`` (B, 2 D) or ``label_tokens`` (B, C, D).
        width: D.
        num_labels: C.
        label_prevalence: C numbers in (0, 1), whose log-odds become the bias; ``None``: zero.

    Raises:
        ValueError: an unknown pool, or prevalences that are not C numbers in (0, 1).
    """
    if pool not in POOLS:
        raise ValueError(f"pool: not known; expected one of {', '.join(POOLS)}, found {pool!r}")
    if label_prevalence is not None and (
        len(label_prevalence) != num_labels or not all(0 < share < 1 for share in label_prevalence)
    ):
        raise ValueError(
            f"label_prevalence: cannot start the head; expected {num_labels} numbers inside (0, 1), "
            f"found {list(label_prevalence)}; give every label at least one example of each kind"
        )
    kind = PerLabelLinear if pool == "label_tokens" else nn.Linear
    head = kind(width * (2 if pool == "cls_mean" else 1), num_labels)
    nn.init.trunc_normal_(head.weight, std=0.002)
    nn.init.zeros_(head.bias)
    if label_prevalence is not None:
        with torch.no_grad():
            head.bias.copy_(torch.logit(torch.tensor(label_prevalence)))
    return head
