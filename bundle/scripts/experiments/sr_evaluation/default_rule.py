"""Rule that a default enhancer, or the gain of a diffusion, must satisfy beside data-consistent bicubic interpolation.

With 95 % confidence it must not invent or lose more pixels, nor have a lower structural similarity, and its mean PSNR
must be higher by a margin. Among those that satisfy the rule, the one with the most natural texture is the default.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch

from ...super_resolution.fidelity import mean, psnr, ssim
from ..kit.paired_statistics import mean_interval
from .errors import error_rates
from .sr_protocol import SCALE

_WORSE_IF_LARGER = ("hallucination_rate", "loss_rate")
_WORSE_IF_SMALLER = ("ssim",)
_REPLICATES = 1000
_ROUNDING = 1e-4  # a smaller difference is none: the same image by another way of computing differs by as much


def rule_metrics(images: Sequence[torch.Tensor], truths: Sequence[torch.Tensor]) -> dict[str, float]:
    """Metrics that the rule reads, means over regions (1, 4 h, 4 w) and their truths.

    Raises:
        ValueError: the regions are smaller than the window of the structural similarity.
    """
    pairs = list(zip(images, truths, strict=True))
    rates = [error_rates(image, truth, SCALE) for image, truth in pairs]
    values: dict[str, list[float | None]] = {
        "psnr": [psnr(image, truth) for image, truth in pairs],
        "ssim": [ssim(image, truth) for image, truth in pairs],
        **{name: [rate[name] for rate in rates] for name in _WORSE_IF_LARGER},
    }
    means = {name: mean(found) for name, found in values.items()}
    known = {name: value for name, value in means.items() if value is not None}
    if "ssim" not in known:
        raise ValueError("window: the structural similarity needs 11 pixels; found smaller regions; set --window 64")
    return known


def missed_conditions(
    differences: Mapping[str, Sequence[float]], patients: Sequence[object], margin: float
) -> list[str]:
    """Conditions of the rule that are not satisfied.

    Args:
        differences: for each metric of :func:`rule_metrics`, its differences from bicubic on F films.
        patients: patient of each film; intervals are by patient.
        margin: required mean difference of the PSNR, in decibels.

    Returns:
        Names of the metrics, none if the rule is satisfied. For films of one patient there is no interval, and the mean
        takes its place.
    """
    missed = [] if np.mean(differences["psnr"]) >= margin else ["psnr"]
    for name in (*_WORSE_IF_SMALLER, *_WORSE_IF_LARGER):
        values = np.asarray(differences[name], dtype=np.float64)
        low, high = mean_interval(values, patients, _REPLICATES, 0) or [float(values.mean())] * 2
        if (name in _WORSE_IF_LARGER and high > _ROUNDING) or (name in _WORSE_IF_SMALLER and low < -_ROUNDING):
            missed.append(name)
    return missed
