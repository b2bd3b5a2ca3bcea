import pytest
import torch
from scripts.attention.occlusion import Occlusion

from .conftest import hit_rate, make_network


class PatchReader(torch.nn.Module):
    """Logits: mean of one patch, and less that of another."""

    image_size, patch_grid = 48, (6, 6)

    def forward(self, image):
        return torch.stack([image[:, 0, 16:24, 24:32].mean((1, 2)), -image[:, 0, :8, :8].mean((1, 2))], dim=1)


def test_a_fine_occluder_marks_the_patch_that_is_read():
    image = torch.full((1, 1, 48, 48), 0.2)
    image[..., 16:24, 24:32] = 1
    maps = Occlusion(PatchReader(), window=1, stride=1)(image).maps
    assert maps[0, 0].argmax() == 2 * 6 + 3 and (maps[0, 0] > 1e-6).sum() == 1
    # Patch (0, 0) is darker than the mean grey: covered, the second logit falls.
    assert maps[0, 1].argmax() == 0


def test_a_coarse_one_covers_every_patch():
    image = torch.full((1, 1, 48, 48), 0.2)
    image[..., 16:24, 24:32] = 1
    maps = Occlusion(PatchReader(), window=4, stride=3)(image).maps
    assert torch.isfinite(maps).all() and maps[0, 0, 2, 3] == maps[0, 0].max() > 0


def test_finds_what_each_label_was_learnt_from(spotter, spots):
    images, patches = spots
    assert hit_rate(Occlusion(spotter, window=1, stride=1)(images[:8]).maps, patches[:8]) >= 0.8


@pytest.mark.parametrize(("window", "stride"), [(7, 1), (2, 3), (0, 0)])
def test_gaps_are_refused(window, stride):
    with pytest.raises(ValueError, match=f"window of {window} and a stride of {stride}"):
        Occlusion(make_network(), window=window, stride=stride)
