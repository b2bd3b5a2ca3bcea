"""What the selector of a new zoom network needs beside the film, from the base model and its training films."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from ..attention import make_attention
from ..calibration.calibration_file import load_decision_rules
from ..networks.vit_multilabel import ViTMultilabel
from ..networks.zoom import ZoomSettings
from ..super_resolution.mean_region_map import mean_region_map
from ..super_resolution.region_maps import check_selector
from ..super_resolution.regions import FINDINGS, MEAN_MAP


def region_data(
    base: ViTMultilabel,
    zoom: ZoomSettings,
    folder: str | Path,
    items: Sequence[Mapping[str, Any]],
    device: torch.device | str = "cpu",
) -> torch.Tensor | None:
    """Region data of :class:`..networks.zoom.ZoomViT`; ``None`` for a selector that needs none.

    The mean map is that of all training films. It travels with the network, so that a film of another patient gets the
    regions of the mean map of other patients; in training, the share of a film in its own map is one of the number of
    films.

    Args:
        base: base model.
        zoom: settings of the regions.
        folder: model folder of ``base``, whose thresholds decide for ``findings``.
        items: training items of the datalist.
        device: device for the maps.

    Raises:
        ValueError: the selector is not known or does not suit the attention method, the thresholds do not fit the
            model, or the training films are of fewer than two patients.
    """
    guide = copy.deepcopy(base).eval()
    attend = make_attention(zoom.attention, guide)
    check_selector(zoom.selector, attend, guide.labels, mean_map=True)
    if zoom.selector == FINDINGS:
        return torch.from_numpy(load_decision_rules(folder, list(guide.labels or [])))
    if zoom.selector == MEAN_MAP:
        return mean_region_map(items, guide.to(device), attend, device).without(None)
    return None
