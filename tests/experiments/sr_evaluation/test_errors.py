import torch
from scripts.experiments.sr_evaluation.errors import error_rates
from scripts.super_resolution.resampling import degrade, resize

from .synthetic import film


def test_truth_has_no_errors_and_interpolation_a_few_by_construction():
    truth = film()
    assert error_rates(truth, truth, 4) == {"hallucination_rate": 0, "loss_rate": 0}
    rates = error_rates(resize(degrade(truth[None], 4), (256, 256))[0], truth, 4)
    assert 0 < sum(rates.values()) < 0.08


def test_added_and_removed_structure_are_told_apart():
    truth = film()
    added, removed = truth.clone(), truth.clone()
    added[:, 64:96, 64:96] += 0.3
    removed[:, 64:96, 64:96] -= 0.3
    share = 32 * 32 / 256**2
    assert error_rates(added, truth, 4) == {"hallucination_rate": share, "loss_rate": 0}
    assert error_rates(removed, truth, 4) == {"hallucination_rate": 0, "loss_rate": share}


def test_constant_region_counts_any_change():
    flat = torch.full((1, 32, 32), 0.5)
    assert error_rates(flat + 0.01, flat, 4)["hallucination_rate"] == 1
