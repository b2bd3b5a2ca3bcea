"""Choice of the default gain of a model by a predefined rule (``run sr_evaluation --gains``).

The rule takes the largest gain that satisfies :mod:`.default_rule` at every size. This is the largest amount of sampled
texture that is not worse than interpolation in any respect.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch

from ...common.atomic import write_json
from ...common.failures import write_failures
from ...super_resolution.enhancers.batching import enhance_batches
from ...super_resolution.enhancers.bicubic import BicubicEnhancer
from ...super_resolution.enhancers.enhancer import Enhancer
from ...super_resolution.enhancers.gain import FILE, with_gain
from ...super_resolution.enhancers.latent_diffusion import LatentDiffusionEnhancer
from ...super_resolution.enhancers.resshift import ResShiftEnhancer
from ...super_resolution.networks.weight_folder import hash_parts
from ...tracking import Tracker
from .default_rule import missed_conditions, rule_metrics
from .radiographs import Radiographs
from .sr_protocol import DegradedCase
from .sr_scores import SREvaluationSettings, generator_of, regions_of

logger = logging.getLogger(__name__)

Gainable = LatentDiffusionEnhancer | ResShiftEnhancer
Figures = dict[str, float]  # metric -> difference from bicubic on one film


@dataclass
class _Measured:
    """Differences from bicubic of one enhancer: by size, then by film, then by gain; and the patients of the films."""

    films: dict[str, list[dict[float, Figures]]] = field(default_factory=lambda: defaultdict(list))
    patients: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))

    def above(self, gains: Sequence[float]) -> dict[str, dict[float, float]]:
        """Size -> gain -> mean decibels above bicubic."""
        return {
            size: {gain: sum(film[gain]["psnr"] for film in films) / len(films) for gain in gains}
            for size, films in self.films.items()
        }

    def missed(self, gains: Sequence[float], margin: float) -> dict[str, dict[float, list[str]]]:
        """Size -> gain -> conditions of the rule that are not satisfied."""
        return {size: {gain: self._missed_at(size, gain, margin) for gain in gains} for size in self.films}

    def _missed_at(self, size: str, gain: float, margin: float) -> list[str]:
        """Conditions that are not satisfied at one size with one gain."""
        films = self.films[size]
        differences = {name: [film[gain][name] for film in films] for name in films[0][gain]}
        return missed_conditions(differences, self.patients[size], margin)


class GainChoice:
    """Choice of the gain of each enhancer that has one; the gain is stored in its model folder.

    Args:
        radiographs: radiographs of a split other than the test split.
        enhancers: enhancers; those without a gain are left out.
        output_dir: folder of ``failures.csv``.
        tracker: MLflow run.
        settings: settings of the enhancement.
        gains: gains to choose from, 0 to 1; ``None`` makes no choice.
        margin: required distance from the PSNR of bicubic interpolation, in decibels.
    """

    def __init__(
        self,
        radiographs: Radiographs,
        enhancers: Sequence[Enhancer],
        output_dir: str | Path,
        tracker: Tracker,
        settings: SREvaluationSettings,
        *,
        gains: Sequence[float] | None,
        margin: float,
    ) -> None:
        self.radiographs, self.output_dir, self.tracker = radiographs, Path(output_dir), tracker
        self.enhancers = [one for one in enhancers if isinstance(one, Gainable)]
        self.settings, self.gains, self.margin = settings, sorted(gains or ()), margin

    def run(self) -> dict[str, float]:
        """Measure the gains, and store and return the chosen gain of each enhancer.

        Raises:
            ValueError: a setting cannot be used, no radiograph can be read, or the rule allows no gain.
        """
        self.check()
        params = {**self.radiographs.params, "gains": self.gains, "gain_margin": self.margin}
        with self.tracker.recording(params):
            try:
                measured = self.measure()
            finally:
                write_failures(self.output_dir / "failures.csv", self.radiographs.failures)
            return {one.name: self.keep(one, measured.get(one.name, _Measured())) for one in self.enhancers}

    def check(self) -> None:
        """Check the settings.

        Raises:
            ValueError: a setting would give a biased choice or none; the message names it.
        """
        if self.radiographs.split == "test":
            raise ValueError(
                "gains: chosen on the split that results are reported of; expected another one, found test; set "
                "--split validation"
            )
        if not all(0 <= gain <= 1 for gain in self.gains):
            raise ValueError(f'gains: out of range; expected 0 to 1, found {self.gains}; set --gains "[0.5, 1]"')
        without = [one.name for one in self.enhancers if not one.data_consistency]
        if without or not self.enhancers:
            raise ValueError(
                "gains: nothing to choose for; expected ldm or resshift among the enhancers, with data_consistency, "
                f"found {', '.join(without) or 'neither'}; set --enhancers \"['bicubic','ldm']\""
            )

    def measure(self) -> dict[str, _Measured]:
        """Differences from bicubic interpolation on the radiographs, for each enhancer."""
        found: dict[str, _Measured] = defaultdict(_Measured)
        for number, size, case in self.radiographs.cases():
            for enhancer in self.enhancers:
                differences = _beside_bicubic(enhancer, case, self.gains, self.settings)
                if differences is not None:
                    found[enhancer.name].films[size].append(differences)
                    found[enhancer.name].patients[size].append(self.radiographs.patients[number])
        return found

    def keep(self, enhancer: Gainable, measured: _Measured) -> float:
        """Apply the rule, print the measured differences, and write ``gain.json`` to the model folder."""
        above, missed = measured.above(self.gains), measured.missed(self.gains, self.margin)
        print(
            f"{enhancer.name}: PSNR in the regions less bicubic's, dB, and what the rule misses\n"
            f"{_table(above, missed, self.gains)}",
            flush=True,
        )
        gain = _choose(missed, self.gains, self.margin)
        path = enhancer.source / FILE
        rule = (
            f"largest gain with a mean PSNR in the regions of at least bicubic's {self.margin:+g} dB and, with 95 % "
            "confidence, no more hallucinated or lost pixels and no lower SSIM, at every size"
        )
        write_json(
            path,
            {
                "gain": gain,
                "weights": hash_parts(*enhancer.parts),
                "rule": rule,
                "psnr_above_bicubic": above,
                "missed": missed,
                **self.radiographs.params,
            },
        )
        print(f"{enhancer.name}: gain {gain:g}, the {rule}; kept in {path}", flush=True)
        self.tracker.log_metrics({f"{enhancer.name}_gain": gain})
        self.tracker.log_artifacts(path)
        return gain


class AllGains:
    """Enhancer that samples once and applies every gain; its results (N, gains, 4 h, 4 w) have one channel per gain."""

    needs_native = False

    def __init__(self, enhancer: Gainable, gains: Sequence[float]) -> None:
        self.enhancer, self.gains = enhancer, gains
        self.name, self.scale, self.weights_hash = enhancer.name, enhancer.scale, enhancer.weights_hash

    @torch.inference_mode()
    def enhance(self, low_res: torch.Tensor, *, generators: Sequence[torch.Generator]) -> torch.Tensor:
        """Results (N, gains, 4 h, 4 w) of images (N, 1, h, w) in [0, 1]."""
        low_res = low_res.to(self.enhancer.device, torch.float32)
        sampled = self.enhancer.sample(low_res, generators)
        return torch.cat([with_gain(sampled, low_res, gain, True) for gain in self.gains], dim=1).cpu()


def _beside_bicubic(
    enhancer: Gainable, case: DegradedCase, gains: Sequence[float], settings: SREvaluationSettings
) -> dict[float, Figures] | None:
    """Metrics in the regions of a case, less those of bicubic, for each gain; ``None`` if no region is finite."""
    truths, low_res = regions_of(case)
    generators = [generator_of(case, enhancer, index, settings.seed) for index in range(len(low_res))]
    results = enhance_batches(AllGains(enhancer, gains), low_res, generators, settings.region_batch)
    finite = [index for index, images in enumerate(results) if bool(images.isfinite().all())]
    if not finite:
        return None
    kept = [truths[index] for index in finite]
    bicubic = BicubicEnhancer(enhancer.scale, data_consistency=True)
    plain = rule_metrics([bicubic.enhance(low_res[index][None], generators=[])[0] for index in finite], kept)
    differences = {}
    for channel, gain in enumerate(gains):
        found = rule_metrics([results[index][channel, None].clamp(0, 1) for index in finite], kept)
        differences[gain] = {name: value - plain[name] for name, value in found.items()}
    return differences


def _choose(missed: Mapping[str, Mapping[float, Sequence[str]]], gains: Sequence[float], margin: float) -> float:
    """Largest gain that satisfies the rule at every size.

    Raises:
        ValueError: no gain does.
    """
    allowed = [gain for gain in gains if not any(row[gain] for row in missed.values())]
    if not missed or not allowed:
        raise ValueError(
            f"gains: the rule allows none; expected one that is {margin:+g} dB from bicubic at every size, without "
            f"more wrong pixels or a lower SSIM, found none of {', '.join(f'{gain:g}' for gain in gains)}; add "
            "smaller gains, or train the model longer"
        )
    return max(allowed)


def _table(
    above: Mapping[str, Mapping[float, float]],
    missed: Mapping[str, Mapping[float, Sequence[str]]],
    gains: Sequence[float],
) -> str:
    """Text table with a line for each gain, a column for each size, and the conditions that are not satisfied."""
    lines = ["gain" + "".join(f"{size:>9}" for size in above)]
    for gain in gains:
        names = dict.fromkeys(name for row in missed.values() for name in row[gain])
        lines.append(f"{gain:<4g}" + "".join(f"{row[gain]:+9.3f}" for row in above.values()) + "  " + ", ".join(names))
    return "\n".join(line.rstrip() for line in lines)
