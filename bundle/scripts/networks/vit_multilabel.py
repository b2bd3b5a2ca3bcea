"""Multilabel Vision Transformer: radiograph (B, 1, S, S) in [0, 1] -> logits (B, C).

Paper: Model Architecture, Methodology 1. ViT: arXiv:2010.11929; DINOv2: arXiv:2304.07193; LT-ViT: arXiv:2311.07263.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import torch
from torch import nn

from .backbone_choice import choose_backbone
from .blocks import blocks_of, set_drop_path
from .conv_branch import ConvBranch
from .encoded import Encoded
from .head import make_head
from .label_token_blocks import read_labels
from .model_folder import STRUCTURE, ModelFolder
from .param_groups import freeze_blocks
from .patch_head import PatchHead, blocks_read
from .warm_start import warm_start_from

_LEAST_ATTENTION = 1e-12  # of a label token to a patch


class ViTMultilabel(ModelFolder, nn.Module):
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
        patch_head: whether there are logits per patch, whose smooth maximum is added to the logits of the image.
        drop_path: probability of skipping a sub-layer of the last block in training, in [0, 1). It grows linearly from
            0 in the first block.
        frozen_blocks: number of first blocks that keep their weights in training, with the embeddings.
        architecture: fields of a Hugging Face configuration, for a network without pretrained weights.
        label_prevalence: C prevalences in (0, 1), whose log-odds become the bias of a new head; ``None`` sets it to 0.

    Attributes:
        trains_maps: whether the forward pass in training mode returns the maps too, so that a loss can use them.
        located_labels: labels whose place the patch head was trained with, by boxes or masks; ``None`` if it is not
            known. The maps of the other labels show no place (docs/results.md).

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
        patch_head: bool = False,
        drop_path: float = 0.0,
        frozen_blocks: int = 0,
        architecture: Mapping[str, Any] | None = None,
        label_prevalence: Sequence[float] | None = None,
    ) -> None:
        super().__init__()
        _check_labels(labels, num_labels)
        self.backbone, mean, std = choose_backbone(backbone, architecture, image_size)
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
        self.blocks_read = blocks_read(len(blocks_of(self.backbone))) if patch_head else []
        self.patch_head = PatchHead(len(self.blocks_read) * width, num_labels, self.patch_grid) if patch_head else None
        self.trains_maps = False
        self.located_labels: list[str] | None = []
        if backbone is not None:
            warm_start_from(self, backbone)
        freeze_blocks(self, frozen_blocks)

    @classmethod
    def _untrained(
        cls, architecture: Mapping[str, Any], labels: Sequence[str], preprocessing: Mapping[str, Any], folder: Path
    ) -> Self:
        if "zoom" in preprocessing:
            raise ValueError(
                f"{folder}: the network reads crops; expected a plain classifier, found a ZoomViT; load it with "
                "load_vit_multilabel or ZoomViT.from_pretrained"
            )
        structure = {key: preprocessing[key] for key in (*STRUCTURE, "patch_head") if key in preprocessing}
        network = cls(architecture=architecture, num_labels=len(labels), labels=labels, **structure)
        network.located_labels = preprocessing.get("located_labels")
        return network

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

    def encode(self, image: torch.Tensor) -> Encoded:
        """Tokens of images.

        Args:
            image: (B, 1, S, S) in [0, 1].

        Raises:
            ValueError: the image has another shape.
        """
        expected = (1, self.image_size, self.image_size)
        if image.ndim != 4 or tuple(image.shape[1:]) != expected:
            raise ValueError(f"image: wrong shape; expected (B, {str(expected)[1:]}, found {tuple(image.shape)}")
        tokens = self.backbone.embeddings((image - self.mean) / self.std)
        inputs: list[torch.Tensor] = []
        read: list[torch.Tensor] = []
        for number, (branch, block) in enumerate(
            zip(self.conv_branches, blocks_of(self.backbone), strict=True), start=1
        ):
            tokens = branch(tokens)
            inputs = [*inputs, tokens][-self.label_blocks :]
            tokens = block(tokens)
            if number in self.blocks_read[:-1]:
                read.append(tokens)
        final = self.backbone.layernorm(tokens)
        return Encoded(final, inputs, [*read, final])

    def features(self, image: torch.Tensor) -> torch.Tensor:
        """Input of the head.

        Args:
            image: (B, 1, S, S) in [0, 1].

        Returns:
            Features (B, D); (B, 2 D) for ``cls_mean``; (B, C, D) for ``label_tokens``.

        Raises:
            ValueError: the image has another shape.
        """
        return self.pooled(self.encode(image))

    def pooled(self, encoded: Encoded) -> torch.Tensor:
        """Input of the head, from the tokens of :meth:`encode`."""
        if self.pool == "label_tokens":
            return self.read_labels(encoded.inputs)[0]
        if self.pool == "cls":
            return encoded.final[:, 0]
        return torch.cat([encoded.final[:, 0], self.patches(encoded.final).mean(dim=1)], dim=1)

    def patches(self, tokens: torch.Tensor) -> torch.Tensor:
        """Patch tokens (B, h * w, D) among all tokens (B, prefix + h * w, D)."""
        rows, columns = self.patch_grid
        return tokens[:, -rows * columns :]

    def read_labels(self, inputs: list[torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor]:
        """Final label tokens (B, C, D), and their attention to the image tokens (B, C, prefix + h * w).

        Args:
            inputs: input tokens (B, prefix + h * w, D) of the last K blocks.
        """
        blocks = list(blocks_of(self.backbone))[-self.label_blocks :]
        labels, attention = read_labels(blocks, inputs, self.label_tokens.expand(inputs[0].shape[0], -1, -1))
        return self.backbone.layernorm.forward(labels), attention

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
        logits, maps = self.logits_and_maps(image)
        return logits, maps["label_tokens"]

    def patch_logits(self, image: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Logits of the image, and logits of each label at each patch.

        Args:
            image: (B, 1, S, S) in [0, 1].

        Returns:
            Logits (B, C) and (B, C, h, w).

        Raises:
            ValueError: the network has no patch head.
        """
        if self.patch_head is None:
            raise ValueError(
                "patch_logits: the network has no patch head; expected patch_head true, found false; "
                "train one with --patch_head true, or use another attention method"
            )
        logits, maps = self.logits_and_maps(image)
        return logits, maps["patch_logits"]

    @property
    def map_names(self) -> list[str]:
        """Names of the maps of :meth:`logits_and_maps`, which are those of their attention methods."""
        return ["label_tokens"] * (self.pool == "label_tokens") + ["patch_logits"] * (self.patch_head is not None)

    def logits_and_maps(self, image: torch.Tensor) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        """Logits, and all maps that the network computes in the same forward pass.

        Args:
            image: (B, 1, S, S) in [0, 1].

        Returns:
            Logits (B, C), and maps (B, C, h, w) by the names in :attr:`map_names`: of ``label_tokens`` the attention to
            the patches, which sums to one, and of ``patch_logits`` the logits of the patches.
        """
        encoded = self.encode(image)
        maps = {}
        if self.pool == "label_tokens":
            features, attention = self.read_labels(encoded.inputs)
            grid = self.patch_grid
            # A label that attends to the CLS token only has a constant map, not one of NaN.
            seen = attention[..., -grid[0] * grid[1] :].float().clamp(min=_LEAST_ATTENTION)
            maps["label_tokens"] = (seen / seen.sum(dim=-1, keepdim=True)).unflatten(2, grid)
        else:
            features = self.pooled(encoded)
        logits, patch_logits = self.classify(encoded, features)
        if patch_logits is not None:
            maps["patch_logits"] = patch_logits
        return logits, maps

    def classify(self, encoded: Encoded, features: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor | None]:
        """Logits (B, C) of the image, and (B, C, h, w) of the patches if the network has a patch head."""
        logits = self.head(features)
        if self.patch_head is None:
            return logits, None
        patch_logits = self.patch_head([self.patches(tokens) for tokens in encoded.read])
        return logits + self.patch_head.pool(patch_logits), patch_logits

    def image_logits(self, image: torch.Tensor) -> torch.Tensor:
        """(B, 1, S, S) in [0, 1] -> logits (B, C)."""
        encoded = self.encode(image)
        return self.classify(encoded, self.pooled(encoded))[0]

    def forward(self, image: torch.Tensor) -> torch.Tensor | tuple[torch.Tensor, dict[str, torch.Tensor]]:
        """(B, 1, S, S) in [0, 1] -> logits (B, C).

        In training mode, a network whose maps are trained (:attr:`trains_maps`) returns logits and maps, as
        :meth:`logits_and_maps` does, so that its loss can use both.
        """
        return self.logits_and_maps(image) if self.training and self.trains_maps else self.image_logits(image)


def _check_labels(labels: Sequence[str] | None, num_labels: int) -> None:
    """Reject another number of labels than C."""
    if labels is not None and len(labels) != num_labels:
        raise ValueError(f"labels: expected {num_labels} names, found {len(labels)}: {list(labels)}")
