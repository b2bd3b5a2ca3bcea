"""The interface of all enhancers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, TypeGuard

import torch


class Enhancer(Protocol):
    """What makes a region larger.

    Attributes:
        name: short, for the manifest.
        scale: output pixels per input pixel.
        weights_hash: of the files it loaded, and of its settings that decide pixels; ``none`` without weights.
        needs_native: it gets the region's pixels at the source's resolution instead of the working one, and returns
        them.
    """

    name: str
    scale: int
    weights_hash: str
    needs_native: bool

    def enhance(self, low_res: torch.Tensor, *, generators: Sequence[torch.Generator]) -> torch.Tensor:
        """(N, 1, h, w) in [0, 1] -> (N, 1, scale * h, scale * w); one CPU generator per region, so that a result does
        not depend on what it is batched with.
        """  # noqa: D205
        ...


class GuidableEnhancer(Enhancer, Protocol):
    """An enhancer that is also told what lies around a region; ``takes_guide`` tells it from the others."""

    takes_guide: bool

    def enhance(
        self, low_res: torch.Tensor, *, generators: Sequence[torch.Generator], guide: torch.Tensor | None = None
    ) -> torch.Tensor:
        """The same, with a guide (N, C, g, g) in [0, 1], of :meth:`make_guide`; ``None``: without."""
        ...

    def make_guide(self, image: torch.Tensor, box: tuple[int, int, int, int]) -> torch.Tensor:
        """(1, H, W) in [0, 1] and a region (row0, col0, row1, col1) in it -> its guide (C, g, g)."""
        ...


def takes_guide(enhancer: Enhancer) -> TypeGuard[GuidableEnhancer]:
    """Whether an enhancer is to be told what lies around a region."""
    return getattr(enhancer, "takes_guide", False)
