"""Training by probe: logistic regression on cached features of a frozen network, minutes for all arms and seeds.

The attention that chooses the regions comes from the pretrained backbone, which was not trained on labels of these
data. The regions of training images are therefore no better informed than those of test images.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np

from ...common.failures import Failure
from .arms import Arm, View
from .backbones import refuse_seen
from .cases import Cases
from .features import FeatureMaker, Features
from .probe import fit_probe
from .protocol import plan_fits


class ProbeLearner:
    """Scores of arms by logistic regression on frozen features.

    Args:
        maker: maker of the features.
        seeds: number of classifiers of each arm, each from a resample of the training patients or from a partition
            into folds.
        noise_seeds: number of versions of a random view; seed s uses version s mod ``noise_seeds``.
        folds: number of folds, see :func:`.protocol.plan_fits`.
        strength: inverse regularisation strength ``C`` of the regression.
    """

    independent_seeds = False

    def __init__(
        self, maker: FeatureMaker, *, seeds: int, noise_seeds: int = 1, folds: int | None = None, strength: float
    ) -> None:
        self.maker, self.seeds, self.noise_seeds = maker, seeds, noise_seeds
        self.folds, self.strength = folds, strength
        self.loaded: tuple[tuple[View, int], Features] | None = None

    @property
    def settings(self) -> dict[str, Any]:
        """Settings that the scores depend on."""
        return {
            "learn": "probe",
            "seeds": self.seeds,
            "noise_seeds": self.noise_seeds,
            "folds": self.folds,
            "probe_c": self.strength,
            "source_size": self.maker.source_size,
            "regions": asdict(self.maker.settings),
            "backbone_sha256": self.maker.backbone.sha256(),
        }

    @property
    def exclusive(self) -> dict[str, Any]:
        """Settings that are set and that only this learner uses."""
        return {} if self.folds is None else {"probe_folds": self.folds}

    def check_arms(self, arms: Mapping[str, Arm]) -> None:
        """Check that no arm has settings of the training of a network.

        Raises:
            ValueError: an arm has such settings.
        """
        for name, arm in arms.items():
            if arm.training:
                raise ValueError(
                    f"arms: {name}: training: a probe trains no network; expected --learn finetune, found probe; set "
                    "it, or leave out the arm"
                )

    def check_films(self, cases: Cases) -> None:
        """Check that the backbone, which chooses the regions, has not seen the films.

        Raises:
            ValueError: it was trained on some of them.
        """
        refuse_seen("backbone", self.maker.backbone.folder, cases.images, "--backbone FOLDER")

    def prepare(self, cases: Cases, arms: Mapping[str, Arm]) -> list[Failure]:
        """Compute the features that all arms need; return the images that cannot be read."""
        views = dict.fromkeys(view for arm in arms.values() for view in (arm.train_view, arm.test_view))
        wanted = [(view, noise) for view in views for noise in range(self.noise_seeds if view.random else 1)]
        self.maker.know(cases)
        return self.maker.fill(cases.images, wanted)

    def evaluated(self, cases: Cases) -> np.ndarray:
        """(N,) bool, the cases that the arms are evaluated on."""
        fits = plan_fits(cases.splits, cases.patients, 0, self.folds)
        return np.any([fit.evaluated for fit in fits], axis=0)

    def scores(self, cases: Cases, arm: Arm) -> np.ndarray:
        """Logits (S, M, C) of the evaluated cases."""
        every = np.zeros((self.seeds, len(cases), len(cases.labels)))
        for seed in range(self.seeds):
            training = self.features(cases, arm.train_view, seed)
            shown = self.features(cases, arm.test_view, seed)
            # An arm that is not re-trained uses one classifier for all seeds, from a draw that no other arm uses.
            for fit in plan_fits(cases.splits, cases.patients, seed if arm.retrain else self.seeds, self.folds):
                probe = fit_probe(training, cases.targets, fit.weights, self.strength)
                every[seed, fit.evaluated] = probe.logits(shown[fit.evaluated])
        return every[:, self.evaluated(cases)]

    def features(self, cases: Cases, view: View, seed: int) -> np.ndarray:
        """Features (N, F) of a view, in the version for a seed."""
        return self.load(cases, (view, seed % self.noise_seeds if view.random else 0)).values

    def cost(self, cases: Cases, arm: Arm) -> dict[str, float]:
        """Seconds and tokens of one image, mean over the cases."""
        features = self.load(cases, (arm.test_view, 0))
        return {"seconds": float(features.seconds.mean()), "tokens": float(features.tokens.mean())}

    def load(self, cases: Cases, wanted: tuple[View, int]) -> Features:
        """Features of a view; those loaded last stay in memory."""
        if self.loaded is None or self.loaded[0] != wanted:
            self.loaded = (wanted, self.maker.load(cases.images, wanted))
        return self.loaded[1]
