"""Network for guided super-resolution at any scale: a convolution trunk, and transformers in transformers beside it.

The network is inspired by TnTViT-G (reference 1 of the paper), whose code and details are not public; it does not
reproduce it. Common to both are separate streams for region and guide, inner tokens (pixels) that are added to outer
tokens (patches; Han et al. 2021, arXiv 2103.00112), fusion after each stage, and output of any size.

The trunk is the regression network: its sub-pixel convolution gives the detail of scale 4, which is resized to the
wanted size. The transformers read its features, and a local implicit image function (Chen et al. 2021, arXiv
2012.09161) turns theirs into a correction of any size. The last layer of this function starts at zero, so the network
starts as its trunk. An earlier version had no such path: its transformers, whose features are a hundred times larger
than the contrast of the detail, were between the convolutions and the output, and it learnt no detail at all.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..resampling import resize
from .regression_network import RegressionNetwork

PATCH = 4  # side of a patch, in pixels
_HEADS = 4
_MID_GREY, _CONTRAST = 0.5, 0.25  # mean and standard deviation of grey levels, about, to standardise the guide


class GuidedNetwork(nn.Module):
    """Enlarges a region to any size, with a guide or without; untrained, it is bicubic interpolation.

    Args:
        width: number of features of the trunk.
        blocks: number of residual blocks of the trunk.
        residual_std: standard deviation of truth minus trunk, in grey levels of [0, 1]; the unit of the correction.
        pixel_width: number of features of an inner token.
        patch_width: number of features of an outer token.
        stages: number of transformer blocks in each stream; fusion follows each of them.
        guide_channels: number of channels of the guide (surroundings and mask of the region).
    """

    def __init__(
        self,
        width: int = 64,
        blocks: int = 8,
        residual_std: float = 0.01,
        pixel_width: int = 16,
        patch_width: int = 48,
        stages: int = 2,
        guide_channels: int = 2,
    ) -> None:
        super().__init__()
        self.settings = {
            "width": width,
            "blocks": blocks,
            "residual_std": residual_std,
            "pixel_width": pixel_width,
            "patch_width": patch_width,
            "stages": stages,
            "guide_channels": guide_channels,
        }
        self.patch_width, self.residual_std = patch_width, residual_std
        self.trunk = RegressionNetwork(width, blocks)
        self.region_entry = nn.Conv2d(width, pixel_width, 1)
        self.guide_entry = nn.Conv2d(guide_channels, pixel_width, 3, padding=1)
        self.region_stages = nn.ModuleList(TntBlock(pixel_width, patch_width) for _ in range(stages))
        self.guide_stages = nn.ModuleList(TntBlock(pixel_width, patch_width) for _ in range(stages))
        self.fusions = nn.ModuleList(
            nn.MultiheadAttention(patch_width, _HEADS, batch_first=True) for _ in range(stages)
        )
        self.features = nn.Conv2d(width + pixel_width + patch_width, patch_width, 3, padding=1)
        self.implicit = ImplicitFunction(patch_width)

    def forward(self, low_res: Tensor, size: tuple[int, int], guide: Tensor | None, present: Tensor) -> Tensor:
        """Enlarge regions.

        Args:
            low_res: regions (N, 1, h, w) in [0, 1].
            size: height and width of the result.
            guide: guides (N, guide_channels, g, g) in [0, 1], where g is a multiple of 4; ``None`` for no guides.
            present: (N,) 1 for regions whose guide is used, 0 for the others.

        Returns:
            Enlarged regions (N, 1, *size).
        """
        features = self.trunk.features(low_res)
        detail = self.trunk.detail(features)
        if (detail.shape[-2], detail.shape[-1]) != size:
            detail = resize(detail.float(), size)  # torch has no antialiased interpolation of bf16 on a CPU
        correction = self.implicit(self._context(features, guide, present), size)
        return resize(low_res, size) + detail + self.residual_std * correction

    def _context(self, features: Tensor, guide: Tensor | None, present: Tensor) -> Tensor:
        """Features (N, patch_width, h, w) that contain those of the trunk, of pixels, patches and guide."""
        height, width = features.shape[-2:]
        padded = F.pad(features, (0, -width % PATCH, 0, -height % PATCH), mode="replicate")
        grid = (padded.shape[-2] // PATCH, padded.shape[-1] // PATCH)
        tokens = Tokens(self.region_entry(padded), self.patch_width)
        told = None
        if guide is not None:
            told = Tokens(self.guide_entry((guide - _MID_GREY) / _CONTRAST), self.patch_width)
        for region_stage, guide_stage, fusion in zip(self.region_stages, self.guide_stages, self.fusions, strict=True):
            region_stage(tokens)
            if told is not None:
                guide_stage(told)
                fused, _ = fusion(tokens.patches, told.patches, told.patches, need_weights=False)
                tokens.patches = tokens.patches + present[:, None, None] * fused
        joined = torch.cat([padded, _join(tokens.pixels, grid), _spread(tokens.patches, grid)], dim=1)
        return self.features(joined)[..., :height, :width]


class Tokens:
    """Tokens of a stream: inner tokens ``pixels`` (N P, 16, c), and outer tokens ``patches`` (N, P, C), first zero."""

    def __init__(self, features: Tensor, patch_width: int) -> None:
        n, _, height, width = features.shape
        self.pixels = split(features)
        self.patches = features.new_zeros(n, height * width // PATCH**2, patch_width)


class TntBlock(nn.Module):
    """Attention among the pixels of each patch, projection onto the patches, and attention among the patches."""

    def __init__(self, pixel_width: int, patch_width: int) -> None:
        super().__init__()
        self.inner = _encoder_layer(pixel_width)
        self.project = nn.Linear(PATCH**2 * pixel_width, patch_width)
        self.outer = _encoder_layer(patch_width)

    def forward(self, tokens: Tokens) -> None:
        """Update the tokens of a stream."""
        tokens.pixels = self.inner(tokens.pixels)
        projected = self.project(tokens.pixels.flatten(1)).unflatten(0, tokens.patches.shape[:2])
        tokens.patches = self.outer(tokens.patches + projected)


class ImplicitFunction(nn.Module):
    """Values of output pixels from their four nearest features and the offsets from these, blended."""

    def __init__(self, width: int, hidden: int = 32) -> None:
        super().__init__()
        # The first layer is split: one half is computed once per feature, the other once per output pixel.
        self.content = nn.Conv2d(width, hidden, 1)
        self.place = nn.Conv2d(4, hidden, 1, bias=False)
        self.layers = nn.Sequential(nn.ReLU(), nn.Conv2d(hidden, hidden, 1), nn.ReLU(), nn.Conv2d(hidden, 1, 1))
        last: nn.Conv2d = self.layers[-1]  # type: ignore[assignment]
        nn.init.zeros_(last.weight)
        nn.init.zeros_(last.bias)  # type: ignore[arg-type]

    def forward(self, features: Tensor, size: tuple[int, int]) -> Tensor:
        """Values (N, 1, *size) from features (N, C, h, w)."""
        rows, columns = (_neighbours(length, out) for length, out in zip(features.shape[-2:], size, strict=True))
        content, total = self.content(features), features.new_zeros(len(features), 1, *size)
        for row_index, row_offset, row_weight in rows:
            for column_index, column_offset, column_weight in columns:
                where = [row_offset[:, None].expand(size), column_offset[None].expand(size)]
                cell = [torch.full(size, features.shape[axis] / size[axis]) for axis in (-2, -1)]
                place = self.place(torch.stack(where + cell)[None].to(features))
                value = self.layers(content[:, :, row_index][..., column_index] + place)
                total = total + value * (row_weight[:, None] * column_weight[None]).to(features)
        return total


def _neighbours(length: int, out: int) -> list[tuple[Tensor, Tensor, Tensor]]:
    """Index, offset and weight of the two features nearest to each of ``out`` pixels along ``length`` features."""
    place = (torch.arange(out) + 0.5) * length / out - 0.5
    lower = place.floor()
    found = []
    for index, weight in ((lower, 1.0 - (place - lower)), (lower + 1.0, place - lower)):
        found.append((index.long().clamp(0, length - 1), place - index, weight))
    return found


def _encoder_layer(width: int) -> nn.TransformerEncoderLayer:
    """Pre-norm transformer layer whose perceptron has twice the width."""
    return nn.TransformerEncoderLayer(width, _HEADS, 2 * width, dropout=0.0, batch_first=True, norm_first=True)


def split(features: Tensor) -> Tensor:
    """Split features (N, c, h, w) into the pixels of their patches (N P, 16, c)."""
    width = features.shape[1]
    patches = F.unfold(features, PATCH, stride=PATCH).unflatten(1, (width, PATCH**2))  # (N, c, 16, P)
    return patches.permute(0, 3, 2, 1).reshape(-1, PATCH**2, width)


def _join(pixels: Tensor, grid: tuple[int, int]) -> Tensor:
    """Join the pixels of a grid (rows, columns) of patches; the inverse of :func:`split`."""
    count = grid[0] * grid[1]
    patches = pixels.unflatten(0, (-1, count)).permute(0, 3, 2, 1).flatten(1, 2)  # (N, c 16, P)
    return F.fold(patches, (grid[0] * PATCH, grid[1] * PATCH), PATCH, stride=PATCH)


def _spread(patches: Tensor, grid: tuple[int, int]) -> Tensor:
    """Interpolate the features of patches (N, P, C) between their centres, to all pixels (N, C, h, w)."""
    image = patches.transpose(1, 2).unflatten(2, grid)
    return F.interpolate(image, scale_factor=PATCH, mode="bilinear", align_corners=False)
