"""Super-resolution as an inverse problem: samples of a diffusion prior among the images that reduce to the input.

The method follows the idea of InverseSR (Wang et al. 2023, arXiv 2308.12465), a diffusion model as the prior of an
inverse problem, with another solver. InverseSR optimises latents until the decoded image reduces to the input. With the
block autoencoders that are trained here this moved nothing, because their decoder is no image prior and the start
already reduces to the input. Here the solver is posterior sampling without noise in the measurement: in every step of
the diffusion, the predicted image is projected onto the images that reduce to the input (arXiv 2212.00490; the
pseudoinverse guidance of Song et al. 2023 without the Jacobian of the network). The prior is the diffusion of the
enhancer ``resshift``, which works on pixels. The result is the mean of several samples, an estimate of the posterior
mean.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from ..networks.coding import SCALE
from ..networks.weight_folder import find_part, hash_parts
from .data_consistency import back_project, data_consistent
from .resshift import SCHEDULE_FILE, ResShiftEnhancer

_PROJECTIONS = 3  # iterations of back-projection in each step; the result is corrected fully


class InverseEnhancer:
    """×4 super-resolution by posterior sampling, at about ``samples`` times the cost of the enhancer ``resshift``.

    Args:
        folder: model folder that ``run sr_training`` wrote, or its part ``resshift/``.
        samples: number of samples of a region, whose mean is the result.
        data_consistency: whether to correct the result until it reduces to its input.
        device: device of the networks.

    Raises:
        FileNotFoundError: the folder has no ``resshift/``; a latent diffusion cannot take its place.
        ValueError: weights do not fit, or there is no sample.
    """

    name, scale, needs_native = "inverse", SCALE, False

    def __init__(
        self,
        folder: str | Path,
        *,
        samples: int = 4,
        data_consistency: bool = True,
        device: torch.device | str = "cpu",
    ) -> None:
        if samples < 1:
            raise ValueError(f"samples: expected 1 or more, found {samples}; take 4")
        _check_folder(find_part(folder, "resshift"))
        self.prior = ResShiftEnhancer(folder, data_consistency=False, gain=1.0, device=device)
        self.device, self.samples, self.data_consistency = self.prior.device, samples, data_consistency
        settings = (self.name, self.prior.schedule, samples, data_consistency, _PROJECTIONS)
        self.weights_hash = hash_parts(*self.prior.parts, settings=settings)

    @torch.inference_mode()
    def enhance(self, low_res: Tensor, *, generators: Sequence[torch.Generator]) -> Tensor:
        """Enlarge regions (N, 1, h, w) in [0, 1] to (N, 1, 4 h, 4 w)."""
        low_res = low_res.to(self.device, torch.float32)
        total = torch.zeros(())
        for _ in range(self.samples):
            total = total + self.prior.sample(low_res, generators, correct=_project).image
        high_res = total / self.samples
        return (data_consistent(high_res, low_res) if self.data_consistency else high_res).cpu()


def _project(image: Tensor, low_res: Tensor) -> Tensor:
    """Image (N, 1, 4 h, 4 w) near a predicted one that reduces to the input (N, 1, h, w), nearly."""
    return back_project(image, low_res, _PROJECTIONS)


def _check_folder(source: Path) -> None:
    """Check that a folder has a diffusion of pixels.

    Raises:
        FileNotFoundError: it has none.
    """
    if not (source / SCHEDULE_FILE).is_file():
        found = sorted(path.name for path in source.glob("*/")) or ["nothing"]
        raise FileNotFoundError(
            f"{source}: no prior for inverse; expected resshift/, a diffusion of pixels, found {', '.join(found)}; a "
            "latent diffusion, whose decoder is no image prior, cannot take its place: train resshift/ with run "
            "sr_training --stages \"['regression','resshift']\""
        )
