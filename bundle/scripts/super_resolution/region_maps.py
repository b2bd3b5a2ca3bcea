"""Maps that choose the regions of a film, and the labels that they belong to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from ..attention import AttentionOutput
from ..common.choices import check_choice
from .regions import MEAN_MAP, SELECTORS


@dataclass(frozen=True)
class FilmMaps:
    """Maps whose sum chooses the regions of one film.

    Attributes:
        maps: (L, h, w) on the patch grid of the network's square input.
        labels: L names; ``None`` for a map that belongs to no label.
    """

    maps: torch.Tensor
    labels: Sequence[str | None] = (None,)


def film_maps(output: AttentionOutput, labels: Sequence[str] | None) -> list[FilmMaps]:
    """Maps that choose the regions of each film of a batch.

    A method with a map per label gives the part of each label, see :meth:`..attention.AttentionOutput.label_parts`;
    another method gives its only map, which belongs to no label.

    Args:
        output: logits and maps of B films, with C labels.
        labels: names of the C labels; ``None`` if they have no names.
    """
    if not output.per_label:
        return [FilmMaps(one[None]) for one in output.maps.cpu()]
    names: Sequence[str | None] = labels or [None] * output.maps.shape[1]
    return [FilmMaps(parts, names) for parts in output.label_parts(labels).cpu()]


def check_selector(selector: str, *, mean_map: bool = False) -> None:
    """Check that a selector is known, and that a mean map is there if it needs one.

    Args:
        selector: name of a selector.
        mean_map: whether the caller has a mean map of training films.

    Raises:
        ValueError: the selector is not known, or is ``mean_map`` without such a map.
    """
    check_choice("selector", selector, SELECTORS)
    if selector == MEAN_MAP and not mean_map:
        raise ValueError(
            "selector: mean_map takes its map from the training films; expected the workflow enhancing, zooming or "
            "ablation, found another; set fixed_windows"
        )
