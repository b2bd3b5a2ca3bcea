"""Blocks of the ViT families under common names, and their stochastic depth.

In transformers, ViT has no stochastic depth, and DINOv2 has the same rate in every block. :func:`set_drop_path` gives
both a rate that grows with depth.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from torch import nn


class Residual(NamedTuple):
    """Parts around one of the two sub-layers of a block: ``tokens + after(sublayer(norm(tokens)))``."""

    norm: nn.Module
    after: tuple[nn.Module, ...]  # layer scale, dropout, drop path


def blocks_of(backbone: Any) -> nn.ModuleList:
    """Blocks of a backbone, from first to last; ViT and DINOv2 have different names for them."""
    return backbone.layers if hasattr(backbone, "layers") else backbone.encoder.layer


def residuals_of(block: Any) -> tuple[Residual, Residual]:
    """Parts around the attention and around the MLP of a block."""
    if hasattr(block, "layernorm_before"):  # ViT
        return Residual(block.layernorm_before, (block.dropout,)), Residual(block.layernorm_after, (block.dropout,))
    return (
        Residual(block.norm1, (block.layer_scale1, block.drop_path)),
        Residual(block.norm2, (block.layer_scale2, block.drop_path)),
    )


def set_drop_path(backbone: Any, rate: float) -> None:
    """Set the stochastic depth of a backbone (arXiv:1603.09382).

    In training, a sample skips a sub-layer at random. Sub-layers that are not skipped are scaled up to compensate.

    Args:
        backbone: ViT or DINOv2; changed in place, without new parameters.
        rate: probability of skipping in the last block, in [0, 1). It grows linearly from 0 in the first block.
    """
    blocks: Any = blocks_of(backbone)
    for index, block in enumerate(blocks):
        drop: nn.Module = nn.Identity()
        if rate > 0:  # a network for prediction has none, and does not wait for the import of MONAI
            from monai.networks.layers import DropPath

            drop = DropPath(rate * index / max(len(blocks) - 1, 1))
        if hasattr(block, "drop_path"):  # DINOv2
            block.drop_path = drop
        else:
            block.dropout = nn.Sequential(block.dropout, drop)
        block.train(block.training)  # sets the mode of the new module
