"""Atomic checkpoints after every epoch, and exact resume from them.

A run that is killed at any moment and started again with the same command ends with the same weights, bit for bit, as
one that was never interrupted: the checkpoint holds network, EMA, optimizer, schedule, selection, history, epoch and
iteration, and :mod:`.seeding` makes the random state a function of the epoch. The checkpoint also holds a hash of the
images, so that a run does not continue with other images under the same names.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from ignite.engine import Engine, Events

from ..common.atomic import atomic_write
from ..data.dataset import RadiographDataset

logger = logging.getLogger(__name__)


class TrainingCheckpoint:
    """Handler of the training engine that resumes when training starts, and saves at the end of each epoch.

    It must come after the handlers whose state it saves, and before those that write files when training starts, so
    that a run that cannot be resumed changes no file.

    Args:
        path: checkpoint file.
        parts: objects with ``state_dict`` and ``load_state_dict`` by name.
        settings: settings that must not change within a run (labels, data hash, architecture, …).
        device: device of the network.
        rank: rank of this process; only rank 0 writes, and every rank loads.
        datasets: data sets whose images must not change within a run.
    """

    def __init__(
        self,
        path: str | Path,
        parts: Mapping[str, Any],
        settings: Mapping[str, Any],
        device: torch.device,
        rank: int = 0,
        datasets: Sequence[RadiographDataset] = (),
    ) -> None:
        self.path, self.parts, self.settings, self.rank = Path(path), dict(parts), dict(settings), rank
        self.device, self.datasets = device, datasets
        self.images = ""

    def attach(self, engine: Engine) -> None:
        """Resume when ``engine`` starts, and save when it completes an epoch."""
        engine.add_event_handler(Events.STARTED, self.resume)
        engine.add_event_handler(Events.EPOCH_COMPLETED, self.save)

    def save(self, engine: Engine) -> None:
        """Write the state after the completed epoch."""
        if self.rank != 0:
            return
        state = {name: part.state_dict() for name, part in self.parts.items()}
        position = {"epoch": engine.state.epoch, "iteration": engine.state.iteration}
        write_checkpoint(self.path, {**state, "position": position, "settings": self.settings, "images": self.images})

    def resume(self, engine: Engine) -> None:
        """Load the checkpoint, if there is one, and move the engine to its epoch.

        Raises:
            ValueError: the checkpoint is unreadable, or belongs to a run with other settings or images.
        """
        self.images = self.images_sha256()
        state = read_checkpoint(self.path, self.settings, self.device)
        if state is None:
            return
        if state.get("images", self.images) != self.images:
            raise ValueError(
                f"{self.path}: images have changed since the checkpoint was written; expected the same training and "
                "validation images, found others under the same names; restore them, or set another --output_dir for a "
                "new run"
            )
        if "images" not in state:
            logger.warning("%s: written by an earlier version; changes of the images are not checked", self.path)
        for name, part in self.parts.items():
            part.load_state_dict(state[name])
        engine.state.epoch = state["position"]["epoch"]
        engine.state.iteration = state["position"]["iteration"]
        logger.info("resuming %s after epoch %d", self.path, engine.state.epoch)

    def images_sha256(self) -> str:
        """Hash of the contents of the images of all data sets, in their order."""
        digest = hashlib.sha256()
        for dataset in self.datasets:
            digest.update(dataset.digests.tobytes())
        return digest.hexdigest()


def write_checkpoint(path: Path, state: Mapping[str, Any]) -> None:
    """Write a checkpoint as a whole or not at all.

    Args:
        path: checkpoint file.
        state: content of the checkpoint; ``settings`` holds the settings that :func:`read_checkpoint` compares.
    """
    with atomic_write(path) as file:
        torch.save(dict(state), file)


def read_checkpoint(path: Path, settings: Mapping[str, Any], device: torch.device | str) -> dict[str, Any] | None:
    """Read a checkpoint of the same run.

    Args:
        path: checkpoint file.
        settings: settings of this run, which those in the checkpoint must equal.
        device: device that the tensors are loaded to.

    Returns:
        Content of the checkpoint; ``None`` if there is no such file.

    Raises:
        ValueError: the file cannot be read, or a setting differs.
    """
    if not path.exists():
        return None
    try:
        state = torch.load(path, map_location=device, weights_only=True)  # noqa: TID251 - weights_only
    except Exception as error:
        raise ValueError(
            f"{path}: checkpoint cannot be read ({error}); expected one that this program wrote; "
            "delete it to start again, or choose another --output_dir"
        ) from error
    found = state["settings"]
    changed = [
        f"{name}: expected {value!r}, found {found.get(name)!r}"
        for name, value in settings.items()
        if found.get(name) != value
    ]
    if changed:
        raise ValueError(
            f"{path}: checkpoint of a run with other settings ({'; '.join(changed)}); "
            "use the same settings, or another --output_dir for a new run"
        )
    return state
