"""Metrics of each method on held-out crops, with and without data consistency, and a panel of example crops."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ..super_resolution.enhancers.data_consistency import data_consistent
from ..super_resolution.enhancers.enhancer import Enhancer
from ..super_resolution.enhancers.guided import GuidedEnhancer
from ..super_resolution.enhancers.latent_diffusion import LatentDiffusionEnhancer
from ..super_resolution.enhancers.resshift import ResShiftEnhancer
from ..super_resolution.fidelity import psnr, ssim
from ..super_resolution.networks.coding import SCALE, Coding
from ..super_resolution.networks.regression_network import RegressionNetwork
from ..super_resolution.resampling import degrade, resize

Metrics = dict[str, dict[str, float]]

_BATCH = 16
_SHOWN = 4


def _compare(images: Tensor, high_res: Tensor) -> dict[str, float]:
    """Mean PSNR (dB) and SSIM over crops (N, 1, H, W)."""
    pairs = list(zip(images.cpu(), high_res.cpu(), strict=True))
    similarity = [ssim(*pair) for pair in pairs]
    known = [value for value in similarity if value is not None]
    metrics = {"psnr": sum(psnr(*pair) for pair in pairs) / len(pairs)}
    return metrics | ({"ssim": sum(known) / len(known)} if known else {})


def _both(name: str, images: Tensor, high_res: Tensor) -> Metrics:
    """Metrics of enhanced crops, clipped to [0, 1], and of the same crops after data consistency."""
    consistent = data_consistent(images, degrade(high_res, SCALE).clamp(0.0, 1.0))
    return {
        name: _compare(images.clamp(0.0, 1.0), high_res),
        f"{name}_consistent": _compare(consistent, high_res),
    }


def measure_bicubic(high_res: Tensor) -> Metrics:
    """Metrics of bicubic interpolation, the baseline."""
    rows, columns = high_res.shape[-2:]
    return _both("bicubic", resize(degrade(high_res, SCALE), (rows, columns)), high_res)


@torch.no_grad()
def measure_residual(network: RegressionNetwork, high_res: Tensor, name: str = "residual") -> Metrics:
    """Metrics of a regression network, under its name."""
    device = next(network.parameters()).device
    parts = [network(degrade(part.to(device), SCALE)).cpu() for part in high_res.split(_BATCH)]
    return _both(name, torch.cat(parts), high_res)


@torch.no_grad()
def measure_autoencoder(vqvae: Any, coding: Coding, high_res: Tensor) -> Metrics:
    """Metrics of the autoencoder and of its regression network, if any, and the number of codes in use."""
    device = next(vqvae.parameters()).device
    images, codes = [], []
    for part in high_res.to(device).split(_BATCH):
        base = coding.base(degrade(part, SCALE))
        quantized, _, (_, _, indices) = vqvae.quantize(vqvae.encode(coding.target(part, base)).latents)
        images.append(coding.image(vqvae.decode(quantized, force_not_quantize=True).sample, base).cpu())
        codes.append(indices.flatten())
    used = int(torch.cat(codes).unique().numel())
    metrics = {} if coding.regression is None else measure_residual(coding.regression, high_res)
    metrics |= _both("autoencoder", torch.cat(images), high_res)
    return metrics | {"codebook": {"size": vqvae.config.num_vq_embeddings, "used": used}}


def measure_ldm(folder: Path, high_res: Tensor, *, device: str | torch.device) -> Metrics:
    """Metrics of the trained latent diffusion model, run by its enhancer."""
    metrics = {}
    for name, consistent in (("ldm", False), ("ldm_consistent", True)):
        enhancer = LatentDiffusionEnhancer(folder, data_consistency=consistent, gain=1.0, device=device)
        metrics[name] = _compare(_run_enhancer(enhancer, high_res).clamp(0.0, 1.0), high_res)
    return metrics


def measure_resshift(folder: Path, high_res: Tensor, *, device: str | torch.device) -> Metrics:
    """Metrics of the trained ResShift model, run by its enhancer."""
    enhancer = ResShiftEnhancer(folder, data_consistency=False, gain=1.0, device=device)
    return _both("resshift", _run_enhancer(enhancer, high_res), high_res)


def measure_guided(
    folder: Path, high_res: Tensor, box: tuple[int, int, int, int], guide: Tensor, *, device: str | torch.device
) -> Metrics:
    """Metrics of the trained guided network, for whole crops without guides and for a region with and without guides.

    Args:
        folder: model folder with ``guided/``.
        high_res: crops (N, 1, H, W) in [0, 1].
        box: region (row0, col0, row1, col1) in each crop.
        guide: guides (N, 2, 16, 16) of the regions.
        device: device of the network.
    """
    enhancer = GuidedEnhancer(folder, data_consistency=False, device=device)
    metrics = _both("guided", _run_enhancer(enhancer, high_res), high_res)
    region = high_res[..., box[0] : box[2], box[1] : box[3]].contiguous()
    low_res = degrade(region, SCALE).clamp(0.0, 1.0)
    for name, told in (("guided_centre", None), ("guided_centre_with_guide", guide)):
        metrics[name] = _compare(enhancer.enhance(low_res, generators=[], guide=told).clamp(0.0, 1.0), region)
    return metrics


def _run_enhancer(enhancer: Enhancer, high_res: Tensor) -> Tensor:
    """Reduce crops (N, 1, H, W) and enhance them, each with its own random generator."""
    low_res = degrade(high_res, SCALE).clamp(0.0, 1.0)
    generators = [torch.Generator().manual_seed(index) for index in range(len(high_res))]
    windows = [slice(start, start + _BATCH) for start in range(0, len(high_res), _BATCH)]
    return torch.cat([enhancer.enhance(low_res[window], generators=generators[window]) for window in windows])


def draw_panel(folder: Path, high_res: Tensor, *, device: str | torch.device) -> Path:
    """Write ``panel.png``: a row for each of the first crops, with a column for each enhancer and one for the truth."""
    from ..report.figures import save_png
    from ..super_resolution.enhancers.registry import make_enhancer

    shown = high_res[:_SHOWN]
    parts = {"residual": "regression", "ldm": "unet", "resshift": "resshift", "guided": "guided"}
    names = ["bicubic", *(name for name, part in parts.items() if (folder / part).is_dir())]
    columns = {
        name: _run_enhancer(make_enhancer(name, folder=folder, gain=1.0, device=device), shown) for name in names
    }
    return save_png(_mosaic({**columns, "truth": shown}), folder / "panel.png")


def _mosaic(columns: Mapping[str, Tensor]) -> Any:
    """Figure with a column of images (N, 1, H, W) for each title; each row has the grey scale of the truth."""
    from matplotlib.figure import Figure

    rows = len(next(iter(columns.values())))
    figure = Figure(figsize=(1.8 * len(columns), 1.8 * rows + 0.3), layout="constrained", facecolor="white")
    axes = figure.subplots(rows, len(columns), squeeze=False)
    for row in range(rows):
        truth = list(columns.values())[-1][row]
        for axis, (title, images) in zip(axes[row], columns.items(), strict=True):
            image, limits = images[row, 0].cpu().numpy(), (float(truth.min()), float(truth.max()))
            axis.imshow(image, cmap="gray", vmin=limits[0], vmax=limits[1], interpolation="nearest")
            axis.set_axis_off()
            axis.set_title(title if row == 0 else "", fontsize=8)
    return figure


def describe(metrics: Metrics) -> str:
    """Text with one line for each method."""
    return "\n".join(
        f"{name:24} " + "  ".join(f"{key} {value:.4g}" for key, value in row.items()) for name, row in metrics.items()
    )
