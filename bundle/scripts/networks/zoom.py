"""Detail that the input size hides: K regions at a higher magnification, read beside the image by the same weights.

A region of the source is cut at its own pixels (:mod:`..zoom.crops`) and becomes s x s pixels. Its patches get the
positions that they have in the whole image, so the network knows where it looks, and how much it is magnified. This is
the global and local branch of AG-CNN (arXiv:1801.09927) with one network for both; a frozen model chose the regions.

Image and crops pass separately: tokens of crops among those of the image would change what a pretrained network gives.
Each label has its own query to the tokens of the crops, since the spot that decides one label says nothing of another.
What it reads is added to the logits by a layer that starts at zero: one linear head over both, equal to the base model
until it is trained, whatever the head of the base model is.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import nn

from .blocks import set_drop_path
from .vit_multilabel import ViTMultilabel
from .zoom_tokens import CropTokens

_SOURCES = ("native", "sr", "auto")
KEYS = ("zoom", "zoom_boxes")  # crops and boxes of an item, beside its image


@dataclass(frozen=True)
class ZoomSettings:
    """What a zoom network looks at; saved with its weights, so that prediction crops as training did.

    Attributes:
        count: K, regions per image.
        window: side of a region, in pixels of the network's input.
        crop_size: s, side of the crop as the network gets it; s / window is the magnification.
        source: ``native`` pixels; ``sr``: the enhancer's; ``auto``: native where the region has at least s of them.
        selector: how regions are chosen (``fixed_windows``, ``quantile``; controls ``random``, ``lowest``).
        enhancer: name, of ``sr`` and ``auto``.
        enhancer_weights: its hash; another one at prediction is refused.
        working_size: longer side of the image that ``sr`` starts from; ``None``: the source's own.
        seed: of the enhancer's noise and of the ``random`` selector.

    Raises:
        ValueError: an unknown source, or a count or size that is not positive.
    """

    count: int = 4
    window: int = 32
    crop_size: int = 112
    source: str = "auto"
    selector: str = "fixed_windows"
    enhancer: str = "native"
    enhancer_weights: str = "none"
    working_size: int | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        if self.source not in _SOURCES:
            raise ValueError(f"zoom_source: not known; expected one of {', '.join(_SOURCES)}, found {self.source!r}")
        for name in ("count", "window", "crop_size"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name}: no region can be cut; expected 1 or more, found {getattr(self, name)}")


class ZoomViT(ViTMultilabel):
    """A trained classifier that also reads crops; without training it gives the logits of ``base``.

    Args:
        base: the classifier; copied. As it is now, and frozen, it becomes :attr:`guide`.
        zoom: what it looks at.
        drop_path: probability of skipping a sub-layer of the last block in training, as of the base class.

    Attributes:
        guide: the frozen base model, whose attention chooses the regions, in training and in prediction alike.

    Raises:
        ValueError: a crop that the patches do not fill, or a base that reads crops itself.
    """

    def __init__(
        self, base: ViTMultilabel, zoom: ZoomSettings | Mapping[str, Any] | None = None, drop_path: float = 0.0
    ) -> None:
        if isinstance(base, ZoomViT):
            raise ValueError("base: reads crops itself; expected a plain classifier, found a ZoomViT; take its guide")
        nn.Module.__init__(self)
        vars(self).update(vars(copy.deepcopy(base)))  # all that the base has, whichever pool and branches these are
        self.zoom = zoom if isinstance(zoom, ZoomSettings) else ZoomSettings(**(zoom or {}))
        self.requires_grad_(True)
        set_drop_path(self.backbone, drop_path)
        self.crop_tokens = CropTokens(self.backbone, self.zoom.crop_size)
        self.reader = CropReader(self.backbone.config.hidden_size, self.num_labels)
        self.guide = copy.deepcopy(base).requires_grad_(False).eval()

    @property
    def settings(self) -> dict[str, Any]:
        """Zoom settings as plain values, for ``metadata.json``."""
        return asdict(self.zoom)

    def train(self, mode: bool = True) -> ZoomViT:
        """The guide stays in evaluation mode."""
        super().train(mode)
        self.guide.eval()
        return self

    def forward(
        self, image: torch.Tensor, crops: torch.Tensor | None = None, boxes: torch.Tensor | None = None
    ) -> torch.Tensor:
        """Logits of images and their crops.

        Args:
            image: (B, 1, S, S) in [0, 1].
            crops: (B, K, s, s) in [0, 1].
            boxes: (B, K, 4), row0, col0, row1, col1 of each crop as shares of the square input, in [0, 1]; four zeros
                for a crop that does not exist, which is then not read.

        Returns:
            (B, C).

        Raises:
            ValueError: no crops, or another shape.
        """
        if crops is None or boxes is None:
            raise ValueError(
                "zoom: the network reads crops beside the image; expected them with their boxes, found none; "
                "cut them with scripts.zoom.crops; for attention and regions use its base model, network.guide"
            )
        self.check_crops(len(image), crops, boxes)
        pixels = (crops.flatten(0, 1)[:, None] - self.mean) / self.std  # (B * K, 3, s, s)
        tokens = self.crop_tokens(self, pixels, boxes.flatten(0, 1))  # (B * K, n, D)
        exists = (boxes[..., 2:] > boxes[..., :2]).all(dim=-1).repeat_interleave(tokens.shape[1], dim=1)  # (B, K * n)
        read = self.reader(tokens.unflatten(0, crops.shape[:2]).flatten(1, 2), exists)
        # The image goes last: what hooks on the blocks keep is then the whole image's.
        return super().forward(image) + read

    def check_crops(self, batch: int, crops: torch.Tensor, boxes: torch.Tensor) -> None:
        """Refuse crops that are not what the network was made for."""
        expected = (batch, self.zoom.count, self.zoom.crop_size, self.zoom.crop_size)
        if tuple(crops.shape) != expected or tuple(boxes.shape) != (*expected[:2], 4):
            raise ValueError(
                f"zoom: wrong shapes; expected crops {expected} and boxes {(*expected[:2], 4)}, "
                f"found {tuple(crops.shape)} and {tuple(boxes.shape)}; cut them with the settings of this network"
            )


class CropReader(nn.Module):
    """Attention pooling of tokens by one learnt query per label, and one weight vector per label, zero at first.

    Args:
        width: D.
        num_labels: C.
    """

    def __init__(self, width: int, num_labels: int) -> None:
        super().__init__()
        self.label_token = nn.Parameter(torch.empty(num_labels, width))
        nn.init.trunc_normal_(self.label_token, std=0.02)
        self.key, self.value = nn.Linear(width, width), nn.Linear(width, width)
        self.weight = nn.Parameter(torch.zeros(num_labels, width))

    def forward(self, tokens: torch.Tensor, exists: torch.Tensor) -> torch.Tensor:
        """Additions to the logits.

        Args:
            tokens: (B, N, D).
            exists: (B, N) bool; the others are not read, and an image without any gets zeros.

        Returns:
            (B, C).
        """
        keys, values = self.key(tokens), self.value(tokens)
        scores = (self.label_token @ keys.transpose(1, 2)).float() / keys.shape[-1] ** 0.5  # (B, C, N)
        scores = scores.masked_fill(~exists[:, None], torch.finfo(scores.dtype).min)
        attention = scores.softmax(dim=-1) * exists[:, None]
        pooled = attention @ values.float()  # (B, C, D)
        return (pooled * self.weight).sum(dim=-1)
