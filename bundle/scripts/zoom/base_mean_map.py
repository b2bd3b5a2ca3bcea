"""Mean map of the base model over its training films, for a new zoom network with the selector ``mean_map``."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any

import torch

from ..attention import make_attention
from ..networks.vit_multilabel import ViTMultilabel
from ..networks.zoom import ZoomSettings
from ..super_resolution.mean_region_map import mean_region_map
from ..super_resolution.region_maps import check_selector
from ..super_resolution.regions import MEAN_MAP


def base_mean_map(
    base: ViTMultilabel,
    zoom: ZoomSettings,
    items: Sequence[Mapping[str, Any]],
    device: torch.device | str = "cpu",
) -> torch.Tensor | None:
    """Mean map (h, w) of all training films; ``None`` for another selector.

    It travels with the network, so that a film of another patient gets the regions of the mean map of other patients;
    in training, the share of a film in its own map is one of the number of films.

    Args:
        base: base model.
        zoom: settings of the regions.
        items: training items of the datalist.
        device: device for the maps.

    Raises:
        ValueError: the selector is not known, or the training films are of fewer than two patients.
    """
    check_selector(zoom.selector, mean_map=True)
    if zoom.selector != MEAN_MAP:
        return None
    guide = copy.deepcopy(base).eval().to(device)
    return mean_region_map(items, guide, make_attention(zoom.attention, guide), device).without(None)
