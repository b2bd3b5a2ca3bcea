from __future__ import annotations

import logging

import numpy as np
import pytest
from scripts.calibration.fitting import _fit_platt, _fit_temperature, _log_loss, fit_calibration
from scripts.calibration.scale import sigmoid
from scripts.metrics.classification import auroc
from scripts.metrics.curves import calibration_error, calibration_error_by_chance


def make_case(n: int, scale: float, offset: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """True log-odds z, of which the network reports (z - offset) / scale; so scale and offset put it right."""
    rng = np.random.default_rng(seed)
    z = rng.normal(-1.0, 1.5, n)
    return (z - offset) / scale, (rng.random(n) < sigmoid(z)).astype(float)


def test_platt_finds_the_scale_and_offset_of_the_truth() -> None:
    logits, targets = make_case(50_000, 0.6, -0.8)
    assert _fit_platt(logits, targets == 1) == pytest.approx((0.6, -0.8), abs=0.03)


def test_temperature_finds_the_scale_over_all_labels_and_ignores_what_is_not_annotated() -> None:
    pairs = make_case(20_000, 0.4, 0), make_case(20_000, 0.4, 0, seed=1)
    logits, targets = (np.stack(parts, axis=1) for parts in zip(*pairs, strict=True))
    targets[::3, 1] = np.nan
    targets[1::3, 1] = -1
    assert _fit_temperature(logits, targets) == pytest.approx(0.4, abs=0.02)


def test_separable_cases_stay_finite() -> None:
    scale, offset = _fit_platt(np.array([-3.0, -2, 2, 3]), np.array([False, False, True, True]))
    assert 0 < scale < 5 and abs(offset) < 1


def test_method_is_chosen_per_label_on_patients_left_out() -> None:
    shifted, scaled = make_case(1500, 1.0, -1.5), make_case(1500, 1.0, 0.0, seed=1)
    logits, targets = np.stack([shifted[0], scaled[0]], axis=1), np.stack([shifted[1], scaled[1]], axis=1)
    by_label, figures = fit_calibration(["shifted", "right"], logits, targets, np.arange(1500) // 2)
    assert by_label["shifted"].method == "platt"
    before, after = (figures["labels"]["shifted"][when] for when in ("before", "after"))
    assert after["calibration_error"] < 0.05 < 0.15 < before["calibration_error"]
    assert after["log_loss"] < before["log_loss"]
    assert abs(by_label["right"].offset) < 0.3


def test_temperature_and_platt_do_not_change_the_ranking() -> None:
    logits, targets = make_case(600, 2.0, 1.0)
    for method in ("temperature", "platt"):
        by_label, _ = fit_calibration(["a"], logits[:, None], targets[:, None], np.arange(600), method=method)
        fitted = by_label["a"]
        assert fitted.method == method
        probabilities = sigmoid(fitted.scale * logits + fitted.offset)
        assert auroc(targets, probabilities) == auroc(targets, sigmoid(logits)) == auroc(targets, logits)


def test_calibrated_probabilities_are_calibrated_on_other_cases() -> None:
    logits, targets = make_case(2000, 0.5, -1.0)
    by_label, _ = fit_calibration(["a"], logits[:, None], targets[:, None], np.arange(2000))
    other, truth = make_case(20_000, 0.5, -1.0, seed=9)
    probabilities = sigmoid(by_label["a"].scale * other + by_label["a"].offset)
    assert calibration_error(truth == 1, sigmoid(other)) > 0.1
    assert calibration_error(truth == 1, probabilities) < 0.02 + calibration_error_by_chance(probabilities)


def test_what_the_split_cannot_say_is_said_and_costs_no_other_label(caplog: pytest.LogCaptureFixture) -> None:
    logits, targets = make_case(400, 1.0, 0.0)
    none, few, unknown = np.zeros(400), np.zeros(400), np.full(400, np.nan)
    few[:5] = 1
    targets = np.stack([targets, none, few, unknown], axis=1)
    with caplog.at_level(logging.WARNING):
        by_label, figures = fit_calibration(
            ["good", "none", "few", "unknown"], np.stack([logits] * 4, axis=1), targets, np.arange(400), method="platt"
        )
    assert by_label["good"].method == "platt" and not by_label["good"].note
    assert by_label["few"].method == "temperature" and by_label["few"].offset == 0
    assert "5 of one class" in by_label["few"].note
    for name in ("none", "unknown"):
        assert (by_label[name].method, by_label[name].scale, by_label[name].threshold) == ("none", 1.0, 0.5)
        assert figures["labels"][name] is None
    assert "none: not calibrated" in caplog.text and "0 positive and 400 negative" in caplog.text


def test_a_score_that_ranks_backwards_is_not_turned_round() -> None:
    logits, targets = make_case(400, 1.0, 0.0)
    by_label, _ = fit_calibration(["a"], -logits[:, None], targets[:, None], np.arange(400), method="platt")
    assert by_label["a"].method == "temperature" and by_label["a"].scale > 0 and by_label["a"].note


def test_one_patient_gives_no_figures_after() -> None:
    logits, targets = make_case(50, 1.0, 0.0)
    by_label, figures = fit_calibration(["a"], logits[:, None], targets[:, None], np.zeros(50, int))
    assert by_label["a"].method == "temperature"
    assert figures["labels"]["a"]["after"] is None and figures["macro"]["after"]["log_loss"] is None


def test_nothing_to_calibrate_is_an_error() -> None:
    with pytest.raises(ValueError, match="use a larger split"):
        fit_calibration(["a"], np.zeros((4, 1)), np.zeros((4, 1)), np.arange(4))


def test_log_loss_is_stable() -> None:
    assert _log_loss(np.array([True, False]), np.array([1000.0, 1000.0])) == 500.0
