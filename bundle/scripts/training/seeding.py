"""Exact resume by reseeding: at the start of each epoch, every random generator is seeded from (seed, epoch, rank).

A checkpoint cannot store the generators inside loader workers, and the checkpoints of MONAI and ignite store none at
all: in a test, a resumed run never repeated the uninterrupted one. With reseeding, the seed and the epoch number in the
checkpoint determine the state of every generator and of the sampler.
"""

from __future__ import annotations

import random

import numpy as np
import torch
from ignite.engine import Engine, Events
from torch.utils.data import DataLoader


class EpochSeed:
    """Handler that seeds torch, NumPy, Python, the loader and the augmentation at the start of every epoch.

    Args:
        loader: training loader. Its sampler must be a ``DistributedSampler``, also for a single process, because the
            order of a ``RandomSampler`` depends on earlier draws. Its ``generator`` seeds the workers, and its dataset
            seeds the augmentation of each image.
        seed: random seed of the run.
        rank: rank of this process; each rank augments differently.
    """

    def __init__(self, loader: DataLoader, seed: int = 0, rank: int = 0) -> None:
        self.loader, self.seed, self.rank = loader, seed, rank

    def attach(self, engine: Engine) -> None:
        """Seed at the start of each epoch of ``engine``, before the loader's iterator is created."""
        engine.add_event_handler(Events.EPOCH_STARTED, self)

    def __call__(self, engine: Engine) -> None:
        """Seed all generators for ``engine.state.epoch``."""
        entropy = np.random.SeedSequence([self.seed, engine.state.epoch, self.rank])
        torch_seed, numpy_seed, python_seed, augmentation_seed = (int(word) for word in entropy.generate_state(4))
        torch.manual_seed(torch_seed)
        np.random.seed(numpy_seed)
        random.seed(python_seed)
        self.loader.sampler.set_epoch(engine.state.epoch)  # type: ignore[attr-defined]
        if self.loader.generator is not None:
            self.loader.generator.manual_seed(torch_seed)
        self.loader.dataset.augmentation_seed = augmentation_seed  # type: ignore[attr-defined]

    def state_dict(self) -> dict:
        """Seed of the run; together with the epoch, it determines every generator."""
        return {"seed": self.seed}

    def load_state_dict(self, state: dict) -> None:
        """Check that the run continues with the same seed.

        Raises:
            ValueError: the checkpoint was written with another seed.
        """
        if state["seed"] != self.seed:
            raise ValueError(
                f"seed: the checkpoint cannot be continued; expected {state['seed']}, found {self.seed}; "
                "use the same --seed, or another --output_dir for a new run"
            )
