import pytest
from scripts.super_resolution.networks.latent_diffusion_networks import load_latent_diffusion
from scripts.super_resolution.networks.regression_network import RegressionNetwork
from scripts.super_resolution.networks.weight_folder import save_network

from ..tiny_ldm import edit_json, write_tiny_ldm


def test_model_of_whole_images(tmp_path):
    model = load_latent_diffusion(write_tiny_ldm(tmp_path))
    assert (model.latent_channels, model.multiple, model.coding.regression) == (3, 8, None)
    assert len(model.scheduler("DDIMScheduler", 5).timesteps) == 5


def test_parts_of_two_models_are_rejected(tmp_path):
    folder = write_tiny_ldm(tmp_path)
    save_network(RegressionNetwork(width=8, blocks=1), folder / "regression")
    with pytest.raises(ValueError, match=r"expected 22 channels in .* found 6 in"):
        load_latent_diffusion(folder)


def test_missing_schedule_is_named(tmp_path):
    folder = write_tiny_ldm(tmp_path)
    (folder / "scheduler" / "scheduler_config.json").unlink()
    with pytest.raises(FileNotFoundError, match="scheduler"):
        load_latent_diffusion(folder)


def test_another_class_is_named(tmp_path):
    folder = write_tiny_ldm(tmp_path)
    edit_json(folder / "vqvae" / "config.json", _class_name="AutoencoderKL")
    with pytest.raises(ValueError, match="expected VQModel, found AutoencoderKL"):
        load_latent_diffusion(folder)
