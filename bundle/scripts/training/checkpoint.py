"""Atomic checkpoints after every epoch, and exact resume from them.

A run that is killed at any moment and started again with the same command ends with the same weights, bit for bit, as
one that was never interrupted: the checkpoint holds network, EMA, optimizer, schedule, selection, history, epoch and
iteration, and :mod:`.seeding` makes the random state a function of the epoch.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from ignite.engine import Engine, Events

from ..common.atomic import atomic_write

logger = logging.getLogger(__name__)


class TrainingCheckpoint:
    """Handler of the training engine: resume at its start, save at the end of each epoch. Put it last.

    Args:
        path: checkpoint file.
        parts: name -> object with ``state_dict`` and ``load_state_dict``.
        settings: what must not change between the parts of one run (labels, data hash, architecture, …).
        device: where the network is.
        rank: only rank 0 writes; every rank loads.
    """

    def __init__(
        self,
        path: str | Path,
        parts: Mapping[str, Any],
        settings: Mapping[str, Any],
        device: torch.device,
        rank: int = 0,
    ) -> None:
        self.path, self.parts, self.settings, self.rank = Path(path), dict(parts), dict(settings), rank
        self.device = device

    def attach(self, engine: Engine) -> None:
        """Resume when the run starts; save when an epoch completes."""
        engine.add_event_handler(Events.STARTED, self.resume)
        engine.add_event_handler(Events.EPOCH_COMPLETED, self.save)

    def save(self, engine: Engine) -> None:
        """Write the state after the epoch that ended."""
        if self.rank != 0:
            return
        state = {name: part.state_dict() for name, part in self.parts.items()}
        position = {"epoch": engine.state.epoch, "iteration": engine.state.iteration}
        write_checkpoint(self.path, {**state, "position": position, "settings": self.settings})

    def resume(self, engine: Engine) -> None:
        """Load the checkpoint, if there is one, and move the engine to its epoch.

        Raises:
            ValueError: the checkpoint is unreadable or belongs to other settings.
        """
        state = read_checkpoint(self.path, self.settings, self.device)
        if state is None:
            return
        for name, part in self.parts.items():
            part.load_state_dict(state[name])
        engine.state.epoch = state["position"]["epoch"]
        engine.state.iteration = state["position"]["iteration"]
        logger.info("resuming %s after epoch %d", self.path, engine.state.epoch)


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
