import pytest
import torch
from scripts.experiments.explaining.faithfulness import _area_under, _marked, deletion_insertion


class ReadsOnePatch(torch.nn.Module):
    """Logits: contrast of one patch of 8 pixels, and nothing."""

    def forward(self, image):
        contrast = image[:, 0, 16:24, 24:32].std(dim=(1, 2))
        return torch.stack([200 * (contrast - 0.15), torch.zeros(len(image))], dim=1)


def grid_with(row, column):
    grid = torch.zeros(6, 6)
    grid[row, column] = 1
    return grid


def test_the_map_of_what_is_read_deletes_early_and_inserts_early():
    image = torch.rand(1, 48, 48, generator=torch.Generator().manual_seed(0))
    last = torch.ones(6, 6) - grid_with(2, 3)
    (good, bad) = deletion_insertion(ReadsOnePatch(), image, [grid_with(2, 3), last], 0, steps=9)
    assert good[0] == pytest.approx(1 / 18, abs=0.01) and good[1] == pytest.approx(17 / 18, abs=0.01)
    assert bad[0] == pytest.approx(17 / 18, abs=0.01) and bad[1] == pytest.approx(1 / 18, abs=0.01)


def test_a_label_that_nothing_changes_has_its_probability():
    image = torch.rand(1, 48, 48)
    assert deletion_insertion(ReadsOnePatch(), image, [grid_with(0, 0)], 1, steps=4) == [(0.5, 0.5)]


def test_marks_are_whole_patches_in_the_order_of_the_map():
    grid = torch.arange(36.0).reshape(6, 6)
    mask = _marked(grid, 3 / 36, 48)
    assert mask.sum() == 3 * 64 and mask[40:, 24:].all()


def test_area_under_a_line():
    assert _area_under([0.0, 0.5, 1.0]) == pytest.approx(0.5)
