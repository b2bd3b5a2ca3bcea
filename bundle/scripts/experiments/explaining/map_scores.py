"""Metrics of all methods and controls for one finding of one image, and an example for the panel."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from ...attention import AttentionOutput
from ...data.annotations import PictureFrame
from ...networks.vit_multilabel import ViTMultilabel
from ...super_resolution.regions import Region
from . import map_metrics as metrics
from .coverage import coverage
from .faithfulness import deletion_insertion
from .map_panels import MapExample


@dataclass(frozen=True)
class ExplainSettings:
    """Settings of the evaluation of maps.

    Attributes:
        annotations: for each label, further names of annotations that show it.
        tolerance: largest distance of a near hit from its finding, in pixels of the network's input.
        area: share of the picture that a map marks for the IoU.
        steps: number of steps of the curves of deletion and insertion, at least 2; 0 leaves out the curves.
        sanity_images: number of images for the check with randomised weights; 0 leaves out the check.
        examples: number of rows of the panel.
        region_counts: numbers of regions per film for which the coverage of the findings is measured.
        window: side of such a region, in pixels of the network's input.
        bootstrap: number of bootstrap replicates.
        seed: seed of the random maps, the random weights and the bootstrap.
        device: device of the network.

    Raises:
        ValueError: an area or a number of steps is out of range.
    """

    annotations: Mapping[str, Sequence[str]]
    tolerance: float = 15.0
    area: float = 0.1
    steps: int = 8
    sanity_images: int = 8
    examples: int = 6
    region_counts: Sequence[int] = (2, 4)
    window: int = 64
    bootstrap: int = 1000
    seed: int = 0
    device: torch.device | str = "cpu"

    def __post_init__(self) -> None:
        if not 0 < self.area <= 1:
            raise ValueError(f"area: expected a share in (0, 1], found {self.area}")
        if self.steps == 1 or self.steps < 0:
            raise ValueError(f"curve_steps: expected 0 (no curves) or at least 2, found {self.steps}")
        if not self.region_counts or min(self.region_counts) < 1:
            raise ValueError(f"region_counts: expected whole numbers from 1 up, found {list(self.region_counts)}")
        if self.window < 1:
            raise ValueError(f"window: expected at least 1 pixel, found {self.window}")


@dataclass(frozen=True)
class Finding:
    """Finding that maps are compared with.

    Attributes:
        label: number of the output.
        name: name of the label.
        image: network input (1, S, S).
        number: number of the image in its split.
        parts: mask (R, C) in the picture for each annotation (box) of the finding, at least one, none of them empty.
        frame: place of the picture in the network input.
    """

    label: int
    name: str
    image: torch.Tensor
    number: int
    parts: Sequence[np.ndarray]
    frame: PictureFrame

    @property
    def truth(self) -> np.ndarray:
        """Mask (R, C) of the union of the annotations."""
        return np.logical_or.reduce(self.parts)


def score_maps(
    finding: Finding,
    outputs: Mapping[str, AttentionOutput],
    controls: Mapping[str, Sequence[torch.Tensor]],
    regions: Mapping[str, Sequence[Sequence[Region]]],
    network: ViTMultilabel,
    settings: ExplainSettings,
) -> tuple[dict[str, dict[str, float]], MapExample]:
    """Metrics by method and control, and the maps of the methods for a panel.

    Args:
        finding: finding of an image.
        outputs: outputs of the methods for a batch of this image alone.
        controls: maps of each control for the label of the finding.
        regions: regions of the film by each method and control; several lists for a control with several maps.
        network: network for the curves of deletion and insertion.
        settings: settings of the evaluation.
    """
    maps: dict[str, Sequence[torch.Tensor]] = {
        name: [map_of(output, finding.label)] for name, output in outputs.items()
    }
    maps |= controls
    scores = {name: _metrics_of(found, finding, settings) for name, found in maps.items()}
    for name, found in scores.items():
        found |= coverage(regions[name], finding.parts, settings.region_counts)
    if settings.steps:
        firsts = [found[0] for found in maps.values()]
        areas = deletion_insertion(network, finding.image, firsts, finding.label, settings.steps)
        for found, (deletion, insertion) in zip(scores.values(), areas, strict=True):
            found |= {"deletion": deletion, "insertion": insertion}
    return scores, MapExample(
        label=finding.name,
        probability=float(next(iter(outputs.values())).logits[0, finding.label].sigmoid()),
        picture=finding.image[0][finding.frame.inside()].cpu().numpy(),
        truth=finding.truth,
        maps={name: finding.frame.pixels(maps[name][0]) for name in outputs},
    )


def map_of(output: AttentionOutput, label: int) -> torch.Tensor:
    """Map (h, w) of a label in a batch of one image; the common map if a method has only one for all labels."""
    return output.maps[0, label] if output.per_label else output.maps[0]


def _metrics_of(maps: Sequence[torch.Tensor], finding: Finding, settings: ExplainSettings) -> dict[str, float]:
    """Mean of each metric over maps."""
    pixels = [finding.frame.pixels(grid) for grid in maps]
    truth = finding.truth
    return {
        "hit_rate": float(np.mean([metrics.hit(one, truth) for one in pixels])),
        "near_hit_rate": float(np.mean([metrics.hit(one, truth, settings.tolerance) for one in pixels])),
        "iou": float(np.mean([metrics.iou(one, truth, settings.area) for one in pixels])),
        "relevance_mass": float(np.mean([metrics.relevance_mass(one, truth) for one in pixels])),
        "gini": float(np.mean([metrics.gini(one) for one in pixels])),
    }
