import json
import shutil

import pytest
import torch
from scripts.super_resolution.enhancers.gain import FILE, Sampled, with_gain
from scripts.super_resolution.enhancers.latent_diffusion import LatentDiffusionEnhancer
from scripts.super_resolution.networks.weight_folder import hash_parts

from ..tiny_ldm import edit_json, write_tiny_ldm


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return write_tiny_ldm(tmp_path_factory.mktemp("ldm"))


@pytest.fixture
def folder(model, tmp_path):
    """A model with a gain of its own."""
    folder = shutil.copytree(model, tmp_path / "ldm")
    weights = hash_parts(*(folder / part for part in ("unet", "vqvae", "scheduler")))
    (folder / FILE).write_text(json.dumps({"gain": 0.25, "weights": weights}))
    return folder


def test_gain_sets_the_share_of_the_added_detail():
    low_res, base = torch.full((1, 1, 4, 4), 0.5), torch.full((1, 1, 16, 16), 0.5)
    detail = 0.1 * torch.randn(1, 1, 16, 16)
    found = with_gain(Sampled(base + detail, base), low_res, 0.25, data_consistency=False)
    torch.testing.assert_close(found, base + 0.25 * detail)


def test_the_gain_of_the_folder_is_the_default_and_a_given_gain_takes_precedence(folder, model):
    low_res, seed = 0.3 + 0.4 * torch.rand(1, 1, 8, 8), lambda: [torch.Generator().manual_seed(0)]
    own, same, other = (LatentDiffusionEnhancer(folder, steps=2, gain=gain) for gain in (None, 0.25, 1.0))
    assert (own.gain, other.gain, LatentDiffusionEnhancer(model).gain) == (0.25, 1.0, 1.0)
    assert own.weights_hash == same.weights_hash != other.weights_hash
    assert torch.equal(own.enhance(low_res, generators=seed()), same.enhance(low_res, generators=seed()))
    assert not torch.allclose(own.enhance(low_res, generators=seed()), other.enhance(low_res, generators=seed()))


def test_without_data_consistency_no_gain_is_read(folder):
    assert LatentDiffusionEnhancer(folder, data_consistency=False).gain == 1.0


def test_gain_of_other_weights_and_a_damaged_one_are_rejected(folder):
    edit_json(folder / FILE, weights="0" * 16)
    with pytest.raises(ValueError, match=r"chosen for other weights.*--gain 1 --split validation"):
        LatentDiffusionEnhancer(folder)
    assert LatentDiffusionEnhancer(folder, gain=1.0).gain == 1.0
    for content in ("{", "{}", '{"gain": "much", "weights": ""}'):
        (folder / FILE).write_text(content)
        with pytest.raises(ValueError, match=r"gain.json: cannot be read"):
            LatentDiffusionEnhancer(folder)
