"""Decisions that are fixed before any training: the endpoint, the labels, and the training and evaluation cases."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ...common.atomic import write_json
from ...common.choices import check_choice
from ...common.text_file import read_json
from ...data.folds import fold_numbers
from ...metrics.bootstrap import patient_weights
from ..kit.paired_statistics import patient_numbers
from .arms import Arm

_ALL = "all"


@dataclass(frozen=True)
class Endpoint:
    """Primary comparison, which decides the verdict.

    Attributes:
        arm: arm that is claimed to be better than ``control``.
        control: arm that it is compared with.
        labels: group of labels whose macro-AUROC is compared.
        also_above: further arms that ``arm`` must beat on these labels; otherwise the gain has another explanation.
        margin: largest difference, in either direction, that counts as equivalent (TOST, both one-sided tests at 5 %).
        worthwhile: smallest gain that would matter.
    """

    arm: str
    control: str
    labels: str
    also_above: tuple[str, ...] = ()
    margin: float = 0.005
    worthwhile: float = 0.01

    def __post_init__(self) -> None:
        object.__setattr__(self, "also_above", tuple(self.also_above))
        if not 0 < self.margin <= self.worthwhile:
            raise ValueError(
                f"primary: margin, worthwhile: cannot be used; expected 0 < margin <= worthwhile, found {self.margin} "
                f"and {self.worthwhile}; correct them"
            )


Comparison = tuple[str, str, str]  # arm, control, group of labels


def check_protocol(
    endpoint: Endpoint,
    secondary: Sequence[Comparison],
    reference: str,
    groups: Mapping[str, Sequence[str]],
    arms: Mapping[str, Arm],
    labels: Sequence[str],
) -> dict[str, list[int]]:
    """Columns of each group of labels.

    Raises:
        ValueError: an arm, a group or a label does not exist.
    """
    known = [*groups, _ALL]
    for name in (endpoint.arm, endpoint.control, *endpoint.also_above):
        check_choice("primary", name, arms)
    check_choice("primary: labels", endpoint.labels, known)
    check_choice("reference", reference, arms)
    for arm, control, group in secondary:
        check_choice("secondary", arm, arms)
        check_choice("secondary", control, arms)
        check_choice("secondary: labels", group, known)
    for group, names in groups.items():
        for name in names:
            check_choice(f"label_groups: {group}", name, labels)
    columns = {group: [list(labels).index(name) for name in names] for group, names in groups.items()}
    return {**columns, _ALL: list(range(len(labels)))}


def declare(path: str | Path, endpoint: Endpoint, content: Mapping[str, Any]) -> dict[str, Any]:
    """Write the protocol before any training, and return it; an existing protocol must be equal.

    Raises:
        ValueError: the folder holds another protocol.
    """
    path = Path(path)
    declared: dict[str, Any] = json.loads(json.dumps({"primary": asdict(endpoint), **content}, default=str))
    if path.exists():
        earlier = read_json(path, "a protocol", "use another output_dir")
        changed = sorted(key for key in {*earlier, *declared} if earlier.get(key) != declared.get(key))
        if changed:
            raise ValueError(
                f"{path}: another protocol was declared here; expected the same {', '.join(changed)}, found others; an "
                "endpoint is not changed after the fact: use another output_dir"
            )
    write_json(path, declared)
    return declared


@dataclass(frozen=True)
class Fit:
    """Cases of one classifier; no case is used both for training and for evaluation.

    Attributes:
        weights: (N,) weights of the cases in training; 0 for a case that is not used.
        evaluated: (N,) bool, the cases that the classifier is evaluated on.
    """

    weights: np.ndarray
    evaluated: np.ndarray


def plan_fits(splits: np.ndarray, patients: np.ndarray, seed: int, folds: int | None) -> list[Fit]:
    """Classifiers of one seed.

    Args:
        splits: (N,) names of the splits: training, validation or test.
        patients: (N,) numbers of the patients.
        seed: seed of the bootstrap resample or of the folds.
        folds: ``None`` trains on a bootstrap resample of the training patients and evaluates on the test split. A
            number K evaluates every case with the classifier that was trained on the K - 1 other folds of patients.
    """
    if folds is None:
        training = splits == "training"
        weights = np.zeros(len(splits))
        groups = patient_numbers(patients[training])
        weights[training] = next(patient_weights(groups, 1, seed))[0]
        return [Fit(weights, splits == "test")]
    fold = fold_numbers(patients, folds, seed)
    return [Fit((fold != number).astype(float), fold == number) for number in range(folds)]
