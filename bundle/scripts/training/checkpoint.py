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
        with atomic_write(self.path) as file:
            torch.save({**state, "position": position, "settings": self.settings}, file)

    def resume(self, engine: Engine) -> None:
        """Load the checkpoint, if there is one, and move the engine to its epoch.

        Raises:
            ValueError: the checkpoint is unreadable or belongs to other settings.
        """
        if not self.path.exists():
            return
        try:
            state = torch.load(self.path, map_location=self.device, weights_only=True)  # noqa: TID251 - weights_only
        except Exception as error:
            raise ValueError(
                f"{self.path}: checkpoint cannot be read ({error}); expected one that this program wrote; "
                "delete it to start again, or choose another --output_dir"
            ) from error
        self.check_settings(state["settings"])
        for name, part in self.parts.items():
            part.load_state_dict(state[name])
        engine.state.epoch = state["position"]["epoch"]
        engine.state.iteration = state["position"]["iteration"]
        logger.info("resuming %s after epoch %d", self.path, engine.state.epoch)

    def check_settings(self, found: Mapping[str, Any]) -> None:
        """Refuse a checkpoint of another run.

        Raises:
            ValueError: naming each setting that differs.
        """
        changed = [
            f"{name}: expected {value!r}, found {found.get(name)!r}"
            for name, value in self.settings.items()
            if found.get(name) != value
        ]
        if changed:
            raise ValueError(
                f"{self.path}: checkpoint of a run with other settings ({'; '.join(changed)}); "
                "use the same settings, or another --output_dir for a new run"
            )
