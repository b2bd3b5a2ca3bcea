"""Logits of each label at each patch, and their pooling to one logit per image.

This is multiple-instance learning (Li et al. 2018, arXiv:1711.06373): an image shows a finding if one of its patches
does. The patches are pooled with a smooth maximum. The patch logits can also be trained with boxes
(:mod:`.map_loss`), and the network's forward pass gives them as maps, without a gradient.

The head reads the patch tokens of three blocks, not of the last one alone. The tokens of earlier blocks keep more of
their place, and dense heads of DINOv2 read several blocks for the same reason (arXiv:2304.07193, section 7.4). In a
cross-validation on 591 boxed findings of NIH ChestX-ray14 with a frozen DINOv2-small
(``benchmarks/patch_head_choices.py``), the peak of a label's map lay in its box in 0.57 of the findings, and in 0.42
with the last block alone.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import torch
import torch.nn.functional as F
from torch import nn

_HIDDEN = 256  # features of the hidden layer
_START = -4.0  # patch logit at which training starts: a patch rarely shows a finding
_SHARPNESS = (0.3, 5.0)  # range of the smooth maximum, from almost the mean to almost the maximum
_DROPOUT = 0.1
# The bias at the start is logit(weight * share + floor) + shift: finite, and about as low as that of other labels.
_PRIOR_WEIGHT, _PRIOR_FLOOR, _PRIOR_SHIFT = 0.5, 0.01, -2.0
_DEPTHS = (0.5, 0.75, 1.0)  # blocks whose tokens are read, as shares of all blocks


def blocks_read(depth: int) -> list[int]:
    """Numbers, from 1, of the blocks whose patch tokens the patch head reads: 6, 9 and 12 of 12 blocks.

    Args:
        depth: number of blocks of the backbone.
    """
    return sorted({max(1, round(share * depth)) for share in _DEPTHS})


class PatchHead(nn.Module):
    """Two-layer perceptron on normalised patch tokens, with a learnt bias for each label and position.

    Args:
        width: number of features of a patch: D of each block that is read.
        num_labels: C, number of labels.
        grid: rows h and columns w of patches.
    """

    def __init__(self, width: int, num_labels: int, grid: tuple[int, int]) -> None:
        super().__init__()
        self.grid = grid
        self.hidden, self.output = nn.Linear(width, _HIDDEN), nn.Linear(_HIDDEN, num_labels, bias=False)
        self.dropout = nn.Dropout(_DROPOUT)
        nn.init.trunc_normal_(self.output.weight, std=0.02)
        self.position = nn.Parameter(torch.full((num_labels, *grid), _START))
        self.sharpness = nn.Parameter(torch.ones(num_labels))
        self.weight = nn.Parameter(torch.full((num_labels,), 0.3))

    def forward(self, patches: Sequence[torch.Tensor]) -> torch.Tensor:
        """Float32 logits (B, C, h, w) of the patch tokens (B, h * w, D) of each block that is read."""
        normalised = torch.cat([F.layer_norm(tokens, tokens.shape[-1:]) for tokens in patches], dim=2)
        hidden = self.dropout(F.gelu(self.hidden(normalised)))
        return self.output(hidden).transpose(1, 2).unflatten(2, self.grid).float() + self.position

    @property
    def is_new(self) -> bool:
        """Whether the position bias is still that of a new head, the same everywhere."""
        return bool((self.position == _START).all())

    @torch.no_grad()
    def start_at(self, shares: Mapping[int, torch.Tensor]) -> None:
        """Start the position bias where the training films show a label.

        Without it, a few hundred steps do not suffice to learn where a label is frequent.

        Args:
            shares: mean covered share (h, w) of the patches, in [0, 1], by number of the label; other labels keep the
                bias that is the same everywhere.
        """
        for label, share in shares.items():
            odds = torch.logit(_PRIOR_WEIGHT * share + _PRIOR_FLOOR)
            self.position[label] = odds.to(self.position) + _PRIOR_SHIFT

    def pool(self, logits: torch.Tensor) -> torch.Tensor:
        """Addition (B, C) to the image logits: the weighted smooth maximum of patch logits (B, C, h, w).

        The smooth maximum is log(mean(exp(r * x))) / r with a learnt sharpness r per label. It is given relative to the
        patch logit at which training starts, so that a new head hardly changes the image logits.
        """
        sharpness = self.sharpness.clamp(*_SHARPNESS)
        flat = logits.flatten(2)
        pooled = (torch.logsumexp(flat * sharpness[:, None], dim=2) - math.log(flat.shape[2])) / sharpness
        return self.weight * (pooled - _START)
