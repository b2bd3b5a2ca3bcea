"""Settings of the training of enhancers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import torch

from ..common.choices import check_choice
from ..training.precision import resolve_precision

STAGES = ("regression", "task", "autoencoder", "diffusion", "resshift", "guided")
_MINUTES = {
    "regression": 20.0,
    "task": 20.0,
    "autoencoder": 20.0,
    "diffusion": 50.0,
    "resshift": 40.0,
    "guided": 20.0,
}
TASK_LOSSES = ("feature", "classification")
_PRECISIONS = ("auto", "fp32", "bf16")  # fp16 is not offered, because it needs loss scaling
# Settings that do not affect the weights after a given number of steps.
_NOT_IN_WEIGHTS = {"stages", "minutes", "max_steps", "ceiling_margin", "device"}
# Settings of one stage alone (``task``, ``guided``), in whose checkpoint they are.
_OF_ONE_STAGE = {"classifier", "task_loss", "task_weight", "guided_crop_size"}


@dataclass(frozen=True)
class SrSettings:
    """Settings of :func:`.sr_training.train_sr`.

    Attributes:
        stages: stages to train, from ``STAGES``; each one finds the parts that it needs in the output folder, or in
            ``start_from``.
        start_from: model folder, which may be that of the public checkpoint. Its parts are the initial weights of the
            stages that train them. Parts that no stage trains are copied, with the gain that was chosen for them.
            ``None`` for random initial weights.
        classifier: model folder of the classifier that the stage ``task`` trains through, with the labels of the
            datalist.
        task_loss: loss of the stage ``task``: ``feature`` or ``classification``, see :class:`.train_task.TaskStep`.
        task_weight: weight of that loss beside the loss of the pixels.
        crop_size: side of a high-resolution crop, in pixels; a multiple of 16.
        guided_crop_size: the same for the stage ``guided``, whose regions are 1 / 4.5 of it; a multiple of 16.
        batch_size: number of crops per step; the diffusion networks, whose grids are smaller, take four times as many.
        minutes: largest training time of each stage.
        max_steps: largest number of steps of each stage; ``None`` for no limit.
        learning_rate: highest learning rate of each stage; take about a hundredth of the default for fine-tuning.
        average_decay: decay of the moving average of the weights; the averaged weights are saved.
        ceiling_margin: decibels by which the PSNR of the autoencoder has to exceed that of bicubic interpolation before
            the diffusion network is trained; ``None`` to train it in any case.
        regression_width: number of features of the regression network.
        regression_blocks: number of residual blocks of the regression network.
        autoencoder_width: number of features of the autoencoder.
        autoencoder_blocks: number of residual blocks in its encoder and in its decoder.
        latent_channels: number of latent channels, which encode a block of 4 x 4 pixels.
        codes: number of codes in the codebook.
        unet_channels: widths of the levels of the diffusion networks: multiples of 16, the last one of 32.
        crops_per_megapixel: number of crops per million pixels of an image.
        max_images: largest number of images from each split.
        precision: precision of the networks in training: ``auto`` (bf16 if the device is fast at it), ``fp32`` or
            ``bf16``; weights, degradation and losses are always float32.
        device: torch device of the networks.
        seed: random seed; with the same data and steps it gives the same weights on the same machine.

    Raises:
        ValueError: a setting is out of range.
    """

    stages: Sequence[str] = ("regression", "autoencoder", "diffusion")
    start_from: str | None = None
    classifier: str | None = None
    task_loss: str = "feature"
    task_weight: float = 1.0
    crop_size: int = 64
    guided_crop_size: int = 224
    batch_size: int = 16
    minutes: Mapping[str, float] = field(default_factory=lambda: dict(_MINUTES))
    max_steps: int | None = None
    learning_rate: float = 1e-3
    average_decay: float = 0.999
    ceiling_margin: float | None = 1.0
    regression_width: int = 64
    regression_blocks: int = 8
    autoencoder_width: int = 64
    autoencoder_blocks: int = 3
    latent_channels: int = 4
    codes: int = 4096
    unet_channels: Sequence[int] = (48, 64, 96)
    crops_per_megapixel: float = 15.0
    max_images: int = 4000
    precision: str = "auto"
    device: str | torch.device = "cpu"
    seed: int = 0

    def __post_init__(self) -> None:
        self.check_stages()
        self.check_sizes()

    def check_stages(self) -> None:
        """Check the stages and their budgets.

        Raises:
            ValueError: a stage is not known or has no budget.
        """
        for key, names in (("stages", self.stages), ("minutes", self.minutes)):
            if not names or isinstance(names, str):
                raise ValueError(
                    f"{key}: expected a list of {', '.join(STAGES)}, found {names!r}; take \"['regression']\""
                )
            for name in names:
                check_choice(key, name, STAGES)
        missing = [name for name in self.stages if name not in self.minutes]
        if missing:
            raise ValueError(f"minutes: expected a budget of every stage, found none of {', '.join(missing)}; add it")

    def check_sizes(self) -> None:
        """Check sizes, decay, margin and precision.

        Raises:
            ValueError: a setting is out of range.
        """
        for key, size, usual in (
            ("crop_size", self.crop_size, 64),
            ("guided_crop_size", self.guided_crop_size, 224),
        ):
            if size < 32 or size % 16:
                raise ValueError(f"{key}: expected a multiple of 16 from 32, found {size}; take {usual}")
        widths = list(self.unet_channels)
        if not widths or widths[-1] % 32 or any(width % 16 for width in widths):
            raise ValueError(
                f"unet_channels: expected multiples of 16 and, last, of 32; found {widths}; take [48, 64, 96]"
            )
        if not 0 <= self.average_decay < 1:
            raise ValueError(f"average_decay: expected 0 to less than 1, found {self.average_decay}; take 0.999")
        if not isinstance(self.ceiling_margin, int | float | None):
            raise ValueError(f"ceiling_margin: expected decibels or null, found {self.ceiling_margin!r}; take 1")
        check_choice("precision", self.precision, _PRECISIONS)
        check_choice("task_loss", self.task_loss, TASK_LOSSES)

    def resolved_precision(self) -> str:
        """Precision of the training, ``fp32`` or ``bf16``; a device that is fastest in fp16 trains in fp32."""
        found = resolve_precision(self.precision, self.device)
        return found if found in _PRECISIONS else "fp32"

    def decisive(self) -> dict[str, Any]:
        """Settings that the weights depend on, in the form in which a checkpoint stores them."""
        kept = {name: value for name, value in asdict(self).items() if name not in _NOT_IN_WEIGHTS | _OF_ONE_STAGE}
        kept["precision"] = self.resolved_precision()
        return {name: list(value) if isinstance(value, tuple) else value for name, value in kept.items()}
