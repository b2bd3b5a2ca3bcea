"""Maps that choose the regions of a case, each from a model that has not seen its patient.

The maps of every case come from one of K models, each trained without a part of the training patients: those of a
training case from the model that was trained without its patient, those of another case from one of the K models, which
its patient decides. A model that has memorised its training images would choose better regions in them than in new
images, and the mean of K models would choose better ones in the images that none of them has seen.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch

from ...attention import default_method, make_attention
from ...common.atomic import atomic_write
from ...common.geometry import fit_square
from ...networks.loading import load_vit_multilabel
from .cases import Case, Cases
from .protocol import plan_fits
from .view_data import write_cases
from .views import read_source


class FoldMaps:
    """Maps of K fold models, computed once.

    Args:
        folder: folder of the models, and of ``attention.npy`` with the maps.
        images: folder of the images of the cases, by the names of the cases.
        folds: number K of models.
        train: function that trains a fold model from its number and its datalist, and returns the folder of the model.
            It must return a finished model without training it again.
    """

    def __init__(self, folder: Path, images: Path, folds: int, train: Callable[[int, Path], Path]) -> None:
        self.path, self.images, self.folds, self.train = folder / "attention.npy", images, folds, train

    def of_cases(self, cases: Cases) -> list[torch.Tensor]:
        """Map (h, w) of each case."""
        if not self.path.exists():
            maps = self.computed(cases)
            with atomic_write(self.path) as file:
                np.save(file, maps)
        return list(torch.from_numpy(np.load(self.path)))

    def computed(self, cases: Cases) -> np.ndarray:
        """Maps (N, h, w) of the N cases."""
        training = cases.splits == "training"
        parts: list[tuple[np.ndarray, np.ndarray]] = []
        for number, fit in enumerate(plan_fits(cases.splits, cases.patients, 0, self.folds)):
            fitted = training & (fit.weights > 0)
            kept = [case for case, use in zip(cases.cases, fitted | (cases.splits == "validation"), strict=True) if use]
            datalist = write_cases(self.images, Cases(cases.labels, kept), f"fold{number}.json")
            model = self.train(number, datalist)
            chosen = np.flatnonzero(fit.evaluated)  # the patients of all splits are spread over the folds
            parts.append((chosen, self.of_model([cases.cases[index] for index in chosen], model)))
        order = np.argsort(np.concatenate([chosen for chosen, _ in parts]))
        return np.concatenate([maps for _, maps in parts])[order].astype(np.float32)

    @torch.inference_mode()
    def of_model(self, cases: Sequence[Case], model: Path) -> np.ndarray:
        """Maps (M, h, w) of M cases by one model."""
        network = load_vit_multilabel(model)
        attend, maps = make_attention(default_method(network), network), []
        for case in cases:
            image = read_source(self.images / case.name, None).image
            output = attend(fit_square(image, network.image_size)[None])
            maps.append(output.region_maps(list(network.labels or []))[0].numpy())
        return np.stack(maps) if maps else np.empty((0, *network.patch_grid))
