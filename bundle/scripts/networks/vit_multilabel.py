"""Multilabel Vision Transformer: radiograph (B, 1, S, S) in [0, 1] -> logits (B, C).

Paper: Model Architecture, Methodology 1. ViT: arXiv:2010.11929; DINOv2: arXiv:2304.07193.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import nn

from .pretrained import HALF, load_backbone, make_backbone

POOLS = ("cls", "cls_mean")


class ViTMultilabel(nn.Module):
    """Hugging Face backbone, its own normalisation, and one linear layer.

    Args:
        backbone: folder or hub id of a pretrained model of the ViT family; ``None``: from scratch.
        num_labels: C.
        image_size: S, a multiple of the patch size; positions are resampled to it.
        pool: input of the head: ``cls``, or ``cls_mean`` (CLS beside the mean of the patch tokens).
        architecture: fields of a Hugging Face configuration, for a network from scratch.
        label_prevalence: C numbers in (0, 1); the head starts at their log-odds. ``None``: at even odds.

    Raises:
        ValueError: both or neither of ``backbone`` and ``architecture``, or an unknown pool.
    """

    backbone: Any
    mean: torch.Tensor
    std: torch.Tensor

    def __init__(
        self,
        backbone: str | Path | None = None,
        *,
        num_labels: int,
        image_size: int = 224,
        pool: str = "cls",
        architecture: Mapping[str, Any] | None = None,
        label_prevalence: Sequence[float] | None = None,
    ) -> None:
        super().__init__()
        if (backbone is None) == (architecture is None):
            raise ValueError(
                "backbone, architecture: expected exactly one (pretrained, or from scratch), "
                f"found {'both' if backbone is not None else 'neither'}; set the other one to null"
            )
        if pool not in POOLS:
            raise ValueError(f"pool: not known; expected one of {', '.join(POOLS)}, found {pool!r}")
        if label_prevalence is not None and (
            len(label_prevalence) != num_labels or not all(0 < share < 1 for share in label_prevalence)
        ):
            raise ValueError(
                f"label_prevalence: cannot start the head; expected {num_labels} numbers inside (0, 1), "
                f"found {list(label_prevalence)}; give every label at least one example of each kind"
            )
        if backbone is not None:
            self.backbone, mean, std = load_backbone(backbone, image_size)
        else:
            self.backbone, (mean, std) = make_backbone(architecture or {}, image_size), HALF
        self.num_labels, self.image_size, self.pool = num_labels, image_size, pool
        self.labels: list[str] | None = None
        self.register_buffer("mean", torch.tensor(mean).reshape(1, -1, 1, 1))
        self.register_buffer("std", torch.tensor(std).reshape(1, -1, 1, 1))
        width = self.backbone.config.hidden_size
        self.head = nn.Linear(width * (2 if pool == "cls_mean" else 1), num_labels)
        nn.init.trunc_normal_(self.head.weight, std=0.002)
        nn.init.zeros_(self.head.bias)
        if label_prevalence is not None:
            with torch.no_grad():
                self.head.bias.copy_(torch.logit(torch.tensor(label_prevalence)))

    @property
    def patch_grid(self) -> tuple[int, int]:
        """Rows and columns of patches."""
        side = self.image_size // self.backbone.config.patch_size
        return side, side

    def features(self, image: torch.Tensor) -> torch.Tensor:
        """Input of the head.

        Args:
            image: (B, 1, S, S) in [0, 1].

        Returns:
            (B, D), or (B, 2 D) for ``cls_mean``.

        Raises:
            ValueError: another shape.
        """
        expected = (1, self.image_size, self.image_size)
        if image.ndim != 4 or tuple(image.shape[1:]) != expected:
            raise ValueError(f"image: wrong shape; expected (B, {str(expected)[1:]}, found {tuple(image.shape)}")
        tokens = self.backbone((image - self.mean) / self.std).last_hidden_state  # (B, prefix + h * w, D)
        if self.pool == "cls":
            return tokens[:, 0]
        rows, columns = self.patch_grid
        return torch.cat([tokens[:, 0], tokens[:, -rows * columns :].mean(dim=1)], dim=1)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """(B, 1, S, S) in [0, 1] -> logits (B, C)."""
        return self.head(self.features(image))
