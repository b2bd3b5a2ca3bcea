"""Label tokens: one learnt token per label that reads the image in the last blocks (LT-ViT, arXiv:2311.07263).

The label tokens use the pretrained weights of the blocks: norms, projections, MLP and layer scale. Image tokens do not
attend to them and are therefore those of the plain network. The attention of a label token to the patches is the map of
its label.

Modules are called by ``forward``, which does not trigger their hooks, so that the hooks of :mod:`..attention` record
the image tokens only.
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
    """Pass the label tokens through the last blocks.

    Args:
        blocks: the last K blocks.
        inputs: image tokens (B, N, D) at the input of each block.
        labels: label tokens (B, C, D).

    Returns:
        Label tokens (B, C, D), and their attention to the image tokens (B, C, N), the mean over heads and blocks.
    """
    seen = []
    for block, image in zip(blocks, inputs, strict=True):
        labels, attention = _read_block(block, image, labels)
        seen.append(attention[..., : image.shape[1]].mean(dim=1))
    return labels, torch.stack(seen).mean(dim=0)


def _read_block(block: Any, image: torch.Tensor, labels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Pass the label tokens through one block, in which they attend to image and label tokens.

    Args:
        block: block of a ViT or DINOv2.
        image: image tokens (B, N, D) at the input of the block.
        labels: label tokens (B, C, D).

    Returns:
        Label tokens (B, C, D), and their attention weights (B, heads, C, N + C), whose rows sum to one.
    """
    before, between = residuals_of(block)
    update, weights = _attend(block.attention, before.norm.forward(torch.cat([image, labels], dim=1)), labels.shape[1])
    labels = labels + _through(before.after, update)
    update = block.mlp.forward(between.norm.forward(labels))
    return labels + _through(between.after, update), weights


def _attend(attention: Any, tokens: torch.Tensor, count: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Attention of the last ``count`` tokens to all tokens.

    Returns:
        Output of the layer (B, count, D), and attention weights (B, heads, count, N + count).
    """

    def heads(projection: nn.Module, chosen: torch.Tensor) -> torch.Tensor:
        return projection.forward(chosen).unflatten(2, (-1, attention.head_dim)).transpose(1, 2)  # (B, heads, n, d)

    queries = heads(attention.q_proj, tokens[:, -count:])
    keys, values = heads(attention.k_proj, tokens), heads(attention.v_proj, tokens)
    weights = (queries @ keys.transpose(-1, -2) * attention.scaling).softmax(dim=-1)
    kept = F.dropout(weights, attention.attention_dropout, attention.training)
    return attention.o_proj.forward((kept @ values).transpose(1, 2).flatten(2)), weights


def _through(modules: Iterable[nn.Module], update: torch.Tensor) -> torch.Tensor:
    """Apply the modules to ``update``, one after the other."""
    for module in modules:
        update = module.forward(update)
    return update
