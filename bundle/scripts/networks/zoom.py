"""A classifier that reads K magnified regions of a radiograph beside the whole image, with the same weights.

Each region is cut from the source at its native resolution (:mod:`..zoom.crops`) and resized to s x s pixels. The
patches of a crop get the position embeddings of their place in the whole image and an embedding of the magnification.
The design follows the global and local branches of AG-CNN (arXiv:1801.09927), with one network for both; the attention
of a frozen copy of the classifier chooses the regions.

The image and its crops pass through the backbone separately, because mixing their tokens would change the output of a
pretrained network. Each label has its own query to the tokens of the crops, since different labels depend on different
places. A layer that starts at zero adds the result to the logits, so an untrained zoom network equals its base model.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Self

import torch
from torch import nn

from ..common.choices import check_choice, check_keys
from .param_groups import freeze_blocks
from .pretrained import only_known_fields
from .vit_multilabel import ViTMultilabel
from .zoom_tokens import CropTokens

_SOURCES = ("native", "sr", "auto")
KEYS = ("zoom", "zoom_boxes")  # crops and boxes of an item, beside its image


@dataclass(frozen=True)
class ZoomSettings:
    """Settings of the regions that a zoom network reads.

    They are saved with the weights, so that prediction cuts the same crops as training.

    Attributes:
        count: K, regions per image.
        window: side of a region, in pixels of the network's input.
        crop_size: s, side of a crop in pixels; the magnification is s / window.
        source: ``native`` takes the pixels of the source, ``sr`` those of the enhancer; ``auto`` takes native pixels if
            the region is at least s pixels wide, and the enhancer's otherwise.
        selector: method that chooses the regions: ``fixed_windows`` or ``quantile``; ``random``, ``lowest`` and
            ``mean_map`` are controls.
        attention: attention method of the guide, whose maps choose the regions.
        enhancer: name of the enhancer that ``sr`` and ``auto`` use.
        enhancer_weights: hash of the enhancer's weights; prediction rejects an enhancer with another hash.
        working_size: longer side, in pixels, of the image that the enhancer of ``sr`` starts from; ``None`` keeps the
            size of the source.
        seed: seed of the enhancer's noise and of the ``random`` selector.

    Raises:
        ValueError: if the source is unknown, or a count or size is not positive.
    """

    count: int = 4
    window: int = 32
    crop_size: int = 112
    source: str = "auto"
    selector: str = "fixed_windows"
    attention: str = "last_cls"
    enhancer: str = "native"
    enhancer_weights: str = "none"
    working_size: int | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        check_choice("zoom_source", self.source, _SOURCES)
        for name in ("count", "window", "crop_size"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name}: no region can be cut; expected 1 or more, found {getattr(self, name)}")


class ZoomViT(ViTMultilabel):
    """A trained classifier that also reads crops; without training it gives the logits of ``base``.

    Args:
        base: trained classifier. Its weights are copied into this network, and a frozen copy becomes :attr:`guide`.
        zoom: settings of the regions, or a mapping of their values; ``None`` uses the defaults.
        drop_path: probability of skipping a sub-layer of the last block in training, see :class:`.ViTMultilabel`.
        frozen_blocks: number of first blocks that keep their weights in training, with the embeddings of the image and
            of the magnification.
        mean_map: map (h, w) of the training films, for the selector ``mean_map``; ``None`` before weights are loaded.

    Attributes:
        guide: frozen copy of the base model; its attention chooses the regions in training and in prediction.
        mean_map: map (h, w), saved with the weights; ``None`` for selectors other than ``mean_map``.

    Raises:
        ValueError: if the crop size is not a multiple of the patch size, or ``base`` is itself a zoom network.
    """

    def __init__(
        self,
        base: ViTMultilabel,
        zoom: ZoomSettings | Mapping[str, Any] | None = None,
        drop_path: float = 0.0,
        frozen_blocks: int = 0,
        mean_map: torch.Tensor | None = None,
    ) -> None:
        if isinstance(base, ZoomViT):
            raise ValueError("base: reads crops itself; expected a plain classifier, found a ZoomViT; take its guide")
        with torch.random.fork_rng(devices=[]):  # these initial weights are replaced: they must not move the seed
            super().__init__(
                architecture=only_known_fields(base.backbone.config.to_diff_dict()),
                num_labels=base.num_labels,
                labels=base.labels,
                image_size=base.image_size,
                pool=base.pool,
                label_blocks=base.label_blocks,
                conv_branch=base.conv_branch,
                patch_head=base.patch_head is not None,
                drop_path=drop_path,
            )
        self.load_state_dict(base.state_dict())
        self.located_labels = base.located_labels
        if not isinstance(zoom, ZoomSettings):
            check_keys("zoom", zoom or {}, [field.name for field in fields(ZoomSettings)])
            zoom = ZoomSettings(**(zoom or {}))
        self.zoom = zoom
        self.crop_tokens = CropTokens(self.backbone, self.zoom.crop_size)
        freeze_blocks(self, frozen_blocks)
        if frozen_blocks:
            self.crop_tokens.requires_grad_(False)
        self.reader = CropReader(self.backbone.config.hidden_size, self.num_labels)
        self.mean_map: torch.Tensor | None
        self.register_buffer("mean_map", self._check_mean_map(mean_map))
        self.guide = copy.deepcopy(base).requires_grad_(False).eval()
        self.train(base.training)

    @classmethod
    def _untrained(
        cls, architecture: Mapping[str, Any], labels: Sequence[str], preprocessing: Mapping[str, Any], folder: Path
    ) -> Self:
        if "zoom" not in preprocessing:
            raise ValueError(
                f"{folder}: the network does not read crops; expected a ZoomViT, found a plain classifier; load it "
                "with load_vit_multilabel or ViTMultilabel.from_pretrained"
            )
        plain = {key: value for key, value in preprocessing.items() if key != "zoom"}
        return cls(ViTMultilabel._untrained(architecture, labels, plain, folder), preprocessing["zoom"])

    @property
    def settings(self) -> dict[str, Any]:
        """Zoom settings as plain values, for ``metadata.json``, and for the settings of a training (zoom.yaml)."""
        return asdict(self.zoom)

    def _check_mean_map(self, given: torch.Tensor | None) -> torch.Tensor | None:
        """Mean map (h, w) in float32, zeros where none is given; ``None`` for another selector.

        Raises:
            ValueError: the given map has another shape.
        """
        if self.zoom.selector != "mean_map":
            return None
        if given is None:
            return torch.zeros(self.patch_grid)
        if tuple(given.shape) != tuple(self.patch_grid):
            raise ValueError(
                f"mean_map: does not fit the network; expected the shape {tuple(self.patch_grid)}, found "
                f"{tuple(given.shape)}; compute it with the base of this network"
            )
        return given.float()

    def train(self, mode: bool = True) -> ZoomViT:
        """Set the training mode of all modules but the guide, which stays in evaluation mode."""
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
            boxes: (B, K, 4), row0, col0, row1, col1 of each crop as fractions of the square input, in [0, 1]; four
                zeros mark a missing crop, which is ignored.

        Returns:
            Logits (B, C).

        Raises:
            ValueError: if the crops or boxes are absent or have another shape.
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
        # The image passes last, so that hooks on the blocks end up with the values of the whole image.
        return self.image_logits(image) + read

    def check_crops(self, batch: int, crops: torch.Tensor, boxes: torch.Tensor) -> None:
        """Reject crops and boxes whose shapes do not match the settings of the network."""
        expected = (batch, self.zoom.count, self.zoom.crop_size, self.zoom.crop_size)
        if tuple(crops.shape) != expected or tuple(boxes.shape) != (*expected[:2], 4):
            raise ValueError(
                f"zoom: wrong shapes; expected crops {expected} and boxes {(*expected[:2], 4)}, "
                f"found {tuple(crops.shape)} and {tuple(boxes.shape)}; cut them with the settings of this network"
            )


class CropReader(nn.Module):
    """Pools the tokens of the crops by attention, with one learnt query and one output vector per label.

    The output vectors start at zero.

    Args:
        width: D, number of features of a token.
        num_labels: C, number of labels.
    """

    def __init__(self, width: int, num_labels: int) -> None:
        super().__init__()
        self.label_token = nn.Parameter(torch.empty(num_labels, width))
        nn.init.trunc_normal_(self.label_token, std=0.02)
        self.key, self.value = nn.Linear(width, width), nn.Linear(width, width)
        self.weight = nn.Parameter(torch.zeros(num_labels, width))

    def forward(self, tokens: torch.Tensor, exists: torch.Tensor) -> torch.Tensor:
        """Return what the crops add to the logits.

        Args:
            tokens: tokens of all crops of an image, (B, N, D).
            exists: (B, N) bool, False for tokens of missing crops, which are ignored.

        Returns:
            Additions (B, C); zeros for an image without crops.
        """
        keys, values = self.key(tokens), self.value(tokens)
        scores = (self.label_token @ keys.transpose(1, 2)).float() / keys.shape[-1] ** 0.5  # (B, C, N)
        scores = scores.masked_fill(~exists[:, None], torch.finfo(scores.dtype).min)
        attention = scores.softmax(dim=-1) * exists[:, None]
        pooled = attention @ values.float()  # (B, C, D)
        return (pooled * self.weight).sum(dim=-1)
