import json
from pathlib import Path

import pytest
import scripts
import torch
from scripts.sr_training.train_diffusion import build_unet
from scripts.super_resolution.enhancers.resshift import ResShiftEnhancer, ShiftSchedule, _load_schedule, save_schedule
from scripts.super_resolution.networks.regression_network import RegressionNetwork
from scripts.super_resolution.networks.weight_folder import save_network
from scripts.super_resolution.resampling import degrade


@pytest.fixture
def folder(tmp_path):
    torch.manual_seed(0)
    save_network(RegressionNetwork(width=8, blocks=1), tmp_path / "resshift" / "regression")
    save_network(build_unet(17, 16, (16, 32), sample_size=8), tmp_path / "resshift" / "unet")
    save_schedule(tmp_path / "resshift", ShiftSchedule(residual_std=0.01))
    return tmp_path


def seeds(count):
    return [torch.Generator().manual_seed(index) for index in range(count)]


def test_schedule_grows_from_its_first_to_its_last_value():
    roots = ShiftSchedule(0.01).etas().sqrt()
    # kappa 2, p 0.3: sqrt(eta_1) = 0.2 / 2, sqrt(eta_2) = 0.1 * 9.9 ** (1 / 3) ** 0.3, by hand
    assert roots.tolist() == pytest.approx(
        [0.0, 0.1, 0.1 * 9.9 ** ((1 / 3) ** 0.3), 0.1 * 9.9 ** ((2 / 3) ** 0.3), 0.99]
    )


def test_exact_prediction_gives_the_residual_from_any_noise():
    schedule, truth = ShiftSchedule(0.01), torch.randn(2, 16, 4, 4)
    found = schedule.sample(lambda shifted, step: truth, truth.shape, lambda: torch.randn(truth.shape))
    assert torch.allclose(found, truth, atol=1e-5)


def test_sampled_states_have_the_distribution_of_the_forward_process():
    # With the exact prediction, the state before each step is what shift() makes.
    torch.manual_seed(0)
    schedule, truth, seen = ShiftSchedule(0.01), torch.full((1, 1, 200, 200), 1.5), {}

    def predict(scaled, step):
        seen[int(step[0])] = scaled * (1 + schedule.kappa**2 * schedule.etas()[int(step[0])]).sqrt()
        return truth

    schedule.sample(predict, truth.shape, lambda: torch.randn(truth.shape))
    for step in (1, 2, 3):
        eta = float(schedule.etas()[step])
        forward = schedule.shift(truth, torch.randn(truth.shape), torch.tensor([step]))
        assert float(forward.std()) == pytest.approx(2.0 * eta**0.5, rel=0.03)
        assert float(seen[step].std()) == pytest.approx(2.0 * eta**0.5, rel=0.03)
        # The start leaves 1 % of the residual out (eta_T is 0.98), which the first steps still lack.
        assert float(seen[step].mean()) == pytest.approx((1 - eta) * 1.5, abs=0.05)


def test_any_size_batched_as_single_and_consistent(folder):
    enhancer, low_res = ResShiftEnhancer(folder), 0.3 + 0.4 * torch.rand(3, 1, 9, 14)
    batched = enhancer.enhance(low_res, generators=seeds(3))
    single = [enhancer.enhance(low_res[i : i + 1], generators=[seeds(3)[i]]) for i in range(3)]
    assert batched.shape == (3, 1, 36, 56) and torch.allclose(batched, torch.cat(single), atol=1e-4)
    assert (degrade(batched, 4) - low_res).square().mean() < 1e-6


def test_gain_scales_what_is_added_to_the_regression(folder):
    low_res = 0.3 + 0.4 * torch.rand(1, 1, 8, 8)
    none, half, full = (
        ResShiftEnhancer(folder, gain=gain, data_consistency=False).enhance(low_res, generators=seeds(1))
        for gain in (0.0, 0.5, 1.0)
    )
    assert torch.allclose(half - none, (full - none) / 2, atol=1e-6) and not torch.equal(full, none)
    with pytest.raises(ValueError, match="gain"):
        ResShiftEnhancer(folder, gain=1.5)


def test_without_a_regression_network_of_its_own_it_uses_that_of_the_model_folder(folder):
    """Same pixels, and the same hash, so that results with either folder are those of one model."""
    low_res, own = 0.3 + 0.4 * torch.rand(1, 1, 8, 8), ResShiftEnhancer(folder)
    (folder / "resshift" / "regression").rename(folder / "regression")
    for source in (folder, folder / "resshift"):
        shared = ResShiftEnhancer(source)
        assert shared.weights_hash == own.weights_hash
        found = (enhancer.enhance(low_res, generators=seeds(1)) for enhancer in (own, shared))
        assert torch.equal(*found)


def test_its_own_regression_network_takes_precedence(folder):
    before = ResShiftEnhancer(folder).weights_hash
    save_network(RegressionNetwork(width=16, blocks=1), folder / "regression")
    assert ResShiftEnhancer(folder).weights_hash == before


def test_the_shipped_weights_are_below_twelve_megabytes_and_those_of_earlier_results():
    model = Path(scripts.__file__).parents[1] / "models" / "ldm-sr-nih"
    assert sum(path.stat().st_size for path in model.rglob("*") if path.is_file()) < 12e6
    assert ResShiftEnhancer(model).weights_hash == "0c34919b17da0354"


def test_a_missing_or_wrong_part_is_named(folder):
    (folder / "resshift" / "shift.json").write_text(json.dumps({"residual_std": 0.01, "steps": 1}))
    with pytest.raises(ValueError, match="2 steps or more"):
        ResShiftEnhancer(folder)
    (folder / "resshift" / "shift.json").write_text(json.dumps({"noise": 1}))
    with pytest.raises(ValueError, match="cannot be read"):
        _load_schedule(folder / "resshift")
    save_schedule(folder / "resshift", ShiftSchedule(0.01))
    save_network(build_unet(3, 3, (16, 32), sample_size=8), folder / "resshift" / "unet")
    with pytest.raises(ValueError, match="expected 33 channels in and 16 out, found 6 in and 3 out"):
        ResShiftEnhancer(folder)
    (folder / "resshift" / "shift.json").unlink()
    with pytest.raises(FileNotFoundError, match=r"shift\.json"):
        ResShiftEnhancer(folder)
