"""Gain: the factor of the detail that a diffusion model adds.

Sampled detail is plausible but not always in the right place, so it lowers the PSNR. ``run sr_evaluation --gains``
(``gain_choice`` in ``experiments``) chooses the gain of a model on validation images and stores it in the model folder.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from ...common.text_file import read_json
from ..networks.weight_folder import hash_parts
from .data_consistency import data_consistent

FILE = "gain.json"


@dataclass(frozen=True)
class Sampled:
    """Output of a diffusion model for N regions, before the gain is applied.

    Attributes:
        image: regions (N, 1, 4 h, 4 w) with all of the sampled detail.
        base: regions (N, 1, 4 h, 4 w) without sampled detail; ``None`` if that is the interpolated input.
    """

    image: torch.Tensor
    base: torch.Tensor | None


def with_gain(sampled: Sampled, low_res: torch.Tensor, gain: float, data_consistency: bool) -> torch.Tensor:
    """Apply the gain to the sampled detail.

    Args:
        sampled: output of a diffusion model.
        low_res: input regions (N, 1, h, w) in [0, 1].
        gain: factor of the detail; without a base it has an effect only with ``data_consistency``.
        data_consistency: whether to correct the result until it reduces to its input.

    Returns:
        Enhanced regions (N, 1, 4 h, 4 w).
    """
    image = sampled.image
    if sampled.base is not None:  # the detail of the regression network is always kept in full
        image, gain = sampled.base + gain * (image - sampled.base), 1.0
    return data_consistent(image, low_res, gain) if data_consistency else image


def resolve_gain(gain: float | None, folder: Path, parts: Sequence[Path], usable: bool = True) -> float:
    """Gain to use for a model.

    Args:
        gain: gain from the settings; ``None`` for the gain stored in the model folder, or 1 if there is none.
        folder: model folder.
        parts: folders of the weights that a stored gain belongs to.
        usable: whether a gain has an effect, which takes a base or data consistency; otherwise the gain is 1.

    Raises:
        ValueError: the gain is out of range or has no effect, or the stored gain is damaged or was chosen for other
            weights.
    """
    if gain is None:
        gain = _read_gain(folder, parts) if usable else 1.0
    if not 0 <= gain <= 1:
        raise ValueError(f"gain: out of range; expected 0 to 1, found {gain}; set --gain 1")
    if gain != 1 and not usable:
        raise ValueError(f"gain: needs data_consistency; expected 1 without it, found {gain}; set --gain 1")
    return gain


def _read_gain(folder: Path, parts: Sequence[Path]) -> float:
    """Gain stored in a model folder; 1 if there is none.

    Raises:
        ValueError: the file is damaged or belongs to other weights.
    """
    path = folder / FILE
    if not path.is_file():
        return 1.0
    try:
        content = read_json(path, "gain and weights", "copy the file again or set --gain")
        gain, weights = float(content["gain"]), content["weights"]
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(
            f"{path}: cannot be read ({type(error).__name__}: {error}); expected gain and weights; copy the file again "
            "or set --gain"
        ) from error
    if (found := hash_parts(*parts)) != weights:
        raise ValueError(
            f"{path}: chosen for other weights; expected {weights}, found {found}; choose again with run sr_evaluation "
            "--gain 1 --split validation --gains LIST, or set --gain"
        )
    return gain
