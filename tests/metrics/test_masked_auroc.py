from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from ignite.engine import Engine
from monai.handlers import from_engine
from scripts.metrics.masked_auroc import MacroAUROC, MaskedAUROCMetric
from sklearn.metrics import roc_auc_score


def run_engine(pred: torch.Tensor, label: torch.Tensor, **settings: int) -> float:
    """Feed batches of two as MONAI engines do: a list of dictionaries without batch axis."""
    engine = Engine(lambda _, rows: [{"pred": pred[i], "label": label[i]} for i in rows])
    MacroAUROC(output_transform=from_engine(["pred", "label"]), **settings).attach(engine, "val_macro_auroc")
    engine.run([range(i, min(i + 2, len(pred))) for i in range(0, len(pred), 2)], max_epochs=2)
    return engine.state.metrics["val_macro_auroc"]


def test_masked_macro_over_labels_with_both_classes() -> None:
    generator = torch.Generator().manual_seed(0)
    pred = torch.randn((41, 3), generator=generator)
    label = (torch.rand((41, 3), generator=generator) < 0.5).float()
    label[:, 2] = 0  # one class: no vote
    label[3, 0], label[4, 1] = math.nan, -1
    expected = []
    for i in range(2):
        known = (label[:, i] == 0) | (label[:, i] == 1)
        expected.append(roc_auc_score(label[known, i].numpy(), pred[known, i].numpy()))
    assert run_engine(pred, label) == pytest.approx(np.mean(expected))


def test_nan_without_a_vote_and_minimum_of_positives() -> None:
    pred, label = torch.tensor([[0.1], [0.9], [0.3]]), torch.tensor([[0.0], [1.0], [0.0]])
    assert run_engine(pred, label) == 1.0
    assert math.isnan(run_engine(pred, label, min_positives=2))
    assert math.isnan(run_engine(pred, torch.full((3, 1), math.nan)))
    assert math.isnan(MaskedAUROCMetric().aggregate())


def test_bfloat16_logits_and_wrong_shapes() -> None:
    metric = MaskedAUROCMetric()
    metric(torch.tensor([[0.1], [0.9]], dtype=torch.bfloat16), torch.tensor([[0.0], [1.0]]))
    assert metric.aggregate() == 1.0
    with pytest.raises(ValueError, match=r"\(B, C\)"):
        metric(torch.zeros(2, 3), torch.zeros(2, 1))
