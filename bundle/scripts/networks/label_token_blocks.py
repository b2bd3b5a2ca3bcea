"""One learnt token per label that reads the image in the last blocks (LT-ViT, arXiv:2311.07263).

The label tokens pass through the pretrained weights of the blocks themselves: norms, projections, MLP, layer scale.
Image tokens never see them, so they stay those of the plain network. The attention of a label to the patches is its own
map.

Everything is called by ``forward``, not as a module: hooks on a block (those of :mod:`..attention`) see the image only.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

from .blocks import residuals_of


def read_labels(
    blocks: Iterable[nn.Module], inputs: Iterable[torch.Tensor], labels: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Take the label tokens through the last blocks.

    Args:
        blocks: K blocks.
        inputs: their image tokens, each (B, N, D).
        labels: (B, C, D).

    Returns:
        Label tokens (B, C, D), and their attention to the image tokens (B, C, N), the mean over heads and blocks.
    """
    seen = []
    for block, image in zip(blocks, inputs, strict=True):
        labels, attention = _read_block(block, image, labels)
        seen.append(attention[..., : image.shape[1]].mean(dim=1))
    return labels, torch.stack(seen).mean(dim=0)


def _read_block(block: Any, image: torch.Tensor, labels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """One block of the label tokens: their queries meet the keys of image and labels.

    Args:
        block: of a ViT or DINOv2.
        image: the block's own input (B, N, D).
        labels: (B, C, D).

    Returns:
        Label tokens (B, C, D) and attention (B, heads, C, N + C), whose rows sum to one.
    """
    before, between = residuals_of(block)
    update, weights = _attend(block.attention, before.norm.forward(torch.cat([image, labels], dim=1)), labels.shape[1])
    labels = labels + _through(before.after, update)
    update = block.mlp.forward(between.norm.forward(labels))
    return labels + _through(between.after, update), weights


def _attend(attention: Any, tokens: torch.Tensor, count: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Attention of the last ``count`` tokens to all: update (B, count, D) and weights (B, heads, count, N + count)."""

    def heads(projection: nn.Module, chosen: torch.Tensor) -> torch.Tensor:
        return projection.forward(chosen).unflatten(2, (-1, attention.head_dim)).transpose(1, 2)  # (B, heads, n, d)

    queries = heads(attention.q_proj, tokens[:, -count:])
    keys, values = heads(attention.k_proj, tokens), heads(attention.v_proj, tokens)
    weights = (queries @ keys.transpose(-1, -2) * attention.scaling).softmax(dim=-1)
    kept = F.dropout(weights, attention.attention_dropout, attention.training)
    return attention.o_proj.forward((kept @ values).transpose(1, 2).flatten(2)), weights


def _through(modules: Iterable[nn.Module], update: torch.Tensor) -> torch.Tensor:
    """``update`` after every module."""
    for module in modules:
        update = module.forward(update)
    return update
