"""Mean maps of a method over the films of other patients: the control that shows whether a map follows its film."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch

from ...attention import AttentionOutput
from ...attention.mean_map import other_means
from .film_dependence import film_dependence

PREFIX = "mean_map:"


class MeanMaps:
    """Mean maps of each method, for each film the mean over the films of all other patients.

    Args:
        outputs: for each image number, the outputs of the methods for a batch of this image alone.
        patients: patient number of each image number in ``outputs``, in the same order.
        labels: labels of the network.
    """

    def __init__(
        self, outputs: Mapping[int, Mapping[str, AttentionOutput]], patients: Sequence[int], labels: list[str]
    ) -> None:
        self.position = {number: index for index, number in enumerate(outputs)}
        methods = list(next(iter(outputs.values()), {}))
        stacked = {name: torch.cat([found[name].maps for found in outputs.values()]) for name in methods}
        chosen = {name: torch.cat([found[name].region_maps(labels) for found in outputs.values()]) for name in methods}
        self.means = {name: other_means(maps, patients) for name, maps in stacked.items()}
        self.region_means = {name: other_means(maps, patients) for name, maps in chosen.items()}
        self.dependence = {name: film_dependence(maps, patients) for name, maps in chosen.items()}

    def maps(self, label: int, number: int) -> dict[str, list[torch.Tensor]]:
        """Mean map (h, w) of each method for a label and an image number; empty if there is no other patient."""
        place = self.position[number]
        found = {name: means[place] for name, means in self.means.items() if means is not None}
        return {PREFIX + name: [one if one.ndim == 2 else one[label]] for name, one in found.items()}

    def region_maps(self, number: int) -> dict[str, list[torch.Tensor]]:
        """Mean (h, w) of the maps that choose regions, of each method for an image number."""
        place = self.position[number]
        return {PREFIX + name: [means[place]] for name, means in self.region_means.items() if means is not None}
