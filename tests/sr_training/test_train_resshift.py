import torch
from scripts.sr_training.batches import Batches
from scripts.sr_training.degradation import Degradation
from scripts.sr_training.train_diffusion import build_unet
from scripts.sr_training.train_regression import residual_std, train_regression
from scripts.sr_training.train_resshift import ResShiftStep, train_resshift
from scripts.super_resolution.enhancers.resshift import ShiftSchedule
from scripts.super_resolution.networks.coding import Coding
from scripts.training.precision import AutocastInferer


def test_loss_falls(crops, regression):
    torch.manual_seed(0)
    coding = Coding(regression, channels=1)
    unet = build_unet(coding.condition_channels, 16, (16, 32), sample_size=8)
    schedule = ShiftSchedule(residual_std(regression, crops, torch.device("cpu")))
    batches = Batches(crops, Degradation(radiographic=0.0), 6, torch.device("cpu"))
    step = ResShiftStep(unet, schedule, coding, batches, AutocastInferer("fp32"))
    optimizer = torch.optim.Adam(unet.parameters(), 3e-3)
    losses = []
    for number in range(40):
        loss = step(torch.Generator().manual_seed(number), 0.0)["loss"]
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    # Targets have variance one, so that is where an untrained network starts.
    assert 0.5 < losses[0] < 2.5 and sum(losses[-10:]) < 0.8 * sum(losses[:10])


def test_folder_is_self_contained(make_run, tmp_path):
    from scripts.super_resolution.enhancers.resshift import ResShiftEnhancer

    run = make_run()
    train_regression(run)
    figures = train_resshift(run)
    assert {"resshift", "resshift_consistent"} <= set(figures)
    moved = (tmp_path / "resshift").rename(tmp_path / "elsewhere")
    enhanced = ResShiftEnhancer(moved).enhance(torch.rand(1, 1, 9, 7), generators=[torch.Generator()])
    assert enhanced.shape == (1, 1, 36, 28)
