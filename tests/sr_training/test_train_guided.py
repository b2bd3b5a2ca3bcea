import pytest
import torch
from scripts.sr_training.batches import Batches
from scripts.sr_training.degradation import Degradation
from scripts.sr_training.train_guided import GuidedStep, _start, train_guided
from scripts.super_resolution.enhancers.guided import make_guide
from scripts.super_resolution.networks.guided_network import GuidedNetwork
from scripts.super_resolution.networks.regression_network import RegressionNetwork
from scripts.super_resolution.networks.weight_folder import load_network, save_network
from scripts.training.precision import AutocastInferer


def test_loss_falls_and_the_guide_is_used(crops):
    torch.manual_seed(0)
    network = GuidedNetwork(width=16, blocks=1, residual_std=0.1, pixel_width=16, patch_width=32, stages=1)
    larger = torch.nn.functional.interpolate(crops[:2], size=(48, 48), mode="bicubic").clamp(0, 1)
    batches = Batches(larger, Degradation(radiographic=0.0), 2, torch.device("cpu"))
    step = GuidedStep(network, batches, AutocastInferer("fp32"))
    optimizer = torch.optim.Adam(network.parameters(), 3e-3)
    losses = []
    for _ in range(50):
        loss = step(torch.Generator().manual_seed(1), 0.0)["loss"]  # one batch again and again
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.95 * losses[0]
    assert network.guide_entry.weight.grad.abs().sum() > 0


def test_guide_shows_the_surroundings_and_where_the_region_lies(crops):
    guide = make_guide(crops, (8, 16, 16, 32))
    assert guide.shape == (len(crops), 2, 16, 16)
    assert torch.equal(guide[0, 1].nonzero().amin(dim=0), torch.tensor([4, 8]))
    assert torch.equal(guide[0, 1].nonzero().amax(dim=0), torch.tensor([7, 15]))


def test_stage_measures_with_and_without_a_guide(make_run, sr_datalist):
    run = make_run(sr_datalist)
    figures = train_guided(run)
    assert {"guided", "guided_centre", "guided_centre_with_guide"} <= set(figures)
    assert load_network(GuidedNetwork, run.output_dir / "guided").residual_std > 0


def test_the_trunk_starts_as_the_regression_network_of_the_folder(make_run, sr_datalist, regression):
    """Before the first step the guided network is as good as the regression network, not as interpolation."""
    run = make_run(sr_datalist)
    save_network(regression, run.output_dir / "regression")
    started = _start(run)
    low_res = torch.rand(1, 1, 8, 8)
    with torch.no_grad():
        expected = load_network(RegressionNetwork, run.output_dir / "regression")(low_res)
        found = started(low_res, (32, 32), None, torch.ones(1))
    assert torch.allclose(found, expected, atol=1e-6)  # float32, in another memory layout


def test_a_checkpoint_of_other_crops_is_rejected(make_run, sr_datalist):
    train_guided(make_run(sr_datalist))
    with pytest.raises(ValueError, match="guided_crop_size"):
        train_guided(make_run(sr_datalist, guided_crop_size=48))
