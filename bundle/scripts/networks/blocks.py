"""The blocks of the ViT families under common names, and their stochastic depth.

transformers gives ViT no stochastic depth, and DINOv2 one constant rate for every block; both are set here.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from torch import nn


class Residual(NamedTuple):
    """``tokens + after(sublayer(norm(tokens)))``: the parts around one of the two sub-layers of a block."""

    norm: nn.Module
    after: tuple[nn.Module, ...]  # layer scale, dropout, drop path


def blocks_of(backbone: Any) -> nn.ModuleList:
    """Blocks in the order of the flow; ViT and DINOv2 keep them under different names."""
    return backbone.layers if hasattr(backbone, "layers") else backbone.encoder.layer


def residuals_of(block: Any) -> tuple[Residual, Residual]:
    """What stands around the attention and around the MLP of a block."""
    if hasattr(block, "layernorm_before"):  # ViT
        return Residual(block.layernorm_before, (block.dropout,)), Residual(block.layernorm_after, (block.dropout,))
    return (
        Residual(block.norm1, (block.layer_scale1, block.drop_path)),
        Residual(block.norm2, (block.layer_scale2, block.drop_path)),
    )


def set_drop_path(backbone: Any, rate: float) -> None:
    """Stochastic depth (arXiv:1603.09382): in training, a sample skips a sub-layer; those kept are scaled up for it.

    Args:
        backbone: ViT or DINOv2; changed in place, without new parameters.
        rate: probability in the last block, in [0, 1); it grows linearly from 0 in the first.
    """
    from monai.networks.layers import DropPath

    blocks: Any = blocks_of(backbone)
    for index, block in enumerate(blocks):
        drop = DropPath(rate * index / max(len(blocks) - 1, 1))
        if hasattr(block, "drop_path"):  # DINOv2
            block.drop_path = drop
        else:
            block.dropout = nn.Sequential(block.dropout, drop)
        block.train(block.training)  # the new module too
