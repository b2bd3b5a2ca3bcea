"""Choice of the default gain of a model by a predefined rule (``run sr_evaluation --gains``).

The rule takes the largest gain at which, at every size, the mean PSNR in the regions of validation radiographs is at
least that of data-consistent bicubic interpolation plus a margin. This is the largest amount of sampled texture that is
not worse than interpolation.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Mapping, Sequence
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
from ...super_resolution.fidelity import psnr
from ...super_resolution.networks.weight_folder import hash_parts
from ...tracking import Tracker
from .radiographs import Radiographs
from .sr_protocol import DegradedCase
from .sr_scores import SREvaluationSettings, generator_of, regions_of

logger = logging.getLogger(__name__)

Gainable = LatentDiffusionEnhancer | ResShiftEnhancer
Above = dict[str, dict[float, float]]  # size -> gain -> decibels above bicubic


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
            return {one.name: self.keep(one, measured.get(one.name, {})) for one in self.enhancers}

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

    def measure(self) -> dict[str, Above]:
        """Mean difference from bicubic interpolation over the radiographs, for each enhancer."""
        found: dict[str, dict[str, list[torch.Tensor]]] = defaultdict(lambda: defaultdict(list))
        for _, size, case in self.radiographs.cases():
            for enhancer in self.enhancers:
                differences = _above_bicubic(enhancer, case, self.gains, self.settings)
                if differences is not None:
                    found[enhancer.name][size].append(differences)
        return {
            name: {
                size: dict(zip(self.gains, torch.stack(rows).mean(dim=0).tolist(), strict=True))
                for size, rows in sizes.items()
            }
            for name, sizes in found.items()
        }

    def keep(self, enhancer: Gainable, above: Above) -> float:
        """Apply the rule, print the measured differences, and write ``gain.json`` to the model folder."""
        print(f"{enhancer.name}: PSNR in the regions less bicubic's, dB\n{_table(above, self.gains)}", flush=True)
        gain = _choose(above, self.gains, self.margin)
        path = enhancer.source / FILE
        rule = f"largest gain with a mean PSNR in the regions of at least bicubic's {self.margin:+g} dB at every size"
        write_json(
            path,
            {
                "gain": gain,
                "weights": hash_parts(*enhancer.parts),
                "rule": rule,
                "psnr_above_bicubic": above,
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


def _above_bicubic(
    enhancer: Gainable, case: DegradedCase, gains: Sequence[float], settings: SREvaluationSettings
) -> torch.Tensor | None:
    """Mean PSNR in the regions of a case, less that of bicubic, for each gain; ``None`` if no region is finite."""
    truths, low_res = regions_of(case)
    generators = [generator_of(case, enhancer, index, settings.seed) for index in range(len(low_res))]
    results = enhance_batches(AllGains(enhancer, gains), low_res, generators, settings.region_batch)
    bicubic = BicubicEnhancer(enhancer.scale, data_consistency=True)
    differences = [
        torch.tensor([psnr(image[None].clamp(0, 1), truth) for image in images])
        - psnr(bicubic.enhance(given[None], generators=[])[0], truth)
        for images, truth, given in zip(results, truths, low_res, strict=True)
        if bool(images.isfinite().all())
    ]
    return torch.stack(differences).mean(dim=0) if differences else None


def _choose(above: Above, gains: Sequence[float], margin: float) -> float:
    """Largest gain that is at least ``margin`` decibels above bicubic at every size.

    Raises:
        ValueError: no gain is.
    """
    allowed = [gain for gain in gains if all(row[gain] >= margin for row in above.values())]
    if not above or not allowed:
        raise ValueError(
            f"gains: the rule allows none; expected one that is {margin:+g} dB from bicubic at every size, found none "
            f"of {', '.join(f'{gain:g}' for gain in gains)}; add smaller gains, or train the model longer"
        )
    return max(allowed)


def _table(above: Mapping[str, Mapping[float, float]], gains: Sequence[float]) -> str:
    """Text table with a line for each gain and a column for each size."""
    lines = ["gain" + "".join(f"{size:>9}" for size in above)]
    return "\n".join(
        lines + [f"{gain:<4g}" + "".join(f"{row[gain]:+9.3f}" for row in above.values()) for gain in gains]
    )
