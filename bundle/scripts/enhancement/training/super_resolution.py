"""Datalist -> crops -> autoencoder -> diffusion -> decoder -> diffusers folder with figures and provenance."""

from __future__ import annotations

import logging
import os
import shutil
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from ...data.atomic import write_json
from ...data.datalist import Datalist
from . import figures
from .autoencoder import AutoencoderStep, build_autoencoder, standardise_latents
from .crops import extract_crops
from .decoder import DecoderStep, decoder_parameters
from .diffusion import DiffusionStep, build_scheduler, build_unet
from .stage import Budget, Log, run_stage

logger = logging.getLogger(__name__)

PARTS = ("unet", "vqvae", "scheduler")
VALIDATION_CROPS = 128


def no_log(metrics: dict[str, float], step: int) -> None:
    """Log nowhere."""


def train_sr(
    datalist: Datalist,
    output_dir: str | Path,
    *,
    crop_size: int = 64,
    batch_size: int = 8,
    autoencoder_minutes: float = 4.0,
    diffusion_minutes: float = 4.0,
    decoder_minutes: float = 1.0,
    max_steps: int | None = None,
    learning_rate: float = 2e-3,
    autoencoder_channels: Sequence[int] = (16, 32, 64),
    codes: int = 4096,
    unet_channels: Sequence[int] = (48, 64, 96),
    crops_per_megapixel: float = 15.0,
    max_images: int = 4000,
    device: str | torch.device = "cpu",
    seed: int = 0,
    log: Log = no_log,
) -> dict[str, dict[str, float]]:
    """Train a latent diffusion enhancer ×4 on the training split, measure it on the validation split.

    The autoencoder's ceiling is printed beside bicubic before the diffusion starts. A killed run continues where its
    last checkpoint (every 30 s, in ``output_dir/checkpoints``) left it.

    Args:
        datalist: training and validation images.
        output_dir: becomes a diffusers folder (``unet/``, ``vqvae/``, ``scheduler/``, ``model_index.json``) with
            ``metrics.json`` and ``provenance.json``.
        crop_size: side of a high-resolution crop, a multiple of 16.
        batch_size: crops a step of the autoencoder; the diffusion, whose grids are smaller, takes four times as many.
        autoencoder_minutes: budget of that stage.
        diffusion_minutes: budget of that stage.
        decoder_minutes: budget of the decoder's adaptation to sampled latents; 0 leaves it out.
        max_steps: also end each stage after so many steps.
        learning_rate: highest rate of every stage.
        autoencoder_channels: widths from full to quarter resolution.
        codes: size of the codebook.
        unet_channels: widths of the diffusion network, multiples of 16, the last one of 32.
        crops_per_megapixel: density of crops.
        max_images: of each split.
        device: torch device.
        seed: the same seed, data and steps give the same weights on the same machine.
        log: receives metrics (dict) and step of each stage.

    Returns:
        The content of ``metrics.json``: method -> ``psnr`` (dB), ``ssim``.

    Raises:
        ValueError: a setting out of range, no usable image, or a checkpoint of other settings in ``output_dir``.
    """
    check_sizes(crop_size, autoencoder_channels, unet_channels)
    settings = {
        "data_sha256": datalist.sha256,
        "crop_size": crop_size,
        "batch_size": batch_size,
        "learning_rate": learning_rate,
        "autoencoder_channels": list(autoencoder_channels),
        "codes": codes,
        "unet_channels": list(unet_channels),
        "crops_per_megapixel": crops_per_megapixel,
        "max_images": max_images,
        "seed": seed,
    }
    output_dir = Path(output_dir)
    sampling: dict[str, Any] = {"per_megapixel": crops_per_megapixel, "max_images": max_images, "seed": seed}
    crops = extract_crops(datalist.splits["training"], crop_size, **sampling)
    held_out = extract_crops(datalist.splits["validation"], crop_size, **sampling)
    chosen = torch.randperm(len(held_out), generator=torch.Generator().manual_seed(seed))[:VALIDATION_CROPS]
    held_out = held_out[chosen]
    logger.info("%d training crops, %d validation crops of %d pixels", len(crops), len(held_out), crop_size)

    torch.manual_seed(seed)  # initial weights
    # channels_last: measured 1.2 times faster on the processor
    vqvae = build_autoencoder(tuple(autoencoder_channels), codes).to(device, memory_format=torch.channels_last)
    unet = build_unet(tuple(unet_channels), sample_size=crop_size // 4).to(device)
    scheduler = build_scheduler()
    common: dict[str, Any] = {"settings": settings, "seed": seed, "learning_rate": learning_rate, "log": log}
    checkpoints = output_dir / "checkpoints"

    train_autoencoder = AutoencoderStep(vqvae, crops, batch_size)
    optimizer = torch.optim.AdamW(vqvae.parameters(), weight_decay=0.0)
    parts = {"network": vqvae, "optimizer": optimizer, "codes": train_autoencoder}
    budget, path = Budget(autoencoder_minutes, max_steps), checkpoints / "autoencoder.pt"
    steps = {"autoencoder": run_stage("autoencoder", parts, train_autoencoder, budget=budget, path=path, **common)}
    vqvae.eval().requires_grad_(False)
    standardise_latents(vqvae, crops[:512])
    results = figures.measure_bicubic(held_out) | figures.measure_autoencoder(vqvae, held_out)
    print(f"Autoencoder's ceiling beside bicubic, held-out crops:\n{figures.describe(results)}", flush=True)

    optimizer = torch.optim.AdamW(unet.parameters(), weight_decay=0.0)
    train_diffusion = DiffusionStep(unet, vqvae, scheduler, crops, 4 * batch_size)
    parts = {"network": unet, "optimizer": optimizer}
    budget, path = Budget(diffusion_minutes, max_steps), checkpoints / "diffusion.pt"
    steps["diffusion"] = run_stage("diffusion", parts, train_diffusion, budget=budget, path=path, **common)
    unet.eval().requires_grad_(False)

    trained = decoder_parameters(vqvae)
    for parameter in trained:
        parameter.requires_grad_(True)
    optimizer = torch.optim.AdamW(trained, weight_decay=0.0)
    train_decoder = DecoderStep(unet, vqvae, scheduler, crops, batch_size)
    parts = {"network": vqvae, "optimizer": optimizer}
    budget, path = Budget(decoder_minutes, max_steps), checkpoints / "decoder.pt"
    steps["decoder"] = run_stage("decoder", parts, train_decoder, budget=budget, path=path, **common)

    save_folder(output_dir, {"unet": unet, "vqvae": vqvae, "scheduler": scheduler})
    results |= figures.measure_ldm(output_dir, held_out, device=device)
    print(f"Held-out crops, x4:\n{figures.describe(results)}", flush=True)
    log({f"{name}_{key}": value for name, row in results.items() for key, value in row.items()}, steps["diffusion"])
    provenance = {"settings": settings, "steps": steps, "crops": {"training": len(crops), "validation": len(held_out)}}
    write_json(output_dir / "metrics.json", results)
    write_json(output_dir / "provenance.json", {**provenance, **software(), "figures": results})
    return results


def check_sizes(crop_size: int, autoencoder_channels: Sequence[int], unet_channels: Sequence[int]) -> None:
    """Refuse sizes that the networks cannot halve.

    Raises:
        ValueError: naming the setting.
    """
    if crop_size < 32 or crop_size % 16:
        raise ValueError(f"crop_size: expected a multiple of 16 from 32, found {crop_size}; take 64")
    if len(autoencoder_channels) != 3:
        raise ValueError(
            f"autoencoder_channels: expected 3 widths (factor 4), found {list(autoencoder_channels)}; give three"
        )
    if not unet_channels or unet_channels[-1] % 32 or any(width % 16 for width in unet_channels):
        raise ValueError(
            f"unet_channels: expected multiples of 16 and, last, of 32; found {list(unet_channels)}; take [48, 64, 96]"
        )


def save_folder(folder: Path, parts: Mapping[str, Any]) -> None:
    """Write the diffusers folder; each part appears complete. Weights are stored as float16 and run as float32."""
    for name, part in parts.items():
        fresh = folder / f".{name}.new"
        shutil.rmtree(fresh, ignore_errors=True)
        if isinstance(part, torch.nn.Module):
            save_half(part, fresh)
        else:
            part.save_pretrained(fresh)
        shutil.rmtree(folder / name, ignore_errors=True)
        os.replace(fresh, folder / name)
    index = {name: ["diffusers", type(part).__name__] for name, part in parts.items()}
    write_json(folder / "model_index.json", {"_class_name": "LDMSuperResolutionPipeline", **index})


def save_half(network: Any, folder: Path) -> None:
    """Configuration and float16 weights of a diffusers network, which stays as it is."""
    from safetensors.torch import save_file

    network.save_config(folder)
    state = {name: value.detach().half().cpu().contiguous() for name, value in network.state_dict().items()}
    save_file(state, folder / "diffusion_pytorch_model.safetensors", metadata={"format": "pt"})


def software() -> dict[str, Any]:
    """Versions and date of a run."""
    import diffusers

    versions = {"torch": torch.__version__, "diffusers": diffusers.__version__, "python": sys.version.split()[0]}
    return {"versions": versions, "date": time.strftime("%Y-%m-%d")}


class SuperResolutionTraining:
    """:func:`train_sr` with an MLflow run around it: what ``configs/train_sr.yaml`` names.

    Args:
        datalist: training and validation images.
        output_dir: the diffusers folder to make.
        tracker: receives settings, metrics and ``metrics.json``.
        settings: the other arguments of :func:`train_sr`.
    """

    def __init__(self, datalist: Datalist, output_dir: str | Path, tracker: Any, **settings: Any) -> None:
        self.datalist, self.output_dir, self.tracker, self.settings = datalist, Path(output_dir), tracker, settings

    def run(self) -> dict[str, dict[str, float]]:
        """Train, measure, record."""
        self.tracker.start({**self.settings, "data_sha256": self.datalist.sha256})
        try:
            results = train_sr(self.datalist, self.output_dir, **self.settings, log=self.tracker.log_metrics)
        except Exception:
            self.tracker.close("FAILED")
            raise
        self.tracker.log_artifacts(self.output_dir / "metrics.json", self.output_dir / "provenance.json")
        self.tracker.close()
        return results
