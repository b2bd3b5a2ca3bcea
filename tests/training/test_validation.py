import math

import pytest
import torch
from ignite.engine import Engine
from scripts.training.validation import validation_metrics


def test_accuracy_stands_beside_its_all_negative_baseline():
    batches = [
        {"pred": torch.tensor([[2.0, -1.0]]), "label": torch.tensor([[1.0, 0.0]])},
        {"pred": torch.tensor([[-2.0, -1.0]]), "label": torch.tensor([[1.0, math.nan]])},
        {"pred": torch.tensor([[-2.0, -1.0]]), "label": torch.tensor([[0.0, -1.0]])},
    ]
    engine = Engine(lambda _, batch: batch)
    for name, metric in validation_metrics(lambda pred, label: pred.sum()).items():
        metric.attach(engine, name)
    metrics = engine.run(batches).metrics
    # Annotated entries: 1, 0, 1, 0; the third is missed. All negative: two of four.
    assert metrics["val_accuracy"] == pytest.approx(3 / 4)
    assert metrics["val_accuracy_all_negative"] == pytest.approx(2 / 4)
    assert metrics["val_loss"] == pytest.approx((1 - 3 - 3) / 3)
