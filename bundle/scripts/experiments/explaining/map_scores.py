"""All methods and controls on one finding of one image: their figures, and an example."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from ...attention import AttentionOutput
from ...networks.vit_multilabel import ViTMultilabel
from . import map_metrics as metrics
from .controls import Controls
from .faithfulness import deletion_insertion
from .map_panels import MapExample
from .truth import PictureFrame


@dataclass(frozen=True)
class ExplainSettings:
    """How maps are judged.

    Attributes:
        annotations: label -> further names of annotations that show it.
        tolerance: pixels of the network's input that a near hit may miss its finding by.
        area: share of the picture that a map marks for the IoU.
        steps: of the deletion and insertion curves, at least 2; 0 leaves them out.
        sanity_images: images for the randomised weights; 0 leaves them out.
        examples: rows of the panel.
        bootstrap: replicates of the intervals.
        seed: of random maps, random weights and the bootstrap.
        device: of the network.

    Raises:
        ValueError: an area or a number of steps that cannot be.
    """

    annotations: Mapping[str, Sequence[str]]
    tolerance: float = 15.0
    area: float = 0.1
    steps: int = 8
    sanity_images: int = 8
    examples: int = 6
    bootstrap: int = 1000
    seed: int = 0
    device: torch.device | str = "cpu"

    def __post_init__(self) -> None:
        if not 0 < self.area <= 1:
            raise ValueError(f"area: expected a share in (0, 1], found {self.area}")
        if self.steps == 1 or self.steps < 0:
            raise ValueError(f"curve_steps: expected 0 (no curves) or at least 2, found {self.steps}")


@dataclass(frozen=True)
class Finding:
    """What maps are compared with.

    Attributes:
        label: number of the output.
        name: of the label.
        image: (1, S, S) as the network sees it.
        number: of the image in its split.
        truth: (R, C) bool, pixels of the picture.
        frame: where the picture is in the image.
    """

    label: int
    name: str
    image: torch.Tensor
    number: int
    truth: np.ndarray
    frame: PictureFrame


def score_maps(
    finding: Finding,
    outputs: Mapping[str, AttentionOutput],
    controls: Controls,
    network: ViTMultilabel,
    settings: ExplainSettings,
) -> tuple[dict[str, dict[str, float]], MapExample]:
    """Figures by method and control, and the methods' maps for a panel.

    Args:
        finding: see :class:`Finding`.
        outputs: of the methods, for a batch of this image alone.
        controls: maps that know nothing of the image.
        network: for the curves of deletion and insertion.
        settings: see :class:`ExplainSettings`.
    """
    maps = {name: [_map_of(output, finding.label)] for name, output in outputs.items()}
    maps |= controls.maps(finding.name, finding.number)
    figures = {name: _figures_of(found, finding, settings) for name, found in maps.items()}
    if settings.steps:
        firsts = [found[0] for found in maps.values()]
        areas = deletion_insertion(network, finding.image, firsts, finding.label, settings.steps)
        for found, (deletion, insertion) in zip(figures.values(), areas, strict=True):
            found |= {"deletion": deletion, "insertion": insertion}
    return figures, MapExample(
        label=finding.name,
        probability=float(next(iter(outputs.values())).logits[0, finding.label].sigmoid()),
        picture=finding.image[0][finding.frame.inside()].cpu().numpy(),
        truth=finding.truth,
        maps={name: finding.frame.pixels(maps[name][0]) for name in outputs},
    )


def _map_of(output: AttentionOutput, label: int) -> torch.Tensor:
    """(h, w) map of a label in a batch of one image; that of all labels where a method has one only."""
    return output.maps[0] if output.maps.ndim == 3 else output.maps[0, label]


def _figures_of(maps: Sequence[torch.Tensor], finding: Finding, settings: ExplainSettings) -> dict[str, float]:
    """Figures of a map, or the mean of those of several."""
    pixels = [finding.frame.pixels(grid) for grid in maps]
    truth = finding.truth
    return {
        "hit_rate": float(np.mean([metrics.hit(one, truth) for one in pixels])),
        "near_hit_rate": float(np.mean([metrics.hit(one, truth, settings.tolerance) for one in pixels])),
        "iou": float(np.mean([metrics.iou(one, truth, settings.area) for one in pixels])),
        "relevance_mass": float(np.mean([metrics.relevance_mass(one, truth) for one in pixels])),
        "gini": float(np.mean([metrics.gini(one) for one in pixels])),
    }
