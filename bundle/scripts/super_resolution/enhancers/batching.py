"""Regions through an enhancer in batches, and in smaller ones where memory ends."""

from __future__ import annotations

import logging
from collections.abc import Sequence

import torch

from .enhancer import Enhancer, takes_guide

logger = logging.getLogger(__name__)

# What torch says on a CPU and on Apple's GPU, where it has no exception of its own for this.
_SIGNS = ("can't allocate memory", "not enough memory", "out of memory")


def enhance_batches(
    enhancer: Enhancer,
    low_res: Sequence[torch.Tensor],
    generators: Sequence[torch.Generator],
    batch: int,
    guides: Sequence[torch.Tensor] = (),
) -> list[torch.Tensor]:
    """Enhance regions of one size.

    Args:
        enhancer: super-resolution.
        low_res: (1, h, w) per region.
        generators: one per region; after a failure they are set back, so the result is that of enough memory.
        batch: regions at once, to begin with.
        guides: (C, g, g) per region, for an enhancer that takes one.

    Returns:
        (1, s * h, s * w) per region.

    Raises:
        MemoryError: a single region does not fit.
    """
    results: list[torch.Tensor] = []
    while len(results) < len(low_res):
        part = slice(len(results), len(results) + batch)
        states = [generator.get_state() for generator in generators[part]]
        try:
            results.extend(_enhance_batch(enhancer, low_res[part], generators[part], guides[part]))
        except (RuntimeError, MemoryError) as error:
            if not _is_out_of_memory(error):
                raise
            count, size = len(states), "x".join(str(length) for length in low_res[part.start].shape[-2:])
            if count == 1:
                raise MemoryError(
                    f"{enhancer.name}: out of memory; expected room for one region of {size} pixels, found too little; "
                    "set a smaller window or working_size"
                ) from error
            batch = count // 2
            logger.warning(
                "%s: out of memory with %d regions of %s pixels at once; going on with %d",
                enhancer.name, count, size, batch,
            )  # fmt: skip
            for generator, state in zip(generators[part], states, strict=True):
                generator.set_state(state)
    return results


def _enhance_batch(
    enhancer: Enhancer,
    low_res: Sequence[torch.Tensor],
    generators: Sequence[torch.Generator],
    guides: Sequence[torch.Tensor],
) -> torch.Tensor:
    """Regions (1, h, w) of one size at once: (N, 1, s * h, s * w)."""
    regions = torch.stack(list(low_res))
    if takes_guide(enhancer) and guides:
        return enhancer.enhance(regions, generators=generators, guide=torch.stack(list(guides)))
    return enhancer.enhance(regions, generators=generators)


def _is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that memory ended."""
    if isinstance(error, (torch.OutOfMemoryError, MemoryError)):
        return True
    return any(sign in str(error).lower() for sign in _SIGNS)
