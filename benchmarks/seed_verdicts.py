"""How often a comparison of two trainings is wrong by chance, and how often it finds a true effect: a simulation.

    python benchmarks/seed_verdicts.py

Two arms of a classifier with five labels are trained with K seeds each and scored on the same test patients. The score
of a patient is the sum of the finding, a part that all networks share, a part of the arm and a part of the training. A
seed also makes a network better or worse as a whole; ``sd`` is the standard deviation of the macro-AUROC by that cause
alone, ``correlation`` that between the two arms of one seed. The AUROC without an effect is 0.75, and a quarter of the
patients has each finding. The columns are shares of verdicts that see a difference: false ones where the effect is 0,
the power where it is not. Compared are

    seeds and patients   ``scripts.metrics.seed_interval``, which the reports use
    pairs of seeds       the same with the variance of the K differences of equal seeds, K - 1 degrees of freedom
    nested bootstrap     seeds and then patients drawn with replacement (its variance, normal interval)
    patients, one seed   what one training of each arm and an interval over patients give
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.special import ndtri, stdtrit

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "bundle"))

from scripts.metrics.seed_interval import difference_over_seeds  # noqa: E402

LABELS, AUROC, BLOCK = 5, 0.75, 200


@dataclass(frozen=True)
class Scenario:
    """What the trainings and the test patients of a simulated experiment are like.

    Attributes:
        seeds: number K of trainings of each arm.
        patients: number of test patients, one film each.
        sd: standard deviation of the macro-AUROC from seed to seed, by the quality of the whole network.
        effect: true difference in macro-AUROC between the arms.
        correlation: correlation between the qualities of the two networks of one seed.
        training_share: share of the variance of a patient's score that belongs to one training.
        arm_share: share that belongs to the arm, in all its seeds.
        prevalence: share of patients with a finding, at least two patients.
        retrained_ratio: ``sd`` of the second arm divided by that of the first.
    """

    seeds: int = 3
    patients: int = 300
    sd: float = 0.01
    effect: float = 0.0
    correlation: float = 0.0
    training_share: float = 0.1
    arm_share: float = 0.0
    prevalence: float = 0.25
    retrained_ratio: float = 1.0


def simulate(scenario: Scenario, experiments: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Macro-AUROC of all networks in repeated experiments, with the variances over patients.

    Args:
        scenario: kind of the experiment.
        experiments: number E of experiments, a multiple of ``BLOCK``.
        seed: random seed.

    Returns:
        (macro-AUROC (E, 2, K) of base and re-trained; variance (E,) over patients of the difference of the means;
        variance (E,) over patients of the difference of the first seeds). The variances are those of DeLong.
    """
    rng = np.random.default_rng(seed)
    blocks = [_simulate_block(scenario, rng) for _ in range(experiments // BLOCK)]
    auroc, influence = (np.concatenate(parts) for parts in zip(*blocks, strict=True))
    change = influence[:, 1] - influence[:, 0]  # (E, K, N)
    return auroc, (change.mean(1) ** 2).sum(-1), (change[:, 0] ** 2).sum(-1)


def _simulate_block(scenario: Scenario, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Macro-AUROC (E, 2, K) and the influence (E, 2, K, N) of each patient on it, in ``BLOCK`` experiments."""
    shape = (BLOCK, 2, scenario.seeds)
    separation = np.sqrt(2) * ndtri(AUROC)
    slope = np.exp(-(separation**2) / 4) / np.sqrt(4 * np.pi)  # of the AUROC over the separation of the classes
    common, own = rng.normal(size=(BLOCK, 1, scenario.seeds)), rng.normal(size=shape)
    quality = np.sqrt(scenario.correlation) * common + np.sqrt(1 - scenario.correlation) * own
    gain = scenario.sd * quality * np.array([1, scenario.retrained_ratio])[:, None]
    gain[:, 1] += scenario.effect
    shared = 1 - scenario.arm_share - scenario.training_share
    auroc, influence = np.zeros(shape), np.zeros((*shape, scenario.patients))
    for _ in range(LABELS):
        positive = rng.permutation(scenario.patients) < max(2, round(scenario.prevalence * scenario.patients))
        scores = np.sqrt(shared) * rng.normal(size=(BLOCK, 1, 1, scenario.patients))
        scores = scores + np.sqrt(scenario.arm_share) * rng.normal(size=(BLOCK, 2, 1, scenario.patients))
        scores = scores + np.sqrt(scenario.training_share) * rng.normal(size=(*shape, scenario.patients))
        scores += (separation + gain / slope)[..., None] * positive
        value, each = _delong(positive, scores)
        auroc += value / LABELS
        influence += each / LABELS
    return auroc, influence


def _delong(positive: np.ndarray, scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """AUROC (...) of scores (..., N) without ties, and the influence (..., N) of each case; see ``metrics.delong``."""
    rank = _ranks(scores)
    counts = {True: int(positive.sum()), False: int((~positive).sum())}
    component = np.empty_like(scores)
    component[..., positive] = (rank[..., positive] - _ranks(scores[..., positive])) / counts[False]
    component[..., ~positive] = 1 - (rank[..., ~positive] - _ranks(scores[..., ~positive])) / counts[True]
    auroc = component[..., positive].mean(-1)
    n = np.where(positive, counts[True], counts[False])
    return auroc, (component - auroc[..., None]) / np.sqrt(n * (n - 1))


def _ranks(values: np.ndarray) -> np.ndarray:
    """Ranks along the last axis, from 1; the values differ."""
    return values.argsort(-1).argsort(-1) + 1


def shares_of_verdicts(scenario: Scenario, experiments: int, seed: int = 0) -> Mapping[str, float]:
    """Share of experiments in which each method sees a difference."""
    auroc, variance, variance_of_one = simulate(scenario, experiments, seed)
    base, retrained = auroc[:, 0], auroc[:, 1]
    found = difference_over_seeds(base, retrained, variance)
    pairs = (retrained - base).var(-1, ddof=1) / scenario.seeds
    degrees = (pairs + variance) ** 2 / (pairs**2 / (scenario.seeds - 1))
    nested = pairs * (scenario.seeds - 1) / scenario.seeds + variance
    normal = ndtri(0.975)
    difference = np.abs(found.difference)
    return {
        "seeds and patients": float(np.mean((found.low > 0) | (found.high < 0))),
        "pairs of seeds": float(np.mean(difference > stdtrit(degrees, 0.975) * np.sqrt(pairs + variance))),
        "nested bootstrap": float(np.mean(difference > normal * np.sqrt(nested))),
        "patients, one seed": float(np.mean(np.abs(retrained - base)[:, 0] > normal * np.sqrt(variance_of_one))),
    }


NO_EFFECT = [
    *(Scenario(patients=n, sd=sd) for sd in (0.005, 0.01, 0.02) for n in (100, 300, 600)),
    Scenario(correlation=0.5),
    Scenario(arm_share=0.1, training_share=0.02),
    Scenario(retrained_ratio=3.0),
    Scenario(seeds=2),
    Scenario(seeds=5),
    Scenario(patients=30, training_share=0.2, arm_share=0.2),
    Scenario(patients=100, prevalence=0.05, arm_share=0.05),
]
WITH_EFFECT = [
    Scenario(patients=n, sd=sd, seeds=k, effect=effect, training_share=0.05, correlation=0.5)
    for k in (3, 5)
    for n, sd in ((100, 0.01), (300, 0.01), (600, 0.005))
    for effect in (0.01, 0.02)
]


def _row(scenario: Scenario, experiments: int) -> str:
    defaults = Scenario()
    names = ("correlation", "training_share", "arm_share", "prevalence", "retrained_ratio")
    other = ", ".join(f"{n} {getattr(scenario, n):g}" for n in names if getattr(scenario, n) != getattr(defaults, n))
    cells = [scenario.seeds, scenario.patients, scenario.sd, scenario.effect, other or "–"]
    shares = shares_of_verdicts(scenario, experiments)
    return "| " + " | ".join([*map(str, cells), *(f"{share:.3f}" for share in shares.values())]) + " |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--experiments", type=int, default=2000, help=f"experiments per row, a multiple of {BLOCK}")
    experiments = parser.parse_args().experiments
    names = shares_of_verdicts(Scenario(patients=30), BLOCK)
    print("| seeds | patients | sd | effect | other | " + " | ".join(names) + " |")
    print("|" + "---|" * (5 + len(names)))
    for scenario in (*NO_EFFECT, *WITH_EFFECT):
        print(_row(scenario, experiments), flush=True)
    print(f"Standard error of a share of 0.05: {np.sqrt(0.05 * 0.95 / experiments):.3f}")


if __name__ == "__main__":
    main()
