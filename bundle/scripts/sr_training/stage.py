"""Training loop of one stage, within a budget of minutes or steps; an interrupted stage resumes exactly."""

from __future__ import annotations

import hashlib
import logging
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ..training.checkpoint import read_checkpoint, write_checkpoint

logger = logging.getLogger(__name__)

Log = Callable[[dict[str, float], int], None]
TrainStep = Callable[[torch.Generator, float], dict[str, Tensor]]

_SAVE_SECONDS = 30.0
_LOG_STEPS = 20
_WARM_UP, _FINAL = 0.03, 0.02  # fraction of the budget with rising rate; last rate as a fraction of the first


@dataclass(frozen=True)
class Budget:
    """Budget of a stage, which ends when one of the limits is reached.

    Attributes:
        minutes: largest training time, without work lost by an interruption.
        steps: largest number of optimizer steps; ``None`` for no limit.
    """

    minutes: float
    steps: int | None = None

    def progress(self, step: int, seconds: float) -> float:
        """Fraction of the budget that is used, 0 to 1."""
        by_time = seconds / (60.0 * self.minutes) if self.minutes > 0 else 1.0
        by_step = step / self.steps if self.steps else 0.0
        return min(1.0, max(by_time, by_step))

    def __str__(self) -> str:
        return f"{self.minutes:g} minutes" + (f" or {self.steps} steps" if self.steps else "")


def run_stage(
    name: str,
    parts: Mapping[str, Any],
    train_step: TrainStep,
    *,
    budget: Budget,
    learning_rate: float,
    path: Path,
    settings: Mapping[str, Any],
    seed: int,
    log: Log,
) -> int:
    """Train until the budget is used.

    Args:
        name: name of the stage, a prefix of its metrics.
        parts: objects with ``state_dict`` and ``load_state_dict``: ``network``, ``optimizer``, ``average`` (of the
            weights of ``network``), and any other state of the stage.
        train_step: function from generator and progress to ``loss`` and other scalars to log. All its randomness comes
            from the generator, whose seed depends only on ``seed``, stage and step, so that a checkpoint needs no
            random state.
        budget: limits of the stage.
        learning_rate: highest learning rate, with linear warm-up and cosine decay.
        path: checkpoint file.
        settings: settings that must be the same when a checkpoint is resumed.
        seed: random seed of the run.
        log: function that receives metrics and step.

    Returns:
        Total number of steps, including those of earlier runs.

    Raises:
        ValueError: the checkpoint belongs to other settings, or the loss is not finite.
    """
    step, seconds = _load_state(path, parts, settings)
    clock = saved = time.monotonic()
    logger.info("%s: %.0f %% of %s done", name, 100 * budget.progress(step, seconds), budget)
    while (progress := budget.progress(step, seconds)) < 1.0:
        for group in parts["optimizer"].param_groups:
            group["lr"] = learning_rate * _rate_factor(progress)
        metrics = train_step(torch.Generator().manual_seed(step_seed(seed, name, step)), progress)
        _check_loss(name, step, metrics["loss"])
        parts["optimizer"].zero_grad(set_to_none=True)
        metrics["loss"].backward()
        parts["optimizer"].step()
        parts["average"].update()
        step += 1
        now = time.monotonic()
        seconds, clock = seconds + now - clock, now
        if step % _LOG_STEPS == 0:
            log({f"{name}_{key}": float(value.detach()) for key, value in metrics.items()}, step)
        if now - saved > _SAVE_SECONDS:
            _save_state(path, parts, settings, step, seconds)
            saved = now
            logger.info("%s: step %d, %.0f %%, loss %.4g", name, step, 100 * progress, float(metrics["loss"].detach()))
    _save_state(path, parts, settings, step, seconds)
    logger.info("%s: %d steps in %.0f s", name, step, seconds)
    return step


def _rate_factor(progress: float) -> float:
    """Learning rate relative to its maximum: linear warm-up, then cosine decay."""
    if progress < _WARM_UP:
        return max(progress / _WARM_UP, 0.1)
    return _FINAL + (1.0 - _FINAL) * 0.5 * (1.0 + math.cos(math.pi * (progress - _WARM_UP) / (1.0 - _WARM_UP)))


def step_seed(seed: int, name: str, step: int) -> int:
    """Seed of the random generator of one step."""
    return int.from_bytes(hashlib.sha256(f"{seed}|{name}|{step}".encode()).digest()[:7], "big")


def _check_loss(name: str, step: int, loss: Tensor) -> None:
    """Check that the loss is finite.

    Raises:
        ValueError: the loss is NaN or infinite.
    """
    if not torch.isfinite(loss.detach()):
        raise ValueError(
            f"{name}: the loss is not finite; expected a number, found {float(loss.detach())} at step {step}; "
            "lower learning_rate and start again in another output_dir"
        )


def _save_state(path: Path, parts: Mapping[str, Any], settings: Mapping[str, Any], step: int, seconds: float) -> None:
    """Write the checkpoint atomically."""
    states = {key: part.state_dict() for key, part in parts.items()}
    write_checkpoint(path, {"parts": states, "settings": dict(settings), "step": step, "seconds": seconds})


def _load_state(path: Path, parts: Mapping[str, Any], settings: Mapping[str, Any]) -> tuple[int, float]:
    """Load the checkpoint, if there is one; return the steps and seconds so far.

    Raises:
        ValueError: the checkpoint cannot be read or belongs to other settings.
    """
    state = read_checkpoint(path, settings, "cpu")
    if state is None:
        return 0, 0.0
    for key, part in parts.items():
        part.load_state_dict(state["parts"][key])
    logger.info("continuing %s after step %d", path, state["step"])
    return state["step"], state["seconds"]
