"""Data, model folder and optimizer that all stages of a training use."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ..common.atomic import atomic_write, replace
from ..data.datalist import Datalist
from ..super_resolution.enhancers.gain import FILE as GAIN_FILE
from ..super_resolution.enhancers.latent_diffusion import parts_of
from ..super_resolution.networks.weight_folder import hash_parts, save_network
from ..training.averaging import WeightAverage
from ..training.precision import AutocastInferer
from .batches import Batches
from .degradation import Degradation
from .settings import SrSettings
from .stage import Budget, Log, TrainStep, run_stage, step_seed

MEASURED_CROPS = 512  # crops from which the statistics of targets, latents and residuals are computed
# The stage that trains each part of the model folder.
_TRAINED_BY = {
    "regression": "regression",
    "task": "task",
    "vqvae": "autoencoder",
    "unet": "diffusion",
    "scheduler": "diffusion",
    "resshift": "resshift",
    "guided": "guided",
}
_CHANGE_GAIN = {"regression", "autoencoder", "diffusion"}  # stages after which the gain of ``ldm`` is no longer valid


@dataclass
class Run:
    """State of a training run that all its stages share.

    Attributes:
        settings: settings of the training.
        degradation: reduction of the training crops.
        crops: crops (N, 1, size, size) of the training split.
        held_out: crops (M, 1, size, size) of the validation split.
        output_dir: model folder to write.
        decisive: settings and data hash that must be the same when a checkpoint is resumed.
        log: function that receives metrics and step.
        datalist: films and labels, for the stage that trains through a classifier.
        steps: number of optimizer steps of each stage that has run.
    """

    settings: SrSettings
    degradation: Degradation
    crops: Tensor
    held_out: Tensor
    output_dir: Path
    decisive: Mapping[str, Any]
    log: Log
    datalist: Datalist
    steps: dict[str, int] = field(default_factory=dict)

    @property
    def device(self) -> torch.device:
        """Device of the networks; crops stay on the CPU."""
        return torch.device(self.settings.device)

    @property
    def infer(self) -> AutocastInferer:
        """Function that runs a network in the precision of the settings and returns float32."""
        return AutocastInferer(self.settings.resolved_precision())

    def batches(self, times: int = 1) -> Batches:
        """Training batches, ``times`` as large as in the settings."""
        return Batches(self.crops, self.degradation, times * self.settings.batch_size, self.device)

    def start_of(self, part: str) -> Path | None:
        """Folder of the initial weights of a part; ``None`` if ``start_from`` does not have the part.

        Raises:
            FileNotFoundError: ``start_from`` is not a folder.
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
        """Copy what no stage of this run trains from ``start_from``, so that the model folder is complete.

        The part ``resshift`` gets a regression network of its own, because a stage may train another one. The gain is
        copied with the weights that it was chosen for.
        """
        for part, stage in _TRAINED_BY.items():
            start, own = self.start_of(part), self.output_dir / part
            if start is not None and stage not in self.settings.stages and not own.is_dir():
                fresh = own.with_name(f".{part}.new")
                shutil.copytree(start, fresh, dirs_exist_ok=True)
                shared = self.start_of("regression")
                if part == "resshift" and shared is not None and not (start / "regression").is_dir():
                    shutil.copytree(shared, fresh / "regression", dirs_exist_ok=True)
                replace(fresh, own)
        if self.settings.start_from is not None and not _CHANGE_GAIN & set(self.settings.stages):
            self._copy_gain(Path(self.settings.start_from))

    def _copy_gain(self, source: Path) -> None:
        """Copy the gain of a model folder if this folder has the same weights and no gain."""
        start, own = source / GAIN_FILE, self.output_dir / GAIN_FILE
        same = hash_parts(*parts_of(source)) == hash_parts(*parts_of(self.output_dir))
        if start.is_file() and not own.is_file() and same:
            with atomic_write(own) as file:
                file.write(start.read_bytes())

    def has(self, part: str) -> bool:
        """Whether the model folder has a part."""
        return (self.output_dir / part).is_dir()

    def part(self, name: str) -> Path:
        """Folder of a finished part.

        Raises:
            FileNotFoundError: the model folder does not have the part.
        """
        if not self.has(name):
            raise FileNotFoundError(
                f"{self.output_dir / name}: missing; expected what the stage '{_TRAINED_BY[name]}' makes, found none; "
                "add that stage to stages, or set start_from to a model folder that has it"
            )
        return self.output_dir / name

    def seed_weights(self, stage: str) -> None:
        """Seed the initial weights of a stage, so that they do not depend on earlier stages."""
        torch.manual_seed(step_seed(self.settings.seed, stage, -1))

    def train(
        self,
        stage: str,
        network: Any,
        step: TrainStep,
        *,
        depends_on: Iterable[Path] = (),
        state: Any = None,
        settings: Mapping[str, Any] | None = None,
    ) -> Any:
        """Train the network of a stage within its budget, or resume an interrupted training.

        Args:
            stage: name of the stage.
            network: network with its initial weights, on its device.
            step: training step, see :func:`.stage.run_stage`.
            depends_on: finished parts that the step uses; a checkpoint made with other parts is rejected.
            state: object with ``state_dict`` whose state is saved in the checkpoint too; ``None`` for none.
            settings: settings of this stage alone that must be the same when a checkpoint is resumed.

        Returns:
            Network with the averaged weights, frozen.
        """
        chosen = self.settings
        optimizer = torch.optim.AdamW(network.parameters(), lr=chosen.learning_rate, weight_decay=0.0)
        average = Average(network, chosen.average_decay)
        parts = {"network": network, "optimizer": optimizer, "average": average}
        self.steps[stage] = run_stage(
            stage,
            parts if state is None else {**parts, "state": state},
            step,
            budget=Budget(chosen.minutes[stage], chosen.max_steps),
            learning_rate=chosen.learning_rate,
            path=self.output_dir / "checkpoints" / f"{stage}.pt",
            settings={**self.decisive, **(settings or {}), "depends_on": hash_parts(*depends_on)},
            seed=chosen.seed,
            log=self.log,
        )
        return average.network.eval().requires_grad_(False)

    def save(self, name: str, network: Any) -> Path:
        """Write a finished part and return its folder, from which later stages load it."""
        save_network(network, self.output_dir / name)
        return self.output_dir / name


class Average(WeightAverage):
    """Average of the weights that is updated by a call."""

    def update(self) -> None:
        """Update the average; call it after each optimizer step."""
        self.average.update_parameters(self.source)
