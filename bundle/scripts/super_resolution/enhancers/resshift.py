"""Residual shifting: a diffusion of four steps between the truth and its interpolation (Yue et al. 2023, arXiv
2307.12348; written from its equations).

The paper shifts an image x0 to its degraded version y0. Here y0 is the regression network's result, and everything is
written relative to it, in standard deviations of the residual: the process keeps its form, y0 becomes zero, and the
noise strength has one meaning for every image. It runs on blocks of 4 x 4 pixels stacked in channels: no autoencoder,
hence no ceiling of one.
"""  # noqa: D205

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from ...common.atomic import write_json
from ..networks.coding import SCALE, Coding
from ..networks.padding import pad_to_multiple
from ..networks.regression_network import RegressionNetwork
from ..networks.weight_folder import find_part, hash_parts, load_diffusers, load_network
from .diffusion_sampling import draw_noise
from .gain import Sampled, resolve_gain, with_gain

_FILE = "shift.json"


@dataclass(frozen=True)
class ShiftSchedule:
    """How the residual gives way to noise: r_t = (1 - eta_t) r_0 + kappa sqrt(eta_t) n, t = 1 … steps.

    Attributes:
        residual_std: of truth less regression, in units of the image; makes r_0 of variance one.
        steps: T.
        kappa: noise strength.
        first: of sqrt(eta_1); it is min(first / kappa, first).
        last: sqrt(eta_T).
        power: p, of the growth between them.
    """

    residual_std: float
    steps: int = 4
    kappa: float = 2.0
    first: float = 0.2
    last: float = 0.99
    power: float = 0.3

    def etas(self) -> Tensor:
        """eta_0 = 0 and eta_1 … eta_T: (T + 1,)."""
        start = min(self.first / self.kappa, self.first)
        growth = torch.linspace(0.0, 1.0, self.steps) ** self.power
        roots = start * torch.exp(growth * math.log(self.last / start))
        return torch.cat([torch.zeros(1), roots**2])

    def shift(self, residual: Tensor, noise: Tensor, step: Tensor) -> Tensor:
        """r_t for r_0 (N, C, h, w), noise and step (N,)."""
        eta = self.etas().to(residual)[step][:, None, None, None]
        return (1.0 - eta) * residual + self.kappa * eta.sqrt() * noise

    def scaled(self, shifted: Tensor, step: Tensor) -> Tensor:
        """r_t at about variance one, as the network gets it."""
        eta = self.etas().to(shifted)[step][:, None, None, None]
        return shifted / (1.0 + self.kappa**2 * eta).sqrt()

    def sample(self, predict: Callable[[Tensor, Tensor], Tensor], shape: tuple[int, ...], noise: Any) -> Tensor:
        """r_0 from noise.

        Args:
            predict: (scaled r_t, step (N,)) -> r_0.
            shape: (N, C, h, w).
            noise: called without arguments, gives noise of that shape.
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
    """×4 super-resolution in four evaluations of a network.

    Args:
        folder: a ``resshift/`` that ``run sr_training`` wrote (``unet/``, ``regression/``, ``shift.json``), or the
            model folder around it.
        data_consistency: correct the result until it reduces to its input.
        gain: of what is added to the regression network's result, 0 to 1; ``None``: the folder's own (see
            :mod:`.gain`).
        device: where to run.

    Raises:
        FileNotFoundError: a part is missing.
        ValueError: a part's weights do not fit, or a gain out of range.
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
        self.parts = [source / "unet", source / "regression"]
        self.device, self.data_consistency = torch.device(device), data_consistency
        self.schedule = _load_schedule(source)
        self.coding = Coding(load_network(RegressionNetwork, source / "regression").to(self.device), channels=1)
        self.unet = load_diffusers(UNet2DModel, source / "unet").to(self.device)
        _check_unet(source, self.unet, self.coding)
        self.multiple = 2 ** (len(self.unet.config.block_out_channels) - 1)
        self.gain = resolve_gain(gain, source, self.parts)
        self.weights_hash = hash_parts(*self.parts, settings=(self.schedule, data_consistency, self.gain))

    @torch.inference_mode()
    def enhance(self, low_res: Tensor, *, generators: Sequence[torch.Generator]) -> Tensor:
        """(N, 1, h, w) in [0, 1] -> (N, 1, 4 h, 4 w)."""
        low_res = low_res.to(self.device, torch.float32)
        return with_gain(self.sample(low_res, generators), low_res, self.gain, self.data_consistency).cpu()

    @torch.inference_mode()
    def sample(self, low_res: Tensor, generators: Sequence[torch.Generator]) -> Sampled:
        """What :meth:`enhance` makes its result of, for (N, 1, h, w) on ``device``."""
        size = (slice(SCALE * low_res.shape[-2]), slice(SCALE * low_res.shape[-1]))
        padded = pad_to_multiple(low_res, self.multiple)
        base = self.coding.base(padded)
        residual = _sample_residual(self.unet, self.schedule, self.coding.condition(padded, base), generators)
        return Sampled((base + residual)[..., *size], base[..., *size])


def _sample_residual(
    unet: Any, schedule: ShiftSchedule, condition: Tensor, generators: Sequence[torch.Generator]
) -> Tensor:
    """Truth less regression for a condition (N, c, h, w), with one generator for each: (N, 1, 4 h, 4 w)."""
    shape = (len(condition), SCALE**2, *condition.shape[-2:])

    def noise() -> Tensor:
        return draw_noise(condition, SCALE**2, generators)

    def predict(shifted: Tensor, step: Tensor) -> Tensor:
        return unet(torch.cat([shifted, condition], dim=1), timestep(step, schedule)).sample

    return F.pixel_shuffle(schedule.sample(predict, shape, noise), SCALE) * schedule.residual_std


def timestep(step: Tensor, schedule: ShiftSchedule) -> Tensor:
    """Steps 1 … T on the scale of 1000 that the network's time embedding is made for."""
    return step * (1000 // schedule.steps)


def save_schedule(folder: Path, schedule: ShiftSchedule) -> None:
    """Write ``shift.json``."""
    write_json(folder / _FILE, asdict(schedule))


def _load_schedule(folder: Path) -> ShiftSchedule:
    """Schedule of a folder.

    Raises:
        FileNotFoundError: there is none.
        ValueError: it cannot be used.
    """
    path = folder / _FILE
    if not path.is_file():
        raise FileNotFoundError(
            f"{folder}: no residual-shifting model; expected {_FILE}, unet/ and regression/, found no {_FILE}; train "
            "it with run sr_training --stages \"['regression','resshift']\""
        )
    try:
        schedule = ShiftSchedule(**json.loads(path.read_text()))
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
    """Refuse a network of other channels.

    Raises:
        ValueError: naming them.
    """
    expected = (SCALE**2 + coding.condition_channels, SCALE**2)
    found = (int(unet.config.in_channels), int(unet.config.out_channels))
    if found != expected:
        raise ValueError(
            f"{folder}/unet: network cannot be used; expected {expected[0]} channels in and {expected[1]} out, found "
            f"{found[0]} in and {found[1]} out; train it again"
        )
