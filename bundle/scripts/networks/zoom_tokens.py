"""Tokens of a crop: the backbone encodes its patches with the position embeddings of their place in the whole image."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

from .blocks import blocks_of
from .conv_branch import ConvBranch


class CropTokens(nn.Module):
    """Encodes crops with a backbone, and adds a learnt embedding of the magnification, which is zero at first.

    Args:
        backbone: ViT or DINOv2, from which only the sizes are read.
        crop_size: s, side of a crop in pixels, a multiple of the patch size.

    Raises:
        ValueError: the crop size is not a multiple of the patch size.
    """

    def __init__(self, backbone: Any, crop_size: int) -> None:
        super().__init__()
        patch = backbone.config.patch_size
        if crop_size % patch:
            raise ValueError(
                f"zoom_size: the patches do not fill the crop; expected a multiple of {patch}, found {crop_size}; "
                f"set --zoom_size {max(1, crop_size // patch) * patch}"
            )
        self.share = crop_size / backbone.config.image_size
        self.magnification = nn.Linear(1, backbone.config.hidden_size)
        nn.init.zeros_(self.magnification.weight)
        nn.init.zeros_(self.magnification.bias)

    def forward(self, network: Any, crops: torch.Tensor, boxes: torch.Tensor) -> torch.Tensor:
        """Encode crops.

        Args:
            network: :class:`.vit_multilabel.ViTMultilabel`, whose weights are used.
            crops: (N, 3, s, s), normalised.
            boxes: (N, 4), row0, col0, row1, col1 as fractions of the whole image.

        Returns:
            Tokens (N, prefix + patches, D) after the final norm.
        """
        embeddings = network.backbone.embeddings
        patches = embeddings.patch_embeddings.projection(crops).flatten(2).transpose(1, 2)  # (N, g * g, D)
        side = (boxes[:, 2:] - boxes[:, :2]).amax(dim=1, keepdim=True).clamp(min=1e-3)
        # The magnification is measured in octaves; that of the whole image is 0.
        scale = self.magnification(torch.log2(self.share / side))[:, None]  # (N, 1, D)
        table = embeddings.position_embeddings
        grid = (round(patches.shape[1] ** 0.5),) * 2
        patches = patches + _positions_in(table, boxes, grid[0])
        prefix = [embeddings.cls_token + table[:, :1]]
        if hasattr(embeddings, "register_tokens"):  # these have no position embeddings
            prefix.append(embeddings.register_tokens)
        tokens = torch.cat([*(token.expand(len(crops), -1, -1) for token in prefix), patches], dim=1) + scale
        tokens = embeddings.dropout(tokens)
        for branch, block in zip(network.conv_branches, blocks_of(network.backbone), strict=True):
            tokens = branch(tokens, grid) if isinstance(branch, ConvBranch) else tokens
            tokens = block(tokens)
        return network.backbone.layernorm(tokens)


def _positions_in(table: torch.Tensor, boxes: torch.Tensor, side: int) -> torch.Tensor:
    """Position embeddings at the patch centres of crops, interpolated bilinearly from those of the whole image.

    Args:
        table: position embeddings (1, 1 + h * h, D) of the CLS token and of the patch grid.
        boxes: (N, 4), row0, col0, row1, col1 as fractions of the image.
        side: g, number of patches along a side of a crop.

    Returns:
        Position embeddings (N, g * g, D).
    """
    grid = table[:, 1:].transpose(1, 2).unflatten(2, (round((table.shape[1] - 1) ** 0.5),) * 2)  # (1, D, h, h)
    centres = (torch.arange(side, device=boxes.device) + 0.5) / side
    rows = boxes[:, 0:1] + centres * (boxes[:, 2:3] - boxes[:, 0:1])  # (N, g)
    columns = boxes[:, 1:2] + centres * (boxes[:, 3:4] - boxes[:, 1:2])
    shape = len(boxes), side, side
    points = torch.stack([columns[:, None, :].expand(shape), rows[:, :, None].expand(shape)], dim=-1) * 2 - 1
    sampled = F.grid_sample(
        grid.expand(len(boxes), -1, -1, -1), points.to(grid.dtype), padding_mode="border", align_corners=False
    )
    return sampled.flatten(2).transpose(1, 2)
