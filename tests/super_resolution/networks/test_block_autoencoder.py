import pytest
import torch
from scripts.super_resolution.networks.block_autoencoder import BlockAutoencoder, load_autoencoder
from scripts.super_resolution.networks.weight_folder import save_network

from ..tiny_ldm import edit_json, tiny_networks


def test_has_the_interface_of_diffusers_and_a_quarter_of_the_resolution():
    vqvae, image = BlockAutoencoder(width=8, blocks=1, codes=16).eval(), torch.randn(2, 1, 16, 24)
    latents = vqvae.encode(image).latents
    assert latents.shape == (2, 4, 4, 6)
    assert vqvae.decode(latents).sample.shape == image.shape == vqvae(image).sample.shape
    assert not torch.equal(vqvae.decode(latents).sample, vqvae.decode(latents, force_not_quantize=True).sample)


def test_decoding_takes_the_codes_that_training_takes():
    torch.manual_seed(0)
    vqvae, latents = BlockAutoencoder(width=8, blocks=1, codes=64).eval(), torch.randn(2, 4, 5, 7)
    torch.nn.init.normal_(vqvae.quantize.embedding.weight)
    with torch.no_grad():
        codes = vqvae.quantize(latents)[0]
        expected = vqvae.decode(codes, force_not_quantize=True).sample
        assert torch.allclose(vqvae.decode(latents).sample, expected, atol=1e-5)
        latents[0, 0, 0, 0] = torch.nan  # the region is rejected later, and others are kept
        found = vqvae.decode(latents).sample
        assert not found[0].isfinite().all() and torch.allclose(found[1], expected[1], atol=1e-5)


def test_amplitude_is_preserved():
    # Group normalisation would give nearly the same features for both.
    torch.manual_seed(0)
    vqvae, image = BlockAutoencoder(width=8, blocks=1).eval(), torch.randn(1, 1, 16, 16)
    with torch.no_grad():
        small, large, none = (
            vqvae.decode(vqvae.encode(factor * image).latents, force_not_quantize=True).sample
            for factor in (1.0, 10.0, 0.0)
        )
    assert (large - none).std() > 5 * (small - none).std()


def test_folder_determines_the_class_of_the_autoencoder(tmp_path):
    save_network(BlockAutoencoder(width=8, blocks=1, codes=16), tmp_path / "ours")
    assert isinstance(load_autoencoder(tmp_path / "ours"), BlockAutoencoder)
    save_network(tiny_networks()[1], tmp_path / "diffusers")
    assert type(load_autoencoder(tmp_path / "diffusers")).__name__ == "VQModel"
    edit_json(tmp_path / "ours" / "config.json", _class_name="AutoencoderKL")
    with pytest.raises(ValueError, match="expected VQModel, found AutoencoderKL"):
        load_autoencoder(tmp_path / "ours")
