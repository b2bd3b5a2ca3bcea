from __future__ import annotations

import json

import numpy as np
import pytest
from scripts.evaluation.comparison import compare_models
from scripts.evaluation.comparison_table import format_comparison_table
from scripts.metrics.delong import paired_delong

SEEDS = [0, 1, 2]


def make_models(gain: float, *, seeds: int = 3, n: int = 400, scatter: float = 0.1) -> tuple[np.ndarray, ...]:
    """Probabilities (K, N, 2) of both arms, targets (N, 2) and patients (N,), two films each."""
    rng = np.random.default_rng(0)
    targets = (rng.random((n, 2)) < 0.3).astype(float)
    noise = rng.normal(size=(n, 2))
    arms = [
        1 / (1 + np.exp(-(strength * targets + noise + scatter * rng.normal(size=(seeds, n, 2)))))
        for strength in (1, 1 + gain)
    ]
    return *arms, targets, np.arange(n) // 2


@pytest.mark.parametrize(("gain", "expected"), [(1.0, "supported"), (-1.0, "worse")])
def test_real_difference_is_seen_over_seeds(gain: float, expected: str) -> None:
    result = compare_models(["a", "b"], *make_models(gain), seeds=SEEDS, bootstrap=200)
    assert result["verdict"] == expected
    low, high = result["macro"]["auroc"]["difference_ci"]
    assert low < result["macro"]["auroc"]["difference"] < high
    assert result["n_patients"] == 200 and result["interval_covers"] == "seeds and patients"
    assert all(row["p_holm"] < 0.01 and row["p_holm"] >= row["p_value"] for row in result["labels"].values())
    assert [row["seed"] for row in result["seeds"]] == SEEDS
    differences = [row["difference"] for row in result["seeds"]]
    assert np.mean(differences) == pytest.approx(result["macro"]["auroc"]["difference"])
    json.dumps(result, allow_nan=False)


@pytest.mark.parametrize("gain", [1.0, -1.0])
def test_one_training_never_gives_a_verdict(gain: float) -> None:
    result = compare_models(["a", "b"], *make_models(gain, seeds=1), seeds=[7], bootstrap=200)
    assert result["verdict"] == "no verdict"
    assert result["sentence"].startswith("No verdict: the chance of training was not measured (")
    assert "over patients" in result["sentence"]
    assert result["control"] is result["control_sentence"] is None
    assert result["labels"]["a"]["p_value"] < 0.01  # of DeLong, over patients


def test_the_difference_of_seeds_makes_the_interval_wider() -> None:
    widths = []
    for scatter in (0.05, 1.0):
        result = compare_models(["a", "b"], *make_models(0.3, scatter=scatter), seeds=SEEDS, bootstrap=200)
        low, high = result["macro"]["auroc"]["difference_ci"]
        widths.append(high - low)
    assert widths[1] > 2 * widths[0]


def test_the_part_of_the_patients_is_that_of_delong() -> None:
    base, retrained, targets, groups = make_models(0.5, seeds=1)
    arms = [np.repeat(arm, 3, axis=0) for arm in (base, retrained)]  # no chance of training
    result = compare_models(["a", "b"], *arms, targets, groups, seeds=SEEDS, bootstrap=2000)
    _, error, _ = paired_delong(targets[:, 0] == 1, base[0, :, 0], retrained[0, :, 0], groups)
    low, high = result["labels"]["a"]["difference_ci"]
    assert high - low == pytest.approx(2 * 1.96 * error, rel=0.05)


def test_the_control_compares_the_base_with_itself() -> None:
    base, retrained, targets, groups = make_models(0.0)
    base[1] = targets  # a training that stands out
    control = compare_models(["a", "b"], base, retrained, targets, groups, seeds=SEEDS, bootstrap=200)["control"]
    assert control["pairs"] == 3 and control["different_by_patients"] == 2
    assert control["largest_difference"] > 0.1


@pytest.mark.parametrize(
    ("changes", "seeds", "reason"),
    [
        ({"n": 20}, SEEDS, "10 patients are too few"),
        ({"seeds": 2}, [0, 1], "2 seeds measure the chance of training too coarsely"),
    ],
)
def test_too_little_gives_no_verdict_with_the_reason(changes: dict, seeds: list, reason: str) -> None:
    result = compare_models(["a", "b"], *make_models(1, **changes), seeds=seeds, bootstrap=100)
    assert result["verdict"] == "no verdict" and reason in result["sentence"]
    json.dumps(result, allow_nan=False)


def test_equal_models_are_not_supported() -> None:
    base, _, targets, groups = make_models(0, seeds=1)
    same = np.repeat(base, 3, axis=0)
    result = compare_models(["a", "b"], same, same, targets, groups, seeds=SEEDS, bootstrap=100)
    assert result["verdict"] == "not supported"
    assert result["macro"]["auroc"]["difference"] == 0
    assert result["labels"]["a"]["p_value"] == 1


def test_label_with_one_class_is_left_out_and_named() -> None:
    base, retrained, targets, groups = make_models(1)
    targets[:, 1] = np.nan
    result = compare_models(["a", "b"], base, retrained, targets, groups, seeds=SEEDS, bootstrap=100)
    assert result["labels"]["b"]["difference"] is result["labels"]["b"]["difference_ci"] is None
    assert result["macro"]["auroc"]["base"] == result["labels"]["a"]["base"]
    assert result["left_out"] == ["b"] and "b" in result["cautions"][0]


def test_without_any_label_there_is_no_verdict() -> None:
    base, retrained, targets, groups = make_models(1)
    result = compare_models(["a", "b"], base, retrained, targets * 0, groups, seeds=SEEDS, bootstrap=100)
    assert result["verdict"] == "no verdict" and "no label" in result["sentence"]
    json.dumps(result, allow_nan=False)


def test_without_replicates_there_is_no_interval_and_no_verdict() -> None:
    result = compare_models(["a", "b"], *make_models(1), seeds=SEEDS, bootstrap=0)
    assert result["verdict"] == "no verdict" and "bootstrap is 0" in result["sentence"]


def test_console_table() -> None:
    base, retrained, targets, groups = make_models(1)
    targets[:, 1] = 0
    comparison = compare_models(["Effusion", "b"], base, retrained, targets, groups, seeds=SEEDS, bootstrap=100)
    lines = format_comparison_table(comparison).splitlines()
    assert lines[2].startswith("Effusion") and "<0.001" in lines[2]
    assert lines[3].split() == ["b", "0.0%", "-", "-", "-", "-", "-"]
    assert lines[5].startswith("macro AUROC")
    assert [line.split()[:2] for line in lines[6:9]] == [["seed", str(seed)] for seed in SEEDS]
    assert lines[10].startswith("Supported: over 3 pairs of seeds") and lines[11].startswith("Control:")
