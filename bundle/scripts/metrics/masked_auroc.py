"""Masked macro AUROC as a MONAI metric and handler: the key metric of training and evaluation."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from monai.handlers import IgniteMetricHandler
from monai.metrics import CumulativeIterationMetric

from .classification import auroc


class MaskedAUROCMetric(CumulativeIterationMetric):
    """Macro AUROC over the labels that have both classes among their annotated cases.

    ``CumulativeIterationMetric`` gathers the cases of all processes, so every rank computes the same value.

    Args:
        min_positives: smallest number of positive cases, and of negative cases, that a label needs to be counted; the
            AUROC of three cases is noise.
    """

    def __init__(self, min_positives: int = 1) -> None:
        super().__init__()
        self.min_positives = min_positives

    def _compute_tensor(self, y_pred: torch.Tensor, y: torch.Tensor, **_: Any) -> tuple[torch.Tensor, torch.Tensor]:  # type: ignore[override]
        if y_pred.ndim != 2 or y_pred.shape != y.shape:
            raise ValueError(
                f"MacroAUROC: expected prediction and label (B, C), found {tuple(y_pred.shape)} and {tuple(y.shape)}"
            )
        # bfloat16 logits tie often and have no NumPy type.
        return y_pred.float(), y.float()

    def aggregate(self) -> float:
        """Mean over the labels that are counted.

        Returns:
            A value in [0, 1], or NaN when no label has enough cases of both classes.
        """
        buffer = self.get_buffer()
        if buffer is None:
            return float("nan")
        scores, targets = (values.cpu().numpy() for values in buffer)
        areas = []
        for i in range(targets.shape[1]):
            if min((targets[:, i] == 1).sum(), (targets[:, i] == 0).sum()) < max(1, self.min_positives):
                continue
            areas.append(auroc(targets[:, i], scores[:, i]))
        present = [area for area in areas if area is not None]
        return sum(present) / len(present) if present else float("nan")


class MacroAUROC(IgniteMetricHandler):
    """Handler for ``key_val_metric``: ``MacroAUROC(output_transform=from_engine(["pred", "label"]))``.

    Args:
        output_transform: function from the engine's output to (prediction, label), each (B, C) or a list of (C,);
            predictions are logits or probabilities.
        min_positives: smallest number of cases of each class, as in :class:`MaskedAUROCMetric`.
    """

    def __init__(self, output_transform: Callable = lambda x: x, min_positives: int = 1) -> None:
        metric = MaskedAUROCMetric(min_positives)
        super().__init__(metric_fn=metric, output_transform=output_transform, save_details=False)
