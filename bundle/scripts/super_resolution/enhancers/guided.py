"""Guided super-resolution at any scale from 1.5 to 4.5.

The method is inspired by TnTViT-G but does not reproduce it (see :mod:`..networks.guided_network`).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
import torch.nn.functional as F

from ..networks.guided_network import PATCH, GuidedNetwork
from ..networks.weight_folder import find_part, hash_parts, load_network
from ..resampling import resize
from .data_consistency import data_consistent

SCALES = (1.5, 4.5)
_GUIDE_SIZE = 16
_SURROUNDINGS = 4 / 3  # side relative to that of the region; in training it is 1 to 3


class GuidedEnhancer:
    """Enlarges a region, with a guide or without.

    Args:
        folder: model folder that ``run sr_training`` wrote, or its part ``guided/``.
        scale: output pixels per input pixel; :meth:`enlarge` also takes fractions.
        data_consistency: whether to correct the result until it reduces to its input.
        device: device of the network.

    Raises:
        FileNotFoundError: the folder has no such network.
        ValueError: the weights do not fit, or the network was not trained for the scale.
    """

    name, needs_native, takes_guide = "guided", False, True

    def __init__(
        self,
        folder: str | Path,
        *,
        scale: int = 4,
        data_consistency: bool = True,
        device: torch.device | str = "cpu",
    ) -> None:
        _check_scale(scale)
        source = find_part(folder, "guided")
        self.device, self.scale, self.data_consistency = torch.device(device), scale, data_consistency
        self.network = load_network(GuidedNetwork, source).to(self.device)
        self.weights_hash = hash_parts(source, settings=(scale, data_consistency, _SURROUNDINGS))

    def enhance(
        self,
        low_res: torch.Tensor,
        *,
        generators: Sequence[torch.Generator],
        guide: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """Enlarge regions to (N, 1, scale * h, scale * w).

        Args:
            low_res: regions (N, 1, h, w) in [0, 1].
            generators: not used; the network is deterministic.
            guide: guides (N, 2, g, g) in [0, 1] from :meth:`make_guide`; ``None`` to enlarge without guides.

        Raises:
            ValueError: the guides are not as many, or not of the size that the network needs.
        """
        return self.enlarge(low_res, self.scale, guide)

    def make_guide(self, image: torch.Tensor, box: tuple[int, int, int, int]) -> torch.Tensor:
        """Guide (2, 16, 16) of an attended region (row0, col0, row1, col1) in an image (1, H, W)."""
        around = _surroundings_of(box, (image.shape[-2], image.shape[-1]))
        window = image[None, :, around[0] : around[2], around[1] : around[3]]
        row, column = box[0] - around[0], box[1] - around[1]
        return make_guide(window, (row, column, row + box[2] - box[0], column + box[3] - box[1]))[0]

    @torch.inference_mode()
    def enlarge(self, low_res: torch.Tensor, scale: float, guide: torch.Tensor | None = None) -> torch.Tensor:
        """Enlarge (N, 1, h, w) by a scale from 1.5 to 4.5; the size of the result is rounded.

        Raises:
            ValueError: the scale is outside this range, or the guides do not fit.
        """
        _check_scale(scale)
        low_res = low_res.to(self.device, torch.float32)
        size = (round(low_res.shape[-2] * scale), round(low_res.shape[-1] * scale))
        if guide is not None:
            self._check_guide(guide, len(low_res))
            guide = guide.to(self.device, torch.float32)
        high_res = self.network(low_res, size, guide, torch.ones(len(low_res), device=self.device))
        if self.data_consistency:
            high_res = data_consistent(high_res, low_res)
        return high_res.cpu()

    def _check_guide(self, guide: torch.Tensor, count: int) -> None:
        """Check the shape of the guides.

        Raises:
            ValueError: it is not (count, channels, g, g) with g a multiple of the side of a patch.
        """
        channels = self.network.settings["guide_channels"]
        rows, columns = guide.shape[-2:]
        if guide.ndim != 4 or tuple(guide.shape[:2]) != (count, channels) or rows % PATCH or columns % PATCH:
            raise ValueError(
                f"guide: does not fit the regions; expected shape ({count}, {channels}, g, g) with g a multiple of "
                f"{PATCH}, found {tuple(guide.shape)}; take that of make_guide for every region"
            )


def make_guide(surroundings: torch.Tensor, box: tuple[int, int, int, int]) -> torch.Tensor:
    """Guide (N, 2, 16, 16) in [0, 1]: reduced surroundings (N, 1, H, W), and the attended box in them as a mask."""
    context = resize(surroundings, (_GUIDE_SIZE, _GUIDE_SIZE)).clamp(0.0, 1.0)
    mask = torch.zeros_like(surroundings)
    mask[..., box[0] : box[2], box[1] : box[3]] = 1.0
    return torch.cat([context, F.interpolate(mask, size=(_GUIDE_SIZE, _GUIDE_SIZE), mode="area")], dim=1)


def _surroundings_of(box: tuple[int, int, int, int], shape: tuple[int, int]) -> tuple[int, int, int, int]:
    """Box around a region, shifted to lie inside the image, and cut if the image is smaller."""
    starts, ends = [], []
    for low, high, length in zip(box[:2], box[2:], shape, strict=True):
        side = min(length, round((high - low) * _SURROUNDINGS))
        start = min(max(0, (low + high - side) // 2), length - side)
        starts.append(start)
        ends.append(start + side)
    return starts[0], starts[1], ends[0], ends[1]


def _check_scale(scale: float) -> None:
    """Check that the network was trained for a scale.

    Raises:
        ValueError: the scale is outside ``SCALES``.
    """
    if not SCALES[0] <= scale <= SCALES[1]:
        raise ValueError(
            f"scale: not offered by guided; expected {SCALES[0]} to {SCALES[1]}, found {scale}; choose such a scale, "
            "or bicubic"
        )
