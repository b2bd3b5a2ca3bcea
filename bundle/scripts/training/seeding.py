"""Exact resume by reseeding: every random generator starts each epoch from (seed, epoch, rank).

A checkpoint cannot reach the generators inside loader workers, and MONAI's and ignite's own checkpoints hold none at
all (measured: a resumed run never repeated the uninterrupted one). When each epoch's random state is a function of its
number, the seed and the epoch in the checkpoint *are* the state of every generator and of the sampler.
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
        loader: training loader. Its sampler is a ``DistributedSampler`` (also for one process: the order of a
            ``RandomSampler`` depends on what its generator gave before), its ``generator`` seeds the workers, and its
            data set seeds the augmentation of each image.
        seed: seed of the run.
        rank: process number in a distributed run; each rank augments differently.
    """

    def __init__(self, loader: DataLoader, seed: int = 0, rank: int = 0) -> None:
        self.loader, self.seed, self.rank = loader, seed, rank

    def attach(self, engine: Engine) -> None:
        """Seed before the epoch's loader iterator is made."""
        engine.add_event_handler(Events.EPOCH_STARTED, self)

    def __call__(self, engine: Engine) -> None:
        """Seed everything for ``engine.state.epoch``."""
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
        """The seed: with the epoch it determines every generator."""
        return {"seed": self.seed}

    def load_state_dict(self, state: dict) -> None:
        """Refuse to continue a run under another seed.

        Raises:
            ValueError: the checkpoint was written with another seed.
        """
        if state["seed"] != self.seed:
            raise ValueError(
                f"seed: the checkpoint cannot be continued; expected {state['seed']}, found {self.seed}; "
                "use the same --seed, or another --output_dir for a new run"
            )
