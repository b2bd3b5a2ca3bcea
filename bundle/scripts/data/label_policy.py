"""Policies that map uncertain (-1) and blank (NaN) labels to training targets, for all labels or for each one.

==================  =======================================================  ==========================================
policy              target                                                   source
==================  =======================================================  ==========================================
``ignore``          none: the entry does not count                           U-Ignore, CheXpert (arXiv:1901.07031)
``ones``            1                                                        U-Ones, CheXpert
``zeros``           0                                                        U-Zeros, CheXpert
``smoothed_ones``   drawn from U(0.55, 0.85) for each image and epoch        LSR-Ones, arXiv:1911.06475
``smoothed_zeros``  drawn from U(0, 0.3) for each image and epoch            LSR-Zeros, arXiv:1911.06475
==================  =======================================================  ==========================================

Policies apply to training targets only. Validation and test count the entries that were annotated as present or
absent, and, if :func:`measured_items` is asked to, blank entries as absent.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from monai.transforms import MapTransform, Randomizable

from ..common.choices import check_choice
from ..common.printable import quoted
from .label_aliases import match_labels

# Lowest and highest target; NaN: the entry does not count.
_POLICIES = {
    "ignore": (math.nan, math.nan),
    "ones": (1.0, 1.0),
    "zeros": (0.0, 0.0),
    "smoothed_ones": (0.55, 0.85),
    "smoothed_zeros": (0.0, 0.3),
}
_BLANK_POLICIES = ("ignore", "zeros")
_OTHERS = "others"

Choice = str | Mapping[str, str]


class LabelPolicy(MapTransform, Randomizable):
    """Transform that maps an item's ``label`` (C,) to training targets in [0, 1], NaN for entries that do not count.

    Put it last among the augmentations. Their random state is a function of (seed, epoch, image), so the targets drawn
    here are reproducible, also in a run that was killed and resumed.

    Args:
        labels: names of the C labels.
        uncertain: policy for -1: one of the names above, or a mapping ``{label: policy, …, others: policy}``.
            ``others`` applies to the labels that are not named; without it, every label must be named.
        blank: policy for NaN, given in the same way; only ``ignore`` and ``zeros`` are allowed.

    Raises:
        ValueError: if a policy is unknown, the data do not have a named label, or a label has no policy.
    """

    def __init__(self, labels: Sequence[str], uncertain: Choice = "ignore", blank: Choice = "ignore") -> None:
        super().__init__(keys="label")
        self.labels = list(labels)
        self.uncertain = _spans("uncertain", uncertain, labels, tuple(_POLICIES))  # (C, 2)
        self.blank = _spans("blank", blank, labels, _BLANK_POLICIES)

    def __call__(self, data: Mapping[str, Any]) -> dict[str, Any]:
        """Return the item with its labels mapped to targets."""
        values = data["label"].numpy()
        share = self.R.uniform(size=values.shape)  # always drawn: the policy changes no other draw
        return {**data, "label": torch.from_numpy(self.targets(values, share).astype(np.float32))}

    def expected(self, values: np.ndarray) -> np.ndarray:
        """Return the mean target of each entry.

        Args:
            values: labels (…, C): 1, 0, -1 (uncertain) or NaN (blank).

        Returns:
            Targets (…, C) in [0, 1]; NaN for entries that do not count.
        """
        return self.targets(values, 0.5)

    def targets(self, values: np.ndarray, share: np.ndarray | float) -> np.ndarray:
        """Return the targets at the fraction ``share`` of the range that each policy allows."""
        targets = values
        for marked, span in ((values == -1, self.uncertain), (np.isnan(values), self.blank)):
            targets = np.where(marked, span[:, 0] + share * (span[:, 1] - span[:, 0]), targets)
        return targets


def measured_items(
    items: Sequence[Mapping[str, Any]], labels: Sequence[str], blank: str = "ignore"
) -> list[dict[str, Any]]:
    """Items of a split whose labels are compared with predictions.

    Args:
        items: items with ``label`` (C,): 1, 0, -1 (uncertain) or NaN (blank).
        labels: names of the C labels.
        blank: ``ignore``, or ``zeros``: a blank entry counts as absent, as in the paper, whose percentages are of all
            images. A label that is blank in every item stays blank, because the data do not have it.

    Raises:
        ValueError: ``blank`` is unknown.
    """
    check_choice("measured_blank", blank, _BLANK_POLICIES)
    if blank == "ignore" or not items:
        return [dict(item) for item in items]
    values = np.array([item["label"] for item in items], dtype=float).reshape(-1, len(labels))  # (N, C)
    values[np.isnan(values) & ~np.isnan(values).all(axis=0)] = 0.0
    return [{**item, "label": row} for item, row in zip(items, values.tolist(), strict=True)]


def _spans(setting: str, choice: Choice, labels: Sequence[str], allowed: Sequence[str]) -> np.ndarray:
    """Return the lowest and highest target of each label, (C, 2), NaN for ``ignore``.

    Args:
        setting: name of the setting, for error messages.
        choice: one policy for all labels, or a mapping from labels to policies.
        labels: names of the C labels.
        allowed: names of the allowed policies.

    Raises:
        ValueError: see :class:`LabelPolicy`.
    """
    if not isinstance(choice, str | Mapping):
        raise ValueError(
            f"{setting}: expected a policy, or {{label: policy}}, found {quoted(choice)}; set one of "
            f"{', '.join(allowed)}"
        )
    named = {_OTHERS: choice} if isinstance(choice, str) else dict(choice)
    for label, policy in named.items():
        check_choice(f"{setting}: policy of {label}", policy, allowed)
    chosen = [named.pop(_OTHERS, "")] * len(labels)
    for policy, column in zip(named.values(), match_labels(list(named), labels, "the datalist"), strict=True):
        chosen[column] = policy
    without = [label for label, policy in zip(labels, chosen, strict=True) if not policy]
    if without:
        raise ValueError(
            f"{setting}: labels without a policy; expected one for each of {', '.join(labels)}, found none for "
            f"{', '.join(without)}; add them, or '{_OTHERS}: ignore'"
        )
    return np.array([_POLICIES[policy] for policy in chosen]).reshape(-1, 2)
