"""ResShift: super-resolution by a diffusion that shifts the residual in four steps.

The implementation follows the equations of Yue et al. 2023 (arXiv 2307.12348), where an image x0 is shifted to its
degraded version y0. Here y0 is the result of the regression network. The process is expressed as the difference from
y0, in units of the residual's standard deviation: its form stays the same, y0 becomes zero, and the noise strength has
the same meaning for every image. The network works on blocks of 4 x 4 pixels stacked in channels, so that no
autoencoder limits the quality.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from ...common.atomic import write_json
from ...common.text_file import read_json
from ..networks.coding import SCALE, Coding
from ..networks.padding import pad_to_multiple
from ..networks.regression_network import RegressionNetwork
from ..networks.weight_folder import find_part, hash_parts, load_diffusers, load_network
from .diffusion_sampling import draw_noise
from .gain import Sampled, resolve_gain, with_gain

SCHEDULE_FILE = "shift.json"

Correct = Callable[[Tensor, Tensor], Tensor]


@dataclass(frozen=True)
class ShiftSchedule:
    """Noise schedule of the residual r: r_t = (1 - eta_t) r_0 + kappa sqrt(eta_t) n for t = 1 … T, with noise n.

    Attributes:
        residual_std: standard deviation of truth minus regression, in [0, 1] pixel units; scales r_0 to variance 1.
        steps: number of steps T.
        kappa: noise strength.
        first: determines the first value, sqrt(eta_1) = min(first / kappa, first).
        last: last value, sqrt(eta_T).
        power: exponent of the growth between the two.
    """

    residual_std: float
    steps: int = 4
    kappa: float = 2.0
    first: float = 0.2
    last: float = 0.99
    power: float = 0.3

    def etas(self) -> Tensor:
        """Values eta_0 = 0, eta_1, …, eta_T (T + 1,)."""
        start = min(self.first / self.kappa, self.first)
        growth = torch.linspace(0.0, 1.0, self.steps) ** self.power
        roots = start * torch.exp(growth * math.log(self.last / start))
        return torch.cat([torch.zeros(1), roots**2])

    def shift(self, residual: Tensor, noise: Tensor, step: Tensor) -> Tensor:
        """Shifted residual r_t from the residual r_0 (N, C, h, w), noise (N, C, h, w) and step t (N,)."""
        eta = self.etas().to(residual)[step][:, None, None, None]
        return (1.0 - eta) * residual + self.kappa * eta.sqrt() * noise

    def scaled(self, shifted: Tensor, step: Tensor) -> Tensor:
        """Scale r_t to a variance of about 1, for the input of the network."""
        eta = self.etas().to(shifted)[step][:, None, None, None]
        return shifted / (1.0 + self.kappa**2 * eta).sqrt()

    def sample(self, predict: Callable[[Tensor, Tensor], Tensor], shape: tuple[int, ...], noise: Any) -> Tensor:
        """Sample the residual r_0.

        Args:
            predict: function from scaled r_t and step (N,) to a prediction of r_0.
            shape: shape (N, C, h, w) of the residual.
            noise: function without arguments that draws Gaussian noise of this shape.
        """
        etas = self.etas()
        shifted = self.kappa * etas[-1].sqrt() * noise()
        for step in range(self.steps, 0, -1):
            number = torch.full((shape[0],), step, device=shifted.device)
            predicted = predict(self.scaled(shifted, number), number)
            kept, alpha = etas[step - 1] / etas[step], etas[step] - etas[step - 1]
            shifted = kept * shifted + alpha / etas[step] * predicted
            if step > 1:
                shifted = shifted + self.kappa * (kept * alpha).sqrt() * noise()
        return shifted


class ResShiftEnhancer:
    """×4 super-resolution with four network evaluations.

    Args:
        folder: model folder that ``run sr_training`` wrote, or its part ``resshift/`` (``unet/``, ``regression/``,
            ``shift.json``). If the part has no ``regression/``, that of the model folder is used.
        data_consistency: whether to correct the result until it reduces to its input.
        gain: factor of the detail that is added to the result of the regression network, 0 to 1; ``None`` for the gain
            stored in the folder (see :mod:`.gain`).
        device: device of the networks.

    Raises:
        FileNotFoundError: a part of the model is missing.
        ValueError: weights do not fit, or the gain is out of range.
    """

    name, scale, needs_native = "resshift", SCALE, False

    def __init__(
        self,
        folder: str | Path,
        *,
        data_consistency: bool = True,
        gain: float | None = None,
        device: torch.device | str = "cpu",
    ) -> None:
        from diffusers import UNet2DModel

        self.source = source = find_part(folder, "resshift")
        self.parts = [source / "unet", _regression_of(source)]
        self.device, self.data_consistency = torch.device(device), data_consistency
        self.schedule = _load_schedule(source)
        self.coding = Coding(load_network(RegressionNetwork, self.parts[1]).to(self.device), channels=1)
        self.unet = load_diffusers(UNet2DModel, source / "unet").to(self.device)
        _check_unet(source, self.unet, self.coding)
        self.multiple = 2 ** (len(self.unet.config.block_out_channels) - 1)
        self.gain = resolve_gain(gain, source, self.parts)
        self.weights_hash = hash_parts(*self.parts, settings=(self.schedule, data_consistency, self.gain))

    @torch.inference_mode()
    def enhance(self, low_res: Tensor, *, generators: Sequence[torch.Generator]) -> Tensor:
        """Enlarge regions (N, 1, h, w) in [0, 1] to (N, 1, 4 h, 4 w)."""
        low_res = low_res.to(self.device, torch.float32)
        return with_gain(self.sample(low_res, generators), low_res, self.gain, self.data_consistency).cpu()

    @torch.inference_mode()
    def sample(self, low_res: Tensor, generators: Sequence[torch.Generator], correct: Correct | None = None) -> Sampled:
        """Sample regions, before gain and data consistency.

        Args:
            low_res: input (N, 1, h, w) on ``device``.
            generators: one random generator per region.
            correct: function that corrects the image (N, 1, 4 h, 4 w) predicted in a step, for its input (N, 1, h, w);
                both are padded. ``None`` for no correction.
        """
        size = (slice(SCALE * low_res.shape[-2]), slice(SCALE * low_res.shape[-1]))
        padded = pad_to_multiple(low_res, self.multiple)
        base = self.coding.base(padded)
        condition, deviation = self.coding.condition(padded, base), self.schedule.residual_std

        def noise() -> Tensor:
            return draw_noise(condition, SCALE**2, generators)

        def predict(shifted: Tensor, step: Tensor) -> Tensor:
            predicted = self.unet(torch.cat([shifted, condition], dim=1), timestep(step, self.schedule)).sample
            if correct is None:
                return predicted
            image = base + F.pixel_shuffle(predicted, SCALE) * deviation
            return F.pixel_unshuffle(correct(image, padded) - base, SCALE) / deviation

        shape = (len(padded), SCALE**2, *padded.shape[-2:])
        residual = F.pixel_shuffle(self.schedule.sample(predict, shape, noise), SCALE) * deviation
        return Sampled((base + residual)[..., *size], base[..., *size])


def timestep(step: Tensor, schedule: ShiftSchedule) -> Tensor:
    """Convert steps 1 … T to the range up to 1000 that the time embedding of the network expects."""
    return step * (1000 // schedule.steps)


def save_schedule(folder: Path, schedule: ShiftSchedule) -> None:
    """Write ``shift.json``."""
    write_json(folder / SCHEDULE_FILE, asdict(schedule))


def _regression_of(source: Path) -> Path:
    """Folder of the regression network: that of the part ``resshift/``, or else that of the model folder around it."""
    own, shared = source / "regression", source.parent / "regression"
    return shared if shared.is_dir() and not own.is_dir() else own


def _load_schedule(folder: Path) -> ShiftSchedule:
    """Read ``shift.json``.

    Raises:
        FileNotFoundError: the file does not exist.
        ValueError: the file is damaged or its values are out of range.
    """
    path = folder / SCHEDULE_FILE
    if not path.is_file():
        raise FileNotFoundError(
            f"{folder}: no residual-shifting model; expected {SCHEDULE_FILE}, unet/ and regression/, found no "
            f"{SCHEDULE_FILE}; train it with run sr_training --stages \"['regression','resshift']\""
        )
    try:
        schedule = ShiftSchedule(**read_json(path, "a schedule", "copy the folder again"))
        usable = schedule.steps >= 2 and schedule.kappa > 0 and schedule.residual_std > 0
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"{path}: schedule cannot be read ({error}); expected {[*ShiftSchedule.__annotations__]}; copy the "
            "folder again"
        ) from error
    if not usable:
        raise ValueError(
            f"{path}: schedule cannot be used; expected 2 steps or more and positive kappa and residual_std, found "
            f"{asdict(schedule)}; copy the folder again"
        )
    return schedule


def _check_unet(folder: Path, unet: Any, coding: Coding) -> None:
    """Check the numbers of channels of the network.

    Raises:
        ValueError: they do not fit the coding.
    """
    expected = (SCALE**2 + coding.condition_channels, SCALE**2)
    found = (int(unet.config.in_channels), int(unet.config.out_channels))
    if found != expected:
        raise ValueError(
            f"{folder}/unet: network cannot be used; expected {expected[0]} channels in and {expected[1]} out, found "
            f"{found[0]} in and {found[1]} out; train it again"
        )
