"""Enhancement of regions in batches, which are made smaller when memory runs out."""

from __future__ import annotations

import logging
from collections.abc import Sequence

import torch

from .enhancer import Enhancer, takes_guide

logger = logging.getLogger(__name__)

# Parts of torch's messages on a CPU and on Apple's GPU, where it raises a plain RuntimeError.
_SIGNS = ("can't allocate memory", "not enough memory", "out of memory")


def enhance_batches(
    enhancer: Enhancer,
    low_res: Sequence[torch.Tensor],
    generators: Sequence[torch.Generator],
    batch: int,
    guides: Sequence[torch.Tensor] = (),
) -> list[torch.Tensor]:
    """Enhance regions of equal size.

    Args:
        enhancer: super-resolution method.
        low_res: one region (1, h, w) each.
        generators: one random generator per region. They are reset before a batch is repeated, so the result does not
            depend on the available memory.
        batch: initial number of regions per batch.
        guides: one guide (C, g, g) per region, for an enhancer that takes guides.

    Returns:
        One enhanced region (1, s * h, s * w) each.

    Raises:
        MemoryError: a single region does not fit into memory.
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
                    f"{enhancer.name}: out of memory; expected enough for one region of {size} pixels, found less; "
                    "set a smaller window or working_size"
                ) from error
            batch = count // 2
            logger.warning(
                "%s: out of memory with %d regions of %s pixels per batch; continuing with %d",
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
    """Enhance N regions (1, h, w) of equal size in one batch: (N, 1, s * h, s * w)."""
    regions = torch.stack(list(low_res))
    if takes_guide(enhancer) and guides:
        return enhancer.enhance(regions, generators=generators, guide=torch.stack(list(guides)))
    return enhancer.enhance(regions, generators=generators)


def _is_out_of_memory(error: BaseException) -> bool:
    """Whether an error reports that memory ran out."""
    if isinstance(error, (torch.OutOfMemoryError, MemoryError)):
        return True
    return any(sign in str(error).lower() for sign in _SIGNS)
