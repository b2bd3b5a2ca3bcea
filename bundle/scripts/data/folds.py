"""Folds of patients: training splits that each leave a part of the patients out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from .datalist import Datalist, anonymous_groups


def fold_numbers(patients: np.ndarray, folds: int, seed: int) -> np.ndarray:
    """Fold (N,) in 0 … ``folds`` - 1 of each film; the films of a patient share one, and folds are of equal size.

    Args:
        patients: (N,) numbers of the patients.
        folds: number of folds.
        seed: seed of the order of the patients.
    """
    names, place = np.unique(patients, return_inverse=True)
    return (np.random.default_rng(seed).permutation(len(names)) % folds)[place]


def without_folds(datalist: Datalist, folds: int, seed: int = 0) -> Iterator[Datalist]:
    """Yield, for each fold, the datalist without the training films of the patients in this fold.

    Args:
        datalist: all films; validation and test stay as they are.
        folds: number of folds.
        seed: see :func:`fold_numbers`.

    Raises:
        ValueError: there are fewer training patients than folds.
    """
    training = datalist.splits["training"]
    patients = np.array(anonymous_groups(training))
    count = len(np.unique(patients))
    if count < folds:
        raise ValueError(
            f"folds: expected at least one training patient for each of the {folds} folds, found {count} patients; set "
            "fewer folds"
        )
    fold = fold_numbers(patients, folds, seed)
    for number in range(folds):
        kept = [item for item, of in zip(training, fold, strict=True) if of != number]
        yield replace(datalist, splits={**datalist.splits, "training": kept})
