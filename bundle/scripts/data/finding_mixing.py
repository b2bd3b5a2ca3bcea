"""Findings of one training film pasted into another: more positive examples of rare findings (cf. CutMix, 1905.04899).

It is the counterpart of the synthetic images against imbalance of CA-ViT. The finding keeps its place, which is
plausible because both films are fitted to the same square and show the same view.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F

from .finding_masks import FindingMasks, decode_findings
from .label_aliases import NO_FINDING

_FEATHER = 32  # the ramp is this part of the side of the image, so 7 pixels of 224
_INSIDE = 0.5  # share of another finding that has to be pasted for its label to be joined


class FindingMixing:
    """Pastes an annotated finding of another patient into a film, and joins the labels.

    A label is drawn first, each as often as the others, and then a film with a box or mask of it; so rare labels gain
    most. The other film has the same view and belongs to another patient.

    Args:
        labels: labels of the network.
        size: side S of the images, in pixels.
        probability: probability that a film gets a finding.
        num_workers: number of threads that read annotated films.
    """

    def __init__(self, labels: Sequence[str], size: int, probability: float, num_workers: int = 2) -> None:
        self.labels, self.probability = list(labels), probability
        self.masks = FindingMasks(labels, size, num_workers)
        self.donors: dict[Any, dict[int, list[Mapping[str, Any]]]] = {}  # by view and label

    def prepare(self, items: Sequence[Mapping[str, Any]]) -> None:
        """Read the boxes and masks of the training films.

        Raises:
            ValueError: no film has one.
        """
        self.masks.prepare(items)
        for item in items:
            if item["image"] in self.masks.coded:
                for label in self._masks(item).flatten(1).any(dim=1).nonzero().flatten().tolist():
                    self.donors.setdefault(item.get("view"), {}).setdefault(label, []).append(item)
        if not self.donors:
            raise ValueError(
                "mix_findings: nothing to paste; expected a training film with a box or mask of its labels, found "
                "none; add them to the datalist, or set --mix_findings 0"
            )

    def __call__(
        self,
        entry: dict[str, Any],
        item: Mapping[str, Any],
        load: Callable[[str], torch.Tensor],
        rng: np.random.Generator,
    ) -> dict[str, Any]:
        """Entry of a film for training, with a pasted finding or as it is.

        Args:
            entry: ``image`` (1, S, S) in [0, 1], ``label`` (C,), and perhaps ``findings`` (P, S, S).
            item: item of the film in the datalist.
            load: function from the path of a film to its image (1, S, S).
            rng: random generator of this film and epoch.
        """
        by_label = self.donors.get(item.get("view"), {})
        if rng.random() >= self.probability or not by_label:
            return entry
        label = int(rng.choice(sorted(by_label)))
        donor = by_label[label][int(rng.integers(len(by_label[label])))]
        if donor["patient_id"] == item["patient_id"]:
            return entry
        masks = self._masks(donor)  # (C, S, S)
        pasted = masks[label]
        image = _paste(entry["image"], load(donor["image"]), pasted)
        areas = masks.flatten(1).sum(dim=1)
        joined = (masks & pasted).flatten(1).sum(dim=1) > _INSIDE * areas.clamp(min=1)  # (C,); true for ``label``
        target = torch.where(joined, 1.0, entry["label"])
        if NO_FINDING in self.labels:
            target[self.labels.index(NO_FINDING)] = 0.0
        mixed = {**entry, "image": image, "label": target}
        if "findings" in entry:
            coded = torch.from_numpy(self.masks.encode((masks & joined[:, None, None] & pasted).numpy()))
            mixed["findings"] = (entry["findings"].int() | coded.int()).float()
        return mixed

    def _masks(self, item: Mapping[str, Any]) -> torch.Tensor:
        """Masks (C, S, S) bool of the findings of a film."""
        return decode_findings(self.masks(item["image"])[None], len(self.labels))[0]


def make_mixing(
    probability: float, labels: Sequence[str], size: int, num_workers: int = 2, crops: object = None
) -> FindingMixing | None:
    """Make the mixing that the configuration asks for; ``None`` if the probability is 0.

    Args:
        probability: probability that a film gets a finding.
        labels: labels of the network.
        size: side of the images, in pixels.
        num_workers: number of threads that read annotated films.
        crops: source of the crops of a network that reads them beside the image.

    Raises:
        ValueError: the network reads crops, which would not show the pasted finding.
    """
    if probability and crops is not None:
        raise ValueError(
            "mix_findings: the crops of a zoom network would not show what is pasted; expected 0, found "
            f"{probability}; leave it out"
        )
    return FindingMixing(labels, size, probability, num_workers) if probability else None


def _paste(image: torch.Tensor, other: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Paste a part of another image, with a soft border and at the brightness of its new surroundings.

    Args:
        image: image (1, S, S) in [0, 1].
        other: image (1, S, S) whose part is pasted.
        mask: part to paste, (S, S) bool.
    """
    ramp = max(1, image.shape[-1] // _FEATHER)
    hard = mask[None, None].float()
    wide = F.max_pool2d(hard, 2 * ramp + 1, stride=1, padding=ramp)
    ring = (wide - hard)[0, 0].bool()
    # The ramp lies outside the finding, of which nothing is lost.
    soft = F.avg_pool2d(wide, 2 * ramp + 1, stride=1, padding=ramp, count_include_pad=False)[0].clamp(min=hard[0])
    shift = (image[0, ring] - other[0, ring]).mean() if ring.any() else image.new_zeros(())
    return (image + soft * (other + shift - image)).clamp(0.0, 1.0)
