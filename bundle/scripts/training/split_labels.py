"""Check that a datalist has the labels that training and the selection of a model need."""

from __future__ import annotations

import numpy as np

from ..data.datalist import Datalist
from ..data.label_policy import LabelPolicy, measured_items


def check_labels_of_splits(datalist: Datalist, policy: LabelPolicy, measured_blank: str = "ignore") -> None:
    """Check the labels of the training and the validation split before any image is read.

    Args:
        datalist: datalist of the run.
        policy: policy for uncertain and blank labels, which gives the training targets.
        measured_blank: use of blank labels in the metrics, see :func:`..data.label_policy.measured_items`.

    Raises:
        ValueError: a split is empty, no training image has a target, or no label of the validation split has both
            classes, so that no model could be selected.
    """
    where = datalist.path or "datalist"
    for name in ("training", "validation"):
        if not datalist.splits.get(name):
            raise ValueError(
                f"{where}: {name}: the split is empty; expected at least one image, found none; write a datalist with "
                "images in this split"
            )
    if not datalist.labels:
        raise ValueError(
            f"{where}: labels: nothing to train; expected at least one label, found none; write the datalist from a "
            "table of labels (--layout csv)"
        )
    measured = measured_items(datalist.splits["validation"], datalist.labels, measured_blank)
    training, validation = (
        np.array([item["label"] for item in items], dtype=float) for items in (datalist.splits["training"], measured)
    )
    if not np.isfinite(policy.expected(training)).any():
        raise ValueError(
            f"{where}: training: no image has a label to train on; expected at least one 0 or 1, found none; add "
            "labels, or set --uncertain or --blank to a policy that uses uncertain or blank labels"
        )
    both = [(validation == value).any(axis=0) for value in (0, 1)]
    if not (both[0] & both[1]).any():
        raise ValueError(
            f"{where}: validation: no model can be selected; expected a label with positive (1) and negative (0) "
            f"images, found none among {len(datalist.labels)} labels; move images between the splits, or add some"
        )
