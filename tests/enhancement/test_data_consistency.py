import torch
from scripts.enhancement.data_consistency import back_project
from scripts.enhancement.enhancer import degrade


def test_result_reduces_to_what_was_measured():
    torch.manual_seed(0)
    low_res, estimate = torch.rand(2, 1, 12, 16), torch.rand(2, 1, 48, 64)
    before = (degrade(estimate, 4) - low_res).square().mean()
    after = (degrade(back_project(estimate, low_res, 4), 4) - low_res).square().mean()
    # White noise is the hardest case; radiographs reach more.
    assert 10 * torch.log10(1 / after) > 50 > 10 * torch.log10(1 / before)


def test_truth_is_left_alone():
    truth = torch.rand(1, 1, 32, 32)
    assert torch.allclose(back_project(truth, degrade(truth, 4), 4), truth, atol=1e-5)
