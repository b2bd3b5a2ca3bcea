"""Additional validation metrics: loss, and accuracy beside its all-negative baseline."""

from __future__ import annotations

from collections.abc import Callable

import torch
from ignite.metrics import Average, Metric, MetricsLambda
from monai.handlers import from_engine


def validation_metrics(loss: Callable[[torch.Tensor, torch.Tensor], torch.Tensor]) -> dict[str, Metric]:
    """Make the ``additional_metrics`` of the validation engine.

    Accuracy is computed over all annotated (image, label) pairs at probability 0.5, as in the paper's Tables 1 and 2 as
    far as the paper describes them. Its baseline is the accuracy of calling every pair negative.

    Args:
        loss: function of logits (B, C) and targets (B, C) that returns a scalar.

    Returns:
        ``val_loss``, ``val_accuracy`` and ``val_accuracy_all_negative``.
    """
    outputs = from_engine(["pred", "label"])

    def mean_loss(output: dict) -> torch.Tensor:
        pred, label = outputs(output)
        return loss(pred, label)

    def share(decide: Callable[[torch.Tensor], torch.Tensor]) -> MetricsLambda:
        def counts(output: dict) -> torch.Tensor:
            pred, label = outputs(output)
            annotated = label >= 0  # False for NaN and -1
            right = (decide(pred) == (label == 1)) & annotated
            return torch.stack([right.sum(), annotated.sum()]).double()

        # The ratio of the two averages does not depend on the sizes of the batches.
        return MetricsLambda(lambda pair: float(pair[0] / pair[1].clamp(min=1)), Average(output_transform=counts))

    return {
        "val_loss": Average(output_transform=mean_loss),
        "val_accuracy": share(lambda logits: logits > 0),
        "val_accuracy_all_negative": share(lambda logits: torch.zeros_like(logits, dtype=torch.bool)),
    }
