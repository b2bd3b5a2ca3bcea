"""Multilabel Vision Transformer: radiograph (B, 1, S, S) in [0, 1] -> logits (B, C).

Paper: Model Architecture, Methodology 1. ViT: arXiv:2010.11929; DINOv2: arXiv:2304.07193; LT-ViT: arXiv:2311.07263.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import nn

from .blocks import blocks_of, set_drop_path
from .conv_branch import ConvBranch
from .head import make_head
from .label_token_blocks import read_labels
from .pretrained import load_backbone, make_backbone
from .warm_start import continue_from


class ViTMultilabel(nn.Module):
    """Hugging Face backbone, its own normalisation, and one linear layer.

    Args:
        backbone: folder or hub id of a pretrained model of the ViT family; ``None``: from scratch. A model folder of
            ours is continued with its convolution branches and, if it has these ``labels`` and this ``pool``, its head.
        num_labels: C.
        labels: names of the C outputs; ``None``: not known, the head starts anew.
        image_size: S, a multiple of the patch size; positions are resampled to it.
        pool: input of the head: ``cls``, ``cls_mean`` (CLS beside the mean of the patch tokens), or ``label_tokens``
            (one learnt token per label that reads the image in the last blocks).
        label_blocks: K, how many last blocks the label tokens pass through.
        conv_branch: a depthwise convolution over the patches before each block, zero at first.
        drop_path: probability of skipping a sub-layer of the last block in training; it grows linearly from the first.
        architecture: fields of a Hugging Face configuration, for a network from scratch.
        label_prevalence: C numbers in (0, 1); a new head starts at their log-odds. ``None``: at even odds.

    Raises:
        ValueError: both or neither of ``backbone`` and ``architecture``, an unknown pool, or numbers out of range.
    """

    backbone: Any
    mean: torch.Tensor
    std: torch.Tensor

    def __init__(
        self,
        backbone: str | Path | None = None,
        *,
        num_labels: int,
        labels: Sequence[str] | None = None,
        image_size: int = 224,
        pool: str = "cls",
        label_blocks: int = 2,
        conv_branch: bool = False,
        drop_path: float = 0.0,
        architecture: Mapping[str, Any] | None = None,
        label_prevalence: Sequence[float] | None = None,
    ) -> None:
        super().__init__()
        _check_sources(backbone, architecture, labels, num_labels)
        if backbone is not None:
            self.backbone, mean, std = load_backbone(backbone, image_size)
        else:
            self.backbone = make_backbone(architecture or {}, image_size)
            mean = std = [0.5] * self.backbone.config.num_channels
        self.num_labels, self.image_size, self.pool, self.label_blocks = num_labels, image_size, pool, label_blocks
        self.labels = None if labels is None else list(labels)
        self.conv_branch = conv_branch
        self.register_buffer("mean", torch.tensor(mean).reshape(1, -1, 1, 1))
        self.register_buffer("std", torch.tensor(std).reshape(1, -1, 1, 1))
        width = self.backbone.config.hidden_size
        self.add_to_blocks(drop_path)
        self.head = make_head(pool, width, num_labels, label_prevalence)
        if pool == "label_tokens":
            self.label_tokens = nn.Parameter(nn.init.trunc_normal_(torch.empty(num_labels, width), std=0.02))
        if backbone is not None:
            continue_from(self, backbone)

    def add_to_blocks(self, drop_path: float) -> None:
        """Drop path within the blocks and convolutions before them."""
        depth = len(blocks_of(self.backbone))
        if self.pool == "label_tokens" and not 1 <= self.label_blocks <= depth:
            raise ValueError(f"label_blocks: not in the backbone; expected 1 to {depth}, found {self.label_blocks}")
        if not 0 <= drop_path < 1:
            raise ValueError(f"drop_path: not a probability; expected one in [0, 1), found {drop_path}")
        set_drop_path(self.backbone, drop_path)
        width = self.backbone.config.hidden_size
        self.conv_branches = nn.ModuleList(
            ConvBranch(width, self.patch_grid) if self.conv_branch else nn.Identity() for _ in range(depth)
        )

    @property
    def patch_grid(self) -> tuple[int, int]:
        """Rows and columns of patches."""
        side = self.image_size // self.backbone.config.patch_size
        return side, side

    def encode(self, image: torch.Tensor) -> tuple[torch.Tensor, list[torch.Tensor]]:
        """Final tokens, and what the last K blocks got.

        Args:
            image: (B, 1, S, S) in [0, 1].

        Returns:
            Tokens (B, prefix + h * w, D) after the final norm: CLS, registers, patches; and K inputs of the same shape.

        Raises:
            ValueError: another shape.
        """
        expected = (1, self.image_size, self.image_size)
        if image.ndim != 4 or tuple(image.shape[1:]) != expected:
            raise ValueError(f"image: wrong shape; expected (B, {str(expected)[1:]}, found {tuple(image.shape)}")
        tokens = self.backbone.embeddings((image - self.mean) / self.std)
        inputs: list[torch.Tensor] = []
        for branch, block in zip(self.conv_branches, blocks_of(self.backbone), strict=True):
            tokens = branch(tokens)
            inputs = [*inputs, tokens][-self.label_blocks :]
            tokens = block(tokens)
        return self.backbone.layernorm(tokens), inputs

    def read(self, image: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Final label tokens (B, C, D), and their attention to the image tokens (B, C, prefix + h * w)."""
        _, inputs = self.encode(image)
        blocks = list(blocks_of(self.backbone))[-self.label_blocks :]
        labels, attention = read_labels(blocks, inputs, self.label_tokens.expand(image.shape[0], -1, -1))
        return self.backbone.layernorm.forward(labels), attention

    def features(self, image: torch.Tensor) -> torch.Tensor:
        """Input of the head.

        Args:
            image: (B, 1, S, S) in [0, 1].

        Returns:
            (B, D); (B, 2 D) for ``cls_mean``; (B, C, D) for ``label_tokens``.

        Raises:
            ValueError: another shape.
        """
        if self.pool == "label_tokens":
            return self.read(image)[0]
        tokens, _ = self.encode(image)
        if self.pool == "cls":
            return tokens[:, 0]
        rows, columns = self.patch_grid
        return torch.cat([tokens[:, 0], tokens[:, -rows * columns :].mean(dim=1)], dim=1)

    def label_maps(self, image: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Logits, and where each label token looks.

        Args:
            image: (B, 1, S, S) in [0, 1].

        Returns:
            Logits (B, C), and maps (B, C, h, w): attention to the patches, the mean over heads and the last K blocks,
            scaled so that each map sums to one (what a label pays to CLS, registers and labels is left out).

        Raises:
            ValueError: the network has no label tokens.
        """
        if self.pool != "label_tokens":
            raise ValueError(
                f"label_maps: the network has no label tokens; expected pool label_tokens, found {self.pool}; "
                "train one, or use another attention"
            )
        labels, attention = self.read(image)
        rows, columns = self.patch_grid
        maps = attention[..., -rows * columns :]
        return self.head(labels), (maps / maps.sum(dim=-1, keepdim=True)).unflatten(2, (rows, columns))

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """(B, 1, S, S) in [0, 1] -> logits (B, C)."""
        return self.head(self.features(image))


def _check_sources(backbone: object, architecture: object, labels: Sequence[str] | None, num_labels: int) -> None:
    """Refuse both or neither of the first two, and names that are not those of C outputs."""
    if (backbone is None) == (architecture is None):
        raise ValueError(
            "backbone, architecture: expected exactly one (pretrained, or from scratch), "
            f"found {'both' if backbone is not None else 'neither'}; set the other one to null"
        )
    if labels is not None and len(labels) != num_labels:
        raise ValueError(f"labels: expected {num_labels} names, found {len(labels)}: {list(labels)}")
