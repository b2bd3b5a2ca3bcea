"""Random networks of the checkpoint's classes, small enough for tests."""

import json

import torch


def tiny_networks(channels=3, seed=0):
    from diffusers import DDIMScheduler, UNet2DModel, VQModel

    torch.manual_seed(seed)
    vqvae = VQModel(
        in_channels=channels,
        out_channels=channels,
        down_block_types=["DownEncoderBlock2D"] * 3,
        up_block_types=["UpDecoderBlock2D"] * 3,
        block_out_channels=[8, 8, 8],
        num_vq_embeddings=32,
        norm_num_groups=4,
        mid_block_add_attention=False,
    )
    unet = UNet2DModel(
        sample_size=16,
        in_channels=3 + channels,
        out_channels=3,
        down_block_types=["DownBlock2D"] * 4,
        up_block_types=["UpBlock2D"] * 4,
        block_out_channels=[8, 8, 8, 8],
        layers_per_block=1,
        norm_num_groups=4,
        attention_head_dim=4,
    )
    scheduler = DDIMScheduler(
        beta_start=0.0015, beta_end=0.0155, beta_schedule="scaled_linear", clip_sample=False, steps_offset=1
    )
    return unet, vqvae, scheduler


def write_tiny_ldm(folder, safe_serialization=True, **kwargs):
    unet, vqvae, scheduler = tiny_networks(**kwargs)
    unet.save_pretrained(folder / "unet", safe_serialization=safe_serialization)
    vqvae.save_pretrained(folder / "vqvae", safe_serialization=safe_serialization)
    scheduler.save_pretrained(folder / "scheduler")
    return folder


def edit_json(path, **changes):
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))
