"""Maps that choose the regions of a data set's films.

A film gets the maps of the network, or those of a network that has not seen it. With the selector ``mean_map``, every
film gets the mean map of the training films of other patients.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import torch

from ..attention import Attention
from ..attention.mean_map import MeanMap
from ..networks.vit_multilabel import ViTMultilabel
from .mean_region_map import films_sha256, mean_region_map, patient_of
from .out_of_fold import OutOfFold
from .region_maps import FilmMaps, check_selector, film_maps
from .regions import MEAN_MAP


@dataclass
class DatasetMaps:
    """Maps of the films of a datalist.

    Attributes:
        selector: selection method of the regions.
        training: items of the training films, for the selector ``mean_map``.
        network: classifier in evaluation mode, on ``device``.
        attend: attention method of the network.
        device: device of the classifier.
        out_of_fold: networks that are used instead of ``network``, each for films that it has not seen; ``None`` if
            there are none.

    Raises:
        ValueError: the selector is not known.
    """

    selector: str
    training: Sequence[dict]
    network: ViTMultilabel
    attend: Attention
    device: torch.device | str
    out_of_fold: OutOfFold | None

    def __post_init__(self) -> None:
        check_selector(self.selector, mean_map=True)

    def hashes(self) -> dict[str, str | None]:
        """Hashes and names of all that the maps depend on, except the network."""
        return {
            "attention": (self.attend if self.out_of_fold is None else self.out_of_fold.attend[0]).name,
            **self._films_hash,
            "folds": None if self.out_of_fold is None else self.out_of_fold.sha256[:16],
            **self._located,
        }

    @property
    def _located(self) -> dict[str, str]:
        """Labels whose maps choose regions, of each network; they are no part of its weights. Empty if unknown."""
        networks = [self.network] if self.out_of_fold is None else self.out_of_fold.networks
        records = [one.located_labels for one in networks]
        return {"located_labels": json.dumps(records)} if any(records) else {}

    @cached_property
    def _films_hash(self) -> dict[str, str]:
        """Hash of the training films, for the selector ``mean_map``; empty for others."""
        return {"mean_map": films_sha256(self.training)[:16]} if self.selector == MEAN_MAP else {}

    @cached_property
    def mean_map(self) -> MeanMap:
        """Mean map of the training films, for the selector ``mean_map``."""
        return mean_region_map(self.training, self.network, self.attend, self.device)

    def of(self, items: Sequence[dict], fitted: torch.Tensor) -> list[FilmMaps]:
        """Maps that choose the regions of a batch of films.

        With ``mean_map``, the mean of a training film leaves out the films of its patient, so that no network needs to
        be left out.

        Args:
            items: B items of the datalist.
            fitted: their images (B, 1, S, S), fitted to the network's input.
        """
        if self.selector == MEAN_MAP:
            means = [self.mean_map.without(patient_of(item)) for item in items]
            return [FilmMaps(mean[None]) for mean in means if mean is not None]
        if self.out_of_fold is not None:
            pairs = zip(items, fitted, strict=True)
            return [self.out_of_fold.maps(item["image"], image) for item, image in pairs]
        return film_maps(self.attend(fitted), self.network.labels)
