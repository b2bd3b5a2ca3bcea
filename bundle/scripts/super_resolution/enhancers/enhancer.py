"""The interface of all enhancers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, TypeGuard

import torch


class Enhancer(Protocol):
    """Super-resolution method for regions.

    Attributes:
        name: name of the method, as in the manifest.
        scale: output pixels per input pixel.
        weights_hash: hash of the loaded weights and of the settings that affect the pixels; ``none`` without weights.
        needs_native: whether the method takes and returns regions at the resolution of the source image instead of the
            working resolution.
    """

    name: str
    scale: int
    weights_hash: str
    needs_native: bool

    def enhance(self, low_res: torch.Tensor, *, generators: Sequence[torch.Generator]) -> torch.Tensor:
        """Enlarge regions.

        Args:
            low_res: regions (N, 1, h, w) in [0, 1].
            generators: one CPU random generator per region, so that a result does not depend on its batch.

        Returns:
            Enhanced regions (N, 1, scale * h, scale * w).
        """
        ...


class GuidableEnhancer(Enhancer, Protocol):
    """Enhancer that also uses the surroundings of a region; its ``takes_guide`` is true."""

    takes_guide: bool

    def enhance(
        self, low_res: torch.Tensor, *, generators: Sequence[torch.Generator], guide: torch.Tensor | None = None
    ) -> torch.Tensor:
        """Enlarge regions, with one guide (C, g, g) from :meth:`make_guide` for each, or without guides."""
        ...

    def make_guide(self, image: torch.Tensor, box: tuple[int, int, int, int]) -> torch.Tensor:
        """Guide (C, g, g) of a region (row0, col0, row1, col1) in an image (1, H, W) in [0, 1]."""
        ...


def takes_guide(enhancer: Enhancer) -> TypeGuard[GuidableEnhancer]:
    """Whether an enhancer takes guides."""
    return getattr(enhancer, "takes_guide", False)
