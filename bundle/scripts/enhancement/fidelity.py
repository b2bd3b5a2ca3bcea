"""PSNR and SSIM in the regions and in the full image, against the input and against the truth.

Similarity to the *input* (the paper's Table 3) says how little was changed, not how well: the untouched pixels dilute
it by 10 log10(area). Against the *truth*, native pixels are reduced, enhanced, and compared with themselves.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from monai.metrics import SSIMMetric

from .regions import Region

PSNR_CAP = 100.0  # of equal images; JSON and MLflow have no infinity
SSIM_WINDOW = 11


def psnr(image: torch.Tensor, reference: torch.Tensor) -> float:
    """Decibels for the fixed range 1, capped at 100."""
    error = float(((image.double() - reference.double()) ** 2).mean())
    return PSNR_CAP if error == 0 else min(PSNR_CAP, -10 * float(torch.log10(torch.tensor(error, dtype=torch.float64))))


def ssim(image: torch.Tensor, reference: torch.Tensor) -> float | None:
    """Structural similarity (Wang 2004) for the fixed range 1; ``None`` below 11 pixels."""
    if min(image.shape[-2:]) < SSIM_WINDOW:
        return None
    values = SSIMMetric(spatial_dims=2, data_range=1.0)(image[None], reference[None])
    return float(torch.as_tensor(values).mean())


def compare_images(
    name: str, full: tuple[torch.Tensor, torch.Tensor], regions: Sequence[tuple[torch.Tensor, torch.Tensor]]
) -> dict[str, float | None]:
    """``psnr_<name>_full``, ``ssim_<name>_full``, and the means over the regions, ``…_region``.

    Args:
        name: ``input`` or ``truth``.
        full: image and reference, (1, H, W) each.
        regions: crop and reference per region, (1, h, w) each.
    """
    return {
        f"psnr_{name}_full": round(psnr(*full), 4),
        f"ssim_{name}_full": rounded(ssim(*full)),
        f"psnr_{name}_region": rounded(mean([psnr(*pair) for pair in regions])),
        f"ssim_{name}_region": rounded(mean([ssim(*pair) for pair in regions])),
    }


def cut(image: torch.Tensor, region: Region) -> torch.Tensor:
    """(1, h, w) of a region."""
    return image[:, region.row0 : region.row1, region.col0 : region.col1]


def mean(values: Sequence[float | None]) -> float | None:
    """Mean of what is known."""
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None


def rounded(value: float | None) -> float | None:
    """Four decimals."""
    return None if value is None else round(value, 4)
