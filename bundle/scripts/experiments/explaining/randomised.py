"""Sanity check with randomised weights (Adebayo et al. 2018, arXiv:1810.03292): a map must depend on the training.

Weights are redrawn from the head down to the first block. If the maps of a method do not change, they show edges or
positions and do not explain the network. Maps of attention alone do not use the head, so their first value is 1.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import torch
from scipy.stats import spearmanr
from torch import nn

from ...attention import Attention
from ...networks.blocks import blocks_of
from ...networks.vit_multilabel import ViTMultilabel

SHARES = {"head": 0.0, "last third": 1 / 3, "last two thirds": 2 / 3, "all blocks": 1.0}
Methods = Mapping[str, Attention]
Similarity = dict[str, dict[str, float | None]]


def randomised_similarity(
    network: ViTMultilabel,
    make: Callable[[ViTMultilabel], Methods],
    images: torch.Tensor,
    labels: Sequence[int],
    seed: int,
) -> Similarity:
    """Mean rank correlation of the maps of randomised networks with those of the trained network.

    Args:
        network: trained network; it is copied.
        make: function that returns the methods of a network.
        images: images (B, 1, S, S).
        labels: for each image, the label whose map is compared.
        seed: seed of the new weights.

    Returns:
        Correlation for each method and stage; ``None`` if every map is flat.
    """
    trained = _maps_of(make(network), images, labels)
    changed = copy.deepcopy(network)
    generator = torch.Generator().manual_seed(seed)
    _randomise(changed.head, generator)
    blocks = list(blocks_of(changed.backbone))[::-1]
    found: Similarity = {name: {} for name in trained}
    done = 0
    for stage, share in SHARES.items():
        for block in blocks[done : round(share * len(blocks))]:
            _randomise(block, generator)
        done = round(share * len(blocks))
        for name, maps in _maps_of(make(changed), images, labels).items():
            found[name][stage] = _mean_correlation(trained[name], maps)
    return found


def _randomise(module: nn.Module, generator: torch.Generator) -> None:
    """Draw new weights from a normal distribution with the mean and standard deviation of the old weights."""
    with torch.no_grad():
        for parameter in module.parameters():
            deviation, mean = torch.std_mean(parameter, unbiased=False)
            noise = torch.randn(parameter.shape, generator=generator).to(parameter)
            parameter.copy_(mean + deviation * noise)


def _maps_of(methods: Methods, images: torch.Tensor, labels: Sequence[int]) -> dict[str, np.ndarray]:
    """Flattened maps (B, h w) of each method, of one label for each image."""
    found = {}
    for name, method in methods.items():
        maps = method(images).maps
        chosen = maps if maps.ndim == 3 else maps[torch.arange(len(images)), list(labels)]
        found[name] = chosen.flatten(1).cpu().numpy()
    return found


def _mean_correlation(first: np.ndarray, second: np.ndarray) -> float | None:
    """Mean of Spearman's coefficient over the images for which neither map is constant."""
    pairs = [pair for pair in zip(first, second, strict=True) if all(np.ptp(values) > 0 for values in pair)]
    return float(np.mean([spearmanr(*pair).statistic for pair in pairs])) if pairs else None
