"""How much of the sampled detail is added. A model folder keeps the gain that was chosen for it on validation images.

Sampled detail costs PSNR: at a gain of one it is as likely in the wrong place as a draw from the distribution is.
``run sr_evaluation --gains`` finds how much of it a model can afford (``gain_choice`` in ``experiments``).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from ..networks.coding import SCALE
from ..networks.weight_folder import hash_parts
from .data_consistency import data_consistent

FILE = "gain.json"


@dataclass(frozen=True)
class Sampled:
    """What a diffusion drew for regions, before a gain.

    Attributes:
        image: (N, 1, 4 h, 4 w) with all of its detail.
        base: the same without any; ``None``: the interpolated input.
    """

    image: torch.Tensor
    base: torch.Tensor | None


def with_gain(sampled: Sampled, low_res: torch.Tensor, gain: float, data_consistency: bool) -> torch.Tensor:
    """Enhanced regions (N, 1, 4 h, 4 w) for their input (N, 1, h, w).

    Args:
        sampled: of a diffusion.
        low_res: in [0, 1].
        gain: of the detail; over an interpolated input it needs ``data_consistency``.
        data_consistency: correct the result until it reduces to its input.
    """
    image = sampled.image
    if sampled.base is not None:  # a network's result, whose own detail stays whole
        image, gain = sampled.base + gain * (image - sampled.base), 1.0
    return data_consistent(image, low_res, SCALE, gain) if data_consistency else image


def resolve_gain(gain: float | None, folder: Path, parts: Sequence[Path], usable: bool = True) -> float:
    """A gain that can be used.

    Args:
        gain: as set; ``None``: the folder's own, else 1.
        folder: of the model.
        parts: folders of the weights that a gain is chosen for.
        usable: whether the enhancer has a base, or data consistency, that detail could be added to; without, it is 1.

    Raises:
        ValueError: out of range, of no effect, or the folder's is damaged or was chosen for other weights.
    """
    if gain is None:
        gain = _read_gain(folder, parts) if usable else 1.0
    if not 0 <= gain <= 1:
        raise ValueError(f"gain: out of range; expected 0 to 1, found {gain}; set --gain 1")
    if gain != 1 and not usable:
        raise ValueError(f"gain: needs data_consistency; expected 1 without it, found {gain}; set --gain 1")
    return gain


def _read_gain(folder: Path, parts: Sequence[Path]) -> float:
    """Gain of a model folder; 1 where none was chosen.

    Raises:
        ValueError: the file is damaged, or of other weights.
    """
    path = folder / FILE
    if not path.is_file():
        return 1.0
    try:
        content = json.loads(path.read_text())
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
