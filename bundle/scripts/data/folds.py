"""Folds of patients: training splits that each leave a part of the patients out.

As the splits of a data set, folds are the best of many random ones: every label has about the same prevalence in all.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from .datalist import Datalist
from .splitting import count_by_patient, imbalance

_CANDIDATES = 50


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
        seed: seed of the first of the random folds among which the best is chosen.

    Raises:
        ValueError: there are fewer training patients than folds.
    """
    training = datalist.splits["training"]
    patients = sorted({item["patient_id"] for item in training})
    if len(patients) < folds:
        raise ValueError(
            f"folds: expected at least one training patient for each of the {folds} folds, found {len(patients)} "
            "patients; set fewer folds"
        )
    _, positives, annotated = count_by_patient(training, patients)
    order = np.arange(len(patients))
    candidates = [fold_numbers(order, folds, seed + number) for number in range(_CANDIDATES)]
    best = min(candidates, key=lambda fold: imbalance(fold, positives, annotated))
    fold_of = dict(zip(patients, best.tolist(), strict=True))
    for number in range(folds):
        kept = [item for item in training if fold_of[item["patient_id"]] != number]
        yield replace(datalist, splits={**datalist.splits, "training": kept})
