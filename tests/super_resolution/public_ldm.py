"""Random weights with the configuration and the files of CompVis/ldm-super-resolution-4x-openimages."""

import json

import torch
from diffusers import DDIMScheduler, UNet2DModel, VQModel
from safetensors.torch import save_file

PUBLIC_UNET = {
    "_class_name": "UNet2DModel",
    "sample_size": 64,
    "in_channels": 6,
    "out_channels": 3,
    "layers_per_block": 2,
    "block_out_channels": [160, 320, 320, 640],
    "down_block_types": ["DownBlock2D", "DownBlock2D", "DownBlock2D", "AttnDownBlock2D"],
    "up_block_types": ["AttnUpBlock2D", "UpBlock2D", "UpBlock2D", "UpBlock2D"],
    "attention_head_dim": 32,
}
PUBLIC_VQ = {
    "_class_name": "VQModel",
    "in_channels": 3,
    "out_channels": 3,
    "latent_channels": 3,
    "down_block_types": ["DownEncoderBlock2D"] * 3,
    "up_block_types": ["UpDecoderBlock2D"] * 3,
    "block_out_channels": [128, 256, 512],
    "layers_per_block": 2,
    "num_vq_embeddings": 8192,
}
OLD_NAMES = {".to_q.": ".query.", ".to_k.": ".key.", ".to_v.": ".value.", ".to_out.0.": ".proj_attn."}


def random_weights(name, shape):
    """Variance is kept from layer to layer, so that the output depends on the input."""
    if len(shape) == 1:
        return torch.full(shape, float(name.endswith("weight")), dtype=torch.half)
    return torch.empty(shape, dtype=torch.half).normal_(0, shape[1:].numel() ** -0.5)


def write_public_layout(folder):
    """The public checkpoint's configuration and file layout, its attention's old names too; random float16 weights."""
    counts = {}
    for part, kind, config in (("unet", UNet2DModel, PUBLIC_UNET), ("vqvae", VQModel, PUBLIC_VQ)):
        with torch.device("meta"):
            expected = kind.from_config(config).state_dict()
        state = {}
        for name, tensor in expected.items():
            for new, old in OLD_NAMES.items():
                name = name.replace(new, old)
            state[name] = random_weights(name, tensor.shape)
        (folder / part).mkdir(parents=True)
        (folder / part / "config.json").write_text(json.dumps(config))
        save_file(state, folder / part / "diffusion_pytorch_model.safetensors", metadata={"format": "pt"})
        counts[part] = round(sum(tensor.numel() for tensor in state.values()) / 1e6, 2)
    DDIMScheduler(
        beta_start=0.0015, beta_end=0.0155, beta_schedule="scaled_linear", clip_sample=False, steps_offset=1
    ).save_pretrained(folder / "scheduler")
    return counts
