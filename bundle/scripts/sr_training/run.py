"""What the stages of a training share: data, parts of the model folder, and the training of one network."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ..super_resolution.networks.weight_folder import hash_parts, save_network
from ..training.averaging import WeightAverage
from ..training.precision import AutocastInferer
from .batches import Batches
from .degradation import Degradation
from .settings import SrSettings
from .stage import Budget, Log, TrainStep, run_stage, step_seed

# The stage that trains a part, for the message where it is missing.
_TRAINED_BY = {"regression": "regression", "vqvae": "autoencoder", "unet": "diffusion", "scheduler": "diffusion"}


@dataclass
class Run:
    """A training run.

    Attributes:
        settings: see :class:`.settings.SrSettings`.
        degradation: of the training crops.
        crops: (N, 1, size, size), of the training split.
        held_out: the same of the validation split.
        output_dir: the model folder to make.
        decisive: settings and data hash that a checkpoint is bound to.
        log: receives metrics and step.
        steps: of the stages that ran.
    """

    settings: SrSettings
    degradation: Degradation
    crops: Tensor
    held_out: Tensor
    output_dir: Path
    decisive: Mapping[str, Any]
    log: Log
    steps: dict[str, int] = field(default_factory=dict)

    @property
    def device(self) -> torch.device:
        """Where networks train; crops stay on the CPU."""
        return torch.device(self.settings.device)

    @property
    def infer(self) -> AutocastInferer:
        """Runs a network of a training step in the precision of the settings; its result is float32."""
        return AutocastInferer(self.settings.resolved_precision())

    def batches(self, times: int = 1) -> Batches:
        """Training crops, ``times`` as many a step as the settings say."""
        return Batches(self.crops, self.degradation, times * self.settings.batch_size, self.device)

    def start_of(self, part: str) -> Path | None:
        """Folder of a part's initial weights, if ``start_from`` has it.

        Raises:
            FileNotFoundError: ``start_from`` is no folder.
        """
        if self.settings.start_from is None:
            return None
        source = Path(self.settings.start_from)
        if not source.is_dir():
            raise FileNotFoundError(
                f"start_from: expected a model folder, found none at {source}; copy the model there, or leave it out"
            )
        return source / part if (source / part).is_dir() else None

    def copy_untrained_parts(self) -> None:
        """Copy the parts of ``start_from`` that no stage of this run trains: the model folder stays whole."""
        for part, stage in _TRAINED_BY.items():
            start, own = self.start_of(part), self.output_dir / part
            if start is not None and stage not in self.settings.stages and not own.is_dir():
                fresh = own.with_name(f".{part}.new")
                shutil.copytree(start, fresh, dirs_exist_ok=True)
                os.replace(fresh, own)

    def has(self, part: str) -> bool:
        """Whether a part is finished."""
        return (self.output_dir / part).is_dir()

    def part(self, name: str) -> Path:
        """Folder of a finished part.

        Raises:
            FileNotFoundError: no stage made it.
        """
        if not self.has(name):
            raise FileNotFoundError(
                f"{self.output_dir / name}: missing; expected what the stage '{_TRAINED_BY[name]}' makes, found none; "
                "add that stage to stages, or set start_from to a model folder that has it"
            )
        return self.output_dir / name

    def seed_weights(self, stage: str) -> None:
        """Initial weights of a stage depend on nothing that ran before."""
        torch.manual_seed(step_seed(self.settings.seed, stage, -1))

    def train(
        self,
        stage: str,
        network: Any,
        step: TrainStep,
        *,
        depends_on: Iterable[Path] = (),
        state: Any = None,
    ) -> Any:
        """Train one network within the budget of its stage, or what of it a killed run left to do.

        Args:
            stage: name.
            network: with its initial weights, on its device.
            step: see :func:`.stage.run_stage`.
            depends_on: finished parts that the step uses; a checkpoint made with others is refused.
            state: of the step, with ``state_dict``; kept in the checkpoint.

        Returns:
            The network with averaged weights, frozen.
        """
        settings = self.settings
        optimizer = torch.optim.AdamW(network.parameters(), lr=settings.learning_rate, weight_decay=0.0)
        average = Average(network, settings.average_decay)
        parts = {"network": network, "optimizer": optimizer, "average": average}
        self.steps[stage] = run_stage(
            stage,
            parts if state is None else {**parts, "state": state},
            step,
            budget=Budget(settings.minutes[stage], settings.max_steps),
            learning_rate=settings.learning_rate,
            path=self.output_dir / "checkpoints" / f"{stage}.pt",
            settings={**self.decisive, "depends_on": hash_parts(*depends_on)},
            seed=settings.seed,
            log=self.log,
        )
        return average.network.eval().requires_grad_(False)

    def save(self, name: str, network: Any) -> Path:
        """Write a finished part; what later stages use is what they read back from there."""
        save_network(network, self.output_dir / name)
        return self.output_dir / name


class Average(WeightAverage):
    """:class:`WeightAverage` that is updated by hand."""

    def update(self) -> None:
        """After an optimizer step."""
        self.average.update_parameters(self.source)
