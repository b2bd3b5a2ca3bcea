"""Guided super-resolution at any scale from 1.5 to 4.5: inspired by TnTViT-G, not a reproduction (see
:mod:`.networks.guided`).
"""  # noqa: D205

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch

from .data_consistency import data_consistent
from .networks.folder import find_part, hash_parts, load_network
from .networks.guided import GuidedNetwork

SCALES = (1.5, 4.5)
GUIDE_SIZE = 16


class GuidedEnhancer:
    """Enlarges a region, looking at a guide where there is one.

    Args:
        folder: a ``guided/`` that ``run sr_training`` wrote, or the model folder around it.
        scale: output pixels per input pixel; :meth:`enlarge` takes fractions too.
        data_consistency: correct the result until it reduces to its input.
        device: where to run.

    Raises:
        FileNotFoundError: no network there.
        ValueError: its weights do not fit, or a scale that it was not trained for.
    """

    name, needs_native = "guided", False

    def __init__(
        self,
        folder: str | Path,
        *,
        scale: int = 4,
        data_consistency: bool = True,
        device: torch.device | str = "cpu",
    ) -> None:
        check_scale(scale)
        source = find_part(folder, "guided")
        self.device, self.scale, self.data_consistency = torch.device(device), scale, data_consistency
        self.network = load_network(GuidedNetwork, source).to(self.device)
        self.weights_hash = hash_parts(source, settings=(scale, data_consistency))

    def enhance(
        self,
        low_res: torch.Tensor,
        *,
        generators: Sequence[torch.Generator],
        guide: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """(N, 1, h, w) in [0, 1] -> (N, 1, scale * h, scale * w).

        Args:
            low_res: regions.
            generators: not used, the network is deterministic.
            guide: (N, 2, 16, 16) in [0, 1]: the region's surroundings, and the attention on them; ``None``: none.
        """
        high_res = self.enlarge(low_res, self.scale, guide)
        if self.data_consistency:
            high_res = data_consistent(high_res, low_res.float(), self.scale)
        return high_res

    @torch.inference_mode()
    def enlarge(self, low_res: torch.Tensor, scale: float, guide: torch.Tensor | None = None) -> torch.Tensor:
        """(N, 1, h, w) -> (N, 1, H, W) for any scale of the range; H and W are rounded.

        Raises:
            ValueError: a scale outside the range.
        """
        check_scale(scale)
        low_res = low_res.to(self.device, torch.float32)
        size = (round(low_res.shape[-2] * scale), round(low_res.shape[-1] * scale))
        guide = None if guide is None else guide.to(self.device, torch.float32)
        present = torch.ones(len(low_res), device=self.device)
        return self.network(low_res, size, guide, present).cpu()


def check_scale(scale: float) -> None:
    """Refuse a scale that the network was not trained for.

    Raises:
        ValueError: outside ``SCALES``.
    """
    if not SCALES[0] <= scale <= SCALES[1]:
        raise ValueError(
            f"scale: not offered by guided; expected {SCALES[0]} to {SCALES[1]}, found {scale}; choose one of "
            "these, or bicubic"
        )
