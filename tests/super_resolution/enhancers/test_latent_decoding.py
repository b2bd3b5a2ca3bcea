import pytest
import torch
from scripts.super_resolution.enhancers.latent_decoding import _normalised_by, _recorded, _starts, decode_latents

from ..tiny_ldm import tiny_networks

STEPS = 80  # of training the autoencoder


@pytest.fixture(scope="module")
def picture():
    """Smooth, brighter on one side, with texture: (1, 1, 384, 288) in [0, 1]."""
    rows, columns = torch.meshgrid(torch.linspace(0, 1, 384), torch.linspace(0, 1, 288), indexing="ij")
    image = 0.2 + 0.5 * columns + 0.1 * torch.sin(40 * rows) * torch.sin(25 * columns)
    image = image + 0.02 * torch.randn(image.shape, generator=torch.Generator().manual_seed(0))
    return image[None, None]


@pytest.fixture(scope="module")
def vqvae(picture):
    """Of diffusers' class, which normalises over the whole image; trained: random weights are faithful to none."""
    from diffusers import VQModel

    torch.manual_seed(0)
    vqvae = VQModel(
        in_channels=1,
        out_channels=1,
        down_block_types=["DownEncoderBlock2D"] * 3,
        up_block_types=["UpDecoderBlock2D"] * 3,
        block_out_channels=[16, 16, 32],
        num_vq_embeddings=256,
        norm_num_groups=8,
        mid_block_add_attention=False,
    )
    optimizer = torch.optim.Adam(vqvae.parameters(), 3e-3)
    for step in range(STEPS):
        row, column = (37 * step) % 320, (53 * step) % 224
        crop = picture[..., row : row + 64, column : column + 64] * 2 - 1
        restored = vqvae.decode(vqvae.encode(crop).latents, force_not_quantize=True).sample
        loss = (restored - crop).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    with torch.no_grad():  # codes where the latents are
        found = vqvae.encode(picture * 2 - 1).latents.permute(0, 2, 3, 1).flatten(0, 2)
        vqvae.quantize.embedding.weight.copy_(found[:: len(found) // 256][:256])
    return vqvae.eval()


@pytest.fixture(scope="module")
def latents(vqvae, picture):
    """(1, 3, 96, 72)."""
    with torch.no_grad():
        return vqvae.encode(picture * 2 - 1).latents


def test_tiles_equal_the_whole_image_to_a_hundredth_of_the_range(vqvae, latents):
    whole = decode_latents(vqvae, latents, tile=96)
    tiled = decode_latents(vqvae, latents, tile=64, overlap=16)
    assert tiled.shape == whole.shape == (1, 1, 384, 288)
    error = (tiled - whole).abs() / 2  # in [0, 1]
    assert error.mean() < 0.01 and error.max() < 0.05


def test_tiles_without_the_statistics_of_the_whole_image_differ(vqvae, latents):
    """Why the statistics are taken from the reduced latents at all."""
    whole = decode_latents(vqvae, latents, tile=96)
    corner = decode_latents(vqvae, latents[..., :32, :32], tile=96)
    assert (corner - whole[..., :128, :128])[..., :96, :96].abs().mean() > 0.02


def test_normalising_by_the_statistics_of_the_image_changes_nothing(vqvae, latents):
    part, statistics = latents[..., :16, :16], {}
    with torch.no_grad():
        with _recorded(vqvae.decoder, statistics):
            plain = vqvae.decode(part).sample
        with _normalised_by(vqvae.decoder, statistics):
            torch.testing.assert_close(vqvae.decode(part).sample, plain, atol=1e-4, rtol=0)
        assert torch.equal(vqvae.decode(part).sample, plain)  # the hooks are gone


def test_a_region_decodes_alike_in_any_batch():
    _, vqvae, _ = tiny_networks()
    latents = torch.randn(3, 3, 8, 8)
    together = decode_latents(vqvae.eval(), latents)
    assert torch.equal(together[1:2], decode_latents(vqvae, latents[1:2]))


def test_decoder_stays_in_float32_under_autocast():
    _, vqvae, _ = tiny_networks()
    latents = torch.randn(1, 3, 8, 8)
    expected = decode_latents(vqvae.eval(), latents)
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(decode_latents(vqvae, latents), expected)


@pytest.mark.parametrize(("length", "expected"), [(64, [0]), (40, [0]), (65, [0, 1]), (150, [0, 48, 86])])
def test_tiles_cover_a_length(length, expected):
    assert _starts(length, 64, 16) == expected
