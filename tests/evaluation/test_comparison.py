from __future__ import annotations

import json

import numpy as np
import pytest
from scripts.evaluation.comparison import _verdict, compare_models, format_comparison_table


def make_models(gain: float, n: int = 400) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    targets = (rng.random((n, 2)) < 0.3).astype(float)
    noise = rng.normal(size=(n, 2))
    base, retrained = targets + noise, (1 + gain) * targets + noise + 0.05 * rng.normal(size=(n, 2))
    return 1 / (1 + np.exp(-base)), 1 / (1 + np.exp(-retrained)), targets, np.arange(n) // 2


@pytest.mark.parametrize(("gain", "expected"), [(1.0, "supported"), (-1.0, "worse")])
def test_real_difference_is_seen(gain: float, expected: str) -> None:
    result = compare_models(["a", "b"], *make_models(gain), bootstrap=200)
    assert result["verdict"] == expected
    low, high = result["macro"]["auroc"]["difference_ci"]
    assert low < result["macro"]["auroc"]["difference"] < high
    assert result["n_patients"] == 200
    assert all(row["p_holm"] < 0.01 and row["p_holm"] >= row["p_value"] for row in result["labels"].values())
    json.dumps(result, allow_nan=False)


def test_equal_models_are_not_supported() -> None:
    base, _, targets, groups = make_models(0)
    result = compare_models(["a", "b"], base, base, targets, groups, bootstrap=100)
    assert result["verdict"] == "not supported"
    assert result["macro"]["auroc"]["difference"] == 0
    assert result["labels"]["a"]["p_value"] == 1


def test_label_with_one_class_is_left_out() -> None:
    base, retrained, targets, groups = make_models(1)
    targets[:, 1] = np.nan
    result = compare_models(["a", "b"], base, retrained, targets, groups, bootstrap=100)
    assert result["labels"]["b"]["difference"] is result["labels"]["b"]["difference_ci"] is None
    assert result["macro"]["auroc"]["base"] == result["labels"]["a"]["base"]


@pytest.mark.parametrize(
    ("difference", "interval", "word", "cautions"),
    [
        (0.02, (0.01, 0.03), "supported", 2),
        (0.01, (0.002, 0.018), "supported", 1),
        (-0.02, (-0.03, -0.01), "worse", 1),
        (0.0, (-0.004, 0.005), "not supported", 1),
        (0.02, (-0.03, 0.07), "inconclusive", 2),
        (None, None, "inconclusive", 0),
    ],
)
def test_verdict(difference: float | None, interval: tuple | None, word: str, cautions: int) -> None:
    result = _verdict(difference, interval)
    assert result["verdict"] == word
    assert len(result["cautions"]) == cautions


def test_console_table() -> None:
    base, retrained, targets, groups = make_models(1)
    targets[:, 1] = 0
    text = format_comparison_table(compare_models(["Effusion", "b"], base, retrained, targets, groups, bootstrap=100))
    lines = text.splitlines()
    assert lines[2].startswith("Effusion") and "<0.001" in lines[2]
    assert lines[3].split() == ["b", "0.0%", "-", "-", "-", "-", "-"]
    assert lines[5].startswith("macro AUROC")
    assert lines[-1].startswith("Supported")
