"""Workflow ``ablation``: declare the protocol, train all arms, compare them, check for hallucinations, write files."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from ...common.atomic import write_json
from ...common.choices import check_choice
from ...common.failures import Failure, write_failures
from ...data.datalist import Datalist
from ...report.figures import save_png
from ...tracking import Tracker
from ..kit.result_tables import write_tables
from .ablation_figure import differences
from .ablation_tables import csv_table, text_table
from .arm_enhancers import Enhancers
from .arms import Arm, parse_arms
from .assembling import Plan, assemble
from .attempts import AttemptLog
from .cases import Cases
from .filters import FILTERS
from .lesions import BASELINE, SCALE, check_lesions
from .protocol import Comparison, Endpoint, check_protocol, declare

logger = logging.getLogger(__name__)


class Learner(Protocol):
    """Method of training the arms (:mod:`.probing` or :mod:`.finetuning`)."""

    settings: Mapping[str, Any]
    # Whether each seed is a training of its own, so that arms differ by the chance of training even without an effect.
    independent_seeds: bool
    # Settings that are set and that no other learner uses, by their name in the configuration.
    exclusive: Mapping[str, Any]

    def check_arms(self, arms: Mapping[str, Arm]) -> None:
        """Check the settings of the training of each arm; a ``ValueError`` names the arm."""

    def check_films(self, cases: Cases) -> None:
        """Check that no network that chooses regions has seen the films; a ``ValueError`` names the setting."""

    def prepare(self, cases: Cases, arms: Mapping[str, Arm]) -> list[Failure]:
        """Make the data that all arms need; return the images that cannot be read."""

    def evaluated(self, cases: Cases) -> np.ndarray:
        """(N,) bool, the cases that the arms are evaluated on."""

    def scores(self, cases: Cases, arm: Arm) -> np.ndarray:
        """Logits (S, M, C) of the evaluated cases."""

    def cost(self, cases: Cases, arm: Arm) -> dict[str, float]:
        """``seconds`` and ``tokens`` of one image."""


def choose_learner(name: str, **learners: Learner) -> Learner:
    """Learner with a name.

    Raises:
        ValueError: no learner has this name, or a setting is set that only another learner uses.
    """
    check_choice("learn", name, learners)
    for other, learner in learners.items():
        for setting, value in learner.exclusive.items() if other != name else ():
            raise ValueError(
                f"{setting}: only --learn {other} uses it; expected its default with --learn {name}, found {value}; "
                f"leave it out, or set --learn {other}"
            )
    return learners[name]


class Ablation:
    """The experiment.

    Args:
        datalist: images, split by patient.
        arms: settings of the arms by name, see :func:`.arms.parse_arms`.
        leave_out: names of arms that are not run.
        learner: method of training the arms.
        enhancers: enhancers of the arms, for the check on phantoms.
        primary: fields of :class:`.protocol.Endpoint`.
        secondary: further comparisons (arm, control, group of labels); a comparison of an arm in ``leave_out`` is
            left out.
        reference: arm that every other arm is compared with in the table and in the figure.
        label_groups: labels of each group; the group ``all`` always exists.
        output_dir: folder of ``protocol.json``, ``ablation.json``, ``.csv``, ``.txt``, ``.png`` and ``failures.csv``.
        attempts_dir: folder of the log of attempts, see :class:`.attempts.AttemptLog`.
        tracker: MLflow run.
        bootstrap: number of bootstrap replicates, at least 1.
        lesion_pairs: pairs of phantoms with and without each finding of fine detail, for the check of the enhancers; 0
            leaves out the check.
        seed: seed of the bootstrap and of the phantoms.
        limit: number of images of each split, from its beginning; ``None`` uses all.

    Raises:
        ValueError: a name does not exist, there are no bootstrap replicates, or the network that chooses the regions
            has seen the films.
    """

    def __init__(
        self,
        datalist: Datalist,
        arms: Mapping[str, Mapping[str, Any]],
        learner: Learner,
        enhancers: Enhancers,
        primary: Mapping[str, Any],
        secondary: Sequence[Comparison],
        reference: str,
        label_groups: Mapping[str, Sequence[str]],
        output_dir: str | Path,
        attempts_dir: str | Path,
        tracker: Tracker,
        *,
        leave_out: Sequence[str] = (),
        bootstrap: int = 1000,
        lesion_pairs: int = 30,
        seed: int = 0,
        limit: int | None = None,
    ) -> None:
        if bootstrap < 40:
            raise ValueError(
                f"bootstrap: expected at least 40 replicates, without which there is no interval, found {bootstrap}; "
                "set --bootstrap 1000"
            )
        self.cases, self.learner, self.enhancers = Cases.of(datalist, limit), learner, enhancers
        self.output_dir, self.tracker, self.lesion_pairs = Path(output_dir), tracker, lesion_pairs
        self.attempts_dir, self.data_sha256 = attempts_dir, datalist.sha256
        for key in primary:
            check_choice("primary", key, [field.name for field in fields(Endpoint)])
        every, endpoint = parse_arms(arms, enhancers.networks), Endpoint(**primary)
        columns = check_protocol(endpoint, secondary, reference, label_groups, every, datalist.labels)
        kept = _without(every, leave_out, (endpoint.arm, endpoint.control, *endpoint.also_above, reference))
        learner.check_arms(kept)
        learner.check_films(self.cases)  # before the protocol is declared, which binds the settings of this folder
        chosen = [row for row in secondary if row[0] in kept and row[1] in kept]
        self.plan = Plan(kept, endpoint, chosen, reference, columns, bootstrap, seed, learner.independent_seeds)
        self.declaration = {
            "secondary": [list(row) for row in chosen],
            "reference": reference,
            "label_groups": {name: list(labels) for name, labels in label_groups.items()},
            "arms": {name: dict(arms[name]) for name in kept},
            "data_sha256": self.data_sha256,
            "limit": limit,
            "bootstrap": bootstrap,
            "seed": seed,
        }

    def run(self) -> dict[str, Any]:
        """Run the experiment; finished parts are not repeated."""
        settings = {**self.declaration, **self.learner.settings}
        declared = declare(self.output_dir / "protocol.json", self.plan.endpoint, settings)
        log = AttemptLog(self.attempts_dir, self.data_sha256, self.output_dir, declared)
        earlier = log.begin()
        with self.tracker.recording({name: value for name, value in settings.items() if name != "arms"}):
            content = {**self.learn(), "earlier_attempts": earlier}
            self.write({**content, "settings": settings})
        log.finish(content)
        return content

    def learn(self) -> dict[str, Any]:
        """Prepare the data, train every arm, and compare the arms."""
        failures = self.learner.prepare(self.cases, self.plan.arms)
        write_failures(self.output_dir / "failures.csv", failures)
        cases = self.cases.without([failure.path for failure in failures])
        scores, costs = {}, {}
        for name, arm in self.plan.arms.items():
            scores[name], costs[name] = self.learner.scores(cases, arm), self.learner.cost(cases, arm)
            logger.info("trained %s (%d of %d)", name, len(scores), len(self.plan.arms))
        evaluated = cases.evaluated(self.learner.evaluated(cases))
        return assemble(self.plan, evaluated, scores, costs, self.check_enhancers())

    def check_enhancers(self) -> dict[str, dict[str, Any]]:
        """Check the enhancers of the arms, and interpolation, on lesions in phantoms."""
        if not self.lesion_pairs:
            return {}
        views = [arm.test_view for arm in self.plan.arms.values() if arm.test_view.mode != "global"]
        names = dict.fromkeys([BASELINE, *(view.enhancer for view in views if view.enhancer not in FILTERS)])
        chosen = {name: self.enhancers(name, True) for name in names}
        chosen = {name: enhancer for name, enhancer in chosen.items() if enhancer.scale == SCALE}
        return check_lesions(chosen, pairs=self.lesion_pairs, seed=self.plan.seed)

    def write(self, content: Mapping[str, Any]) -> None:
        """Write the results to files, the log and MLflow."""
        reference = self.plan.reference
        table = text_table(content, reference)
        files = [write_json(self.output_dir / "ablation.json", content), self.output_dir / "protocol.json"]
        files += write_tables(self.output_dir, "ablation", csv_table(content), table)
        files.append(save_png(differences(content, reference), self.output_dir / "ablation.png"))
        logger.info("\n%s", table)
        self.tracker.describe(content["sentence"])
        self.tracker.log_metrics(
            {f"{name}_{group}_auroc": row["auroc"] for name, arm in content["arms"].items()
             for group, row in arm["groups"].items()}
            | {"primary_difference": content["primary"]["difference"]}
        )  # fmt: skip
        self.tracker.log_artifacts(*files)


def _without(arms: Mapping[str, Arm], names: Sequence[str], needed: Sequence[str]) -> dict[str, Arm]:
    """Arms except those named.

    Raises:
        ValueError: a named arm does not exist, or the endpoint needs it.
    """
    for name in names:
        check_choice("leave_out", name, arms)
        if name in needed:
            raise ValueError(
                f"leave_out: {name}: the endpoint needs it; expected another arm, found one of {', '.join(needed)}; "
                "declare another endpoint (primary, reference)"
            )
    return {name: arm for name, arm in arms.items() if name not in names}
