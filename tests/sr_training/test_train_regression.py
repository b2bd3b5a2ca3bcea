import torch
from scripts.sr_training.train_regression import _EPSILON, RegressionStep, charbonnier, train_regression
from scripts.super_resolution.networks.regression_network import RegressionNetwork
from scripts.training.precision import AutocastInferer


def test_loss_is_absolute_for_large_errors_and_smooth_at_zero():
    assert abs(float(charbonnier(torch.tensor([0.5]), torch.tensor([0.0]))) - 0.5) < 1e-4
    assert float(charbonnier(torch.zeros(3), torch.zeros(3))) == torch.tensor(_EPSILON)


def test_training_beats_bicubic(make_run):
    figures = train_regression(make_run(max_steps=120, batch_size=6, regression_width=16, learning_rate=5e-3))
    assert figures["residual"]["psnr"] > figures["bicubic"]["psnr"] + 0.5


def test_step_is_a_function_of_its_generator(batches):
    torch.manual_seed(0)
    step = RegressionStep(RegressionNetwork(8, 1), batches, AutocastInferer("fp32"))
    losses = [step(torch.Generator().manual_seed(seed), 0.0)["loss"] for seed in (1, 1, 2)]
    assert torch.equal(losses[0], losses[1]) and not torch.equal(losses[0], losses[2])
