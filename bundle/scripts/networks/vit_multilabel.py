"""Multilabel Vision Transformer: radiograph (B, 1, S, S) in [0, 1] -> logits (B, C).

Paper: Model Architecture, Methodology 1. ViT: arXiv:2010.11929; DINOv2: arXiv:2304.07193; LT-ViT: arXiv:2311.07263.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import nn

from ..common.choices import check_keys
from ..common.printable import quoted
from .blocks import blocks_of, set_drop_path
from .conv_branch import ConvBranch
from .head import make_head
from .label_token_blocks import read_labels
from .pretrained import known_fields, load_backbone, make_backbone
from .warm_start import warm_start_from


class ViTMultilabel(nn.Module):
    """Classifier: normalisation, Hugging Face backbone and a linear head.

    Args:
        backbone: folder or hub id of a pretrained model of the ViT family; ``None`` initialises the network at random.
            From a model folder of this package, the convolution branches are loaded as well and, if ``labels`` and
            ``pool`` are those of the folder, the head.
        num_labels: C, number of labels.
        labels: names of the C outputs; if ``None``, the head is always new.
        image_size: S, side of the input in pixels, a multiple of the patch size; position embeddings are resampled.
        pool: input of the head: ``cls``, ``cls_mean`` (CLS token and mean of the patch tokens), or ``label_tokens``
            (one learnt token per label that reads the image in the last blocks).
        label_blocks: K, number of last blocks that the label tokens pass through.
        conv_branch: whether there is a depthwise convolution over the patches before each block, zero at first.
        drop_path: probability of skipping a sub-layer of the last block in training, in [0, 1). It grows linearly from
            0 in the first block.
        architecture: fields of a Hugging Face configuration, for a network without pretrained weights.
        label_prevalence: C prevalences in (0, 1), whose log-odds become the bias of a new head; ``None`` sets it to 0.

    Raises:
        ValueError: both or neither of ``backbone`` and ``architecture`` are given, the pool is unknown, or a number is
            out of range.
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
        if architecture is not None:
            _check_architecture(architecture, image_size)
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
            warm_start_from(self, backbone)

    def add_to_blocks(self, drop_path: float) -> None:
        """Add stochastic depth to the blocks and the convolution branches before them."""
        depth = len(blocks_of(self.backbone))
        if self.pool == "label_tokens" and not 1 <= self.label_blocks <= depth:
            raise ValueError(f"label_blocks: out of range; expected 1 to {depth}, found {self.label_blocks}")
        if not 0 <= drop_path < 1:
            raise ValueError(f"drop_path: out of range; expected a probability in [0, 1), found {drop_path}")
        set_drop_path(self.backbone, drop_path)
        width = self.backbone.config.hidden_size
        self.conv_branches = nn.ModuleList(
            ConvBranch(width, self.patch_grid) if self.conv_branch else nn.Identity() for _ in range(depth)
        )

    @property
    def patch_grid(self) -> tuple[int, int]:
        """Numbers of rows and columns of patches."""
        side = self.image_size // self.backbone.config.patch_size
        return side, side

    def encode(self, image: torch.Tensor) -> tuple[torch.Tensor, list[torch.Tensor]]:
        """Final tokens, and the inputs of the last K blocks.

        Args:
            image: (B, 1, S, S) in [0, 1].

        Returns:
            CLS, register and patch tokens (B, prefix + h * w, D) after the final norm, and K inputs of the same shape.

        Raises:
            ValueError: the image has another shape.
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
            Features (B, D); (B, 2 D) for ``cls_mean``; (B, C, D) for ``label_tokens``.

        Raises:
            ValueError: the image has another shape.
        """
        if self.pool == "label_tokens":
            return self.read(image)[0]
        tokens, _ = self.encode(image)
        if self.pool == "cls":
            return tokens[:, 0]
        rows, columns = self.patch_grid
        return torch.cat([tokens[:, 0], tokens[:, -rows * columns :].mean(dim=1)], dim=1)

    def label_maps(self, image: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Logits, and the attention of each label token to the patches.

        Args:
            image: (B, 1, S, S) in [0, 1].

        Returns:
            Logits (B, C), and maps (B, C, h, w): the mean over heads and the last K blocks, scaled so that each map
            sums to one. Attention to CLS, register and label tokens is left out.

        Raises:
            ValueError: the network has no label tokens.
        """
        if self.pool != "label_tokens":
            raise ValueError(
                f"label_maps: the network has no label tokens; expected pool label_tokens, found {self.pool}; "
                "train one, or use another attention method"
            )
        labels, attention = self.read(image)
        rows, columns = self.patch_grid
        maps = attention[..., -rows * columns :]
        return self.head(labels), (maps / maps.sum(dim=-1, keepdim=True)).unflatten(2, (rows, columns))

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """(B, 1, S, S) in [0, 1] -> logits (B, C)."""
        return self.head(self.features(image))


def _check_architecture(architecture: Mapping[str, Any], image_size: int) -> None:
    """Reject an unknown field of a configuration, and an image size other than the network's."""
    check_keys("architecture", architecture, known_fields(architecture) if isinstance(architecture, Mapping) else ())
    if architecture.get("image_size", image_size) != image_size:
        raise ValueError(
            f"architecture: image_size: expected {image_size} as in --image_size, found "
            f"{quoted(architecture['image_size'])}; remove it"
        )


def _check_sources(backbone: object, architecture: object, labels: Sequence[str] | None, num_labels: int) -> None:
    """Reject both or neither of ``backbone`` and ``architecture``, and another number of labels than C."""
    if (backbone is None) == (architecture is None):
        raise ValueError(
            "backbone, architecture: expected exactly one of them (pretrained weights, or random ones), "
            f"found {'both' if backbone is not None else 'neither'}; set exactly one"
        )
    if labels is not None and len(labels) != num_labels:
        raise ValueError(f"labels: expected {num_labels} names, found {len(labels)}: {list(labels)}")
