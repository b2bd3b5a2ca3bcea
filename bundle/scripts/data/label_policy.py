"""What an uncertain (-1) or a blank (NaN) label counts as in training, for all labels or for each.

==================  =======================================================  ==========================================
policy              target                                                   source
==================  =======================================================  ==========================================
``ignore``          none: the entry does not count                           U-Ignore, CheXpert (arXiv:1901.07031)
``ones``            1                                                        U-Ones, CheXpert
``zeros``           0                                                        U-Zeros, CheXpert
``smoothed_ones``   drawn from U(0.55, 0.85) for each image and epoch        LSR-Ones, arXiv:1911.06475
``smoothed_zeros``  drawn from U(0, 0.3) for each image and epoch            LSR-Zeros, arXiv:1911.06475
==================  =======================================================  ==========================================

Only training targets are mapped: validation and test count what was annotated as present or absent, whatever the
policy.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from monai.transforms import MapTransform, Randomizable

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
    """Transform of an item's ``label`` (C,) into training targets in [0, 1], NaN where it does not count.

    Put it last among the augmentations: their random state is a function of (seed, epoch, image), and so is then what
    is drawn here, also in a run that was killed and continued.

    Args:
        labels: C names.
        uncertain: policy of -1: a key of ``POLICIES``, or ``{label: policy, …, others: policy}``. ``others`` stands for
            the labels that are not named; without it, all must be.
        blank: policy of NaN, likewise; ``ignore`` or ``zeros``.

    Raises:
        ValueError: unknown policy, a label that the data lack, or one without a policy.
    """

    def __init__(self, labels: Sequence[str], uncertain: Choice = "ignore", blank: Choice = "ignore") -> None:
        super().__init__(keys="label")
        self.labels = list(labels)
        self.uncertain = _spans("uncertain", uncertain, labels, tuple(_POLICIES))  # (C, 2)
        self.blank = _spans("blank", blank, labels, _BLANK_POLICIES)

    def __call__(self, data: Mapping[str, Any]) -> dict[str, Any]:
        """Item with the targets that are drawn for it."""
        values = data["label"].numpy()
        share = self.R.uniform(size=values.shape)  # always drawn: a policy moves no other random figure
        return {**data, "label": torch.from_numpy(self.targets(values, share).astype(np.float32))}

    def expected(self, values: np.ndarray) -> np.ndarray:
        """Mean target of each entry.

        Args:
            values: (…, C); 1, 0, -1 uncertain, NaN blank.

        Returns:
            (…, C) in [0, 1]; NaN where the entry does not count.
        """
        return self.targets(values, 0.5)

    def targets(self, values: np.ndarray, share: np.ndarray | float) -> np.ndarray:
        """Targets that lie ``share`` of the way from the lowest to the highest that the policies allow."""
        targets = values
        for marked, span in ((values == -1, self.uncertain), (np.isnan(values), self.blank)):
            targets = np.where(marked, span[:, 0] + share * (span[:, 1] - span[:, 0]), targets)
        return targets


def _spans(setting: str, choice: Choice, labels: Sequence[str], allowed: Sequence[str]) -> np.ndarray:
    """Lowest and highest target of each label, (C, 2), NaN where it is ignored.

    Args:
        setting: its name, for messages.
        choice: one policy, or one for each label.
        labels: C names.
        allowed: policies.

    Raises:
        ValueError: as in :class:`LabelPolicy`.
    """
    named = {_OTHERS: choice} if isinstance(choice, str) else dict(choice)
    for label, policy in named.items():
        if policy not in allowed:
            raise ValueError(
                f"{setting}: policy of {label} not known; expected one of {', '.join(allowed)}, found {policy!r}"
            )
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
