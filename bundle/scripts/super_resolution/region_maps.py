"""Maps that choose the regions of a film, by selector.

``findings`` gets a map for each label that the film shows. The other selectors get one map: the film's own, or for
``mean_map`` that of other patients, which the caller knows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch

from ..attention import METHODS, Attention, AttentionOutput
from ..attention.output import NO_FINDING
from ..attention.patch_logits import PatchLogits
from ..calibration.calibration_file import decide, load_decision_rules
from ..common.choices import check_choice
from .regions import FINDINGS, FIXED_WINDOWS, MEAN_MAP, SELECTORS

_NO_MEAN_MAP = (
    "selector: mean_map takes its map from the training films; expected the workflow enhancing, zooming or ablation, "
    "found another; set fixed_windows"
)
_BEST = 3  # labels that choose where none reaches its threshold


@dataclass(frozen=True)
class FilmMaps:
    """Maps that choose the regions of one film.

    Attributes:
        maps: (L, h, w) on the patch grid of the network's square input.
        labels: L names; ``None`` for a map that belongs to no label.
        flags: ``no_label`` if no label of the film reaches its threshold.
    """

    maps: torch.Tensor
    labels: Sequence[str | None] = (None,)
    flags: list[str] = field(default_factory=list)


def default_selector(method: str) -> str:
    """Selector that is used unless another is set: ``findings`` for the maps of a patch head, else ``fixed_windows``.

    Args:
        method: attention method that chooses the regions.
    """
    return FINDINGS if method == PatchLogits.name else FIXED_WINDOWS


def check_selector(
    selector: str, attention: Attention, labels: Sequence[str] | None, *, mean_map: bool = False
) -> None:
    """Check that a selector is known and suits an attention method.

    Args:
        selector: name of a selector.
        attention: attention method that chooses the regions.
        labels: names of the network's outputs.
        mean_map: whether the caller has a mean map of training films.

    Raises:
        ValueError: the selector is not known, ``mean_map`` without such a map, or ``findings`` with a method that has
            one map for all labels, or with a network whose labels have no names.
    """
    check_choice("selector", selector, SELECTORS)
    if selector == MEAN_MAP and not mean_map:
        raise ValueError(_NO_MEAN_MAP)
    if selector != FINDINGS:
        return
    if not attention.per_label:
        able = ", ".join(name for name, method in METHODS.items() if getattr(method, "per_label", False))
        raise ValueError(
            f"selector: findings needs a map for each label; expected an attention method out of {able}, found "
            f"{attention.name}, which has one map for all labels; set another attention method, or fixed_windows"
        )
    if not labels:
        raise ValueError("selector: findings names regions by label; expected a network with labels, found none")


def film_maps(
    selector: str, output: AttentionOutput, labels: Sequence[str] | None, rules: np.ndarray | None = None
) -> list[FilmMaps]:
    """Maps that choose the regions of each film of a batch.

    For ``findings`` these are the maps of the labels that reach their thresholds, or of the three most probable labels
    if none does, each scaled to a sum of one. ``No Finding`` is never one of them.

    Args:
        selector: any selector but ``mean_map``.
        output: logits and maps of B films.
        labels: names of the C outputs.
        rules: (C, 3) scale, offset and threshold of each label for ``findings``, see
            :func:`..calibration.calibration_file.load_decision_rules`; ``None``: a probability of 0.5 decides.

    Raises:
        ValueError: the selector is ``mean_map``, whose map is not made from the film.
    """
    if selector == MEAN_MAP:
        raise ValueError(_NO_MEAN_MAP)
    if selector != FINDINGS:
        return [FilmMaps(one[None]) for one in output.region_maps(list(labels or [])).cpu()]
    names = list(labels or [])
    rules = load_decision_rules(None, names) if rules is None else rules
    decided = decide(rules, output.logits.float().cpu().numpy())
    maps = output.shares().cpu()
    films = []
    for own, probabilities, positive in zip(maps, decided.probabilities, decided.decisions, strict=True):
        chosen, flags = shown_labels(names, probabilities, positive)
        films.append(FilmMaps(own[chosen], [names[index] for index in chosen], flags))
    return films


def shown_labels(
    labels: Sequence[str], probabilities: np.ndarray, decisions: np.ndarray
) -> tuple[list[int], list[str]]:
    """Numbers of the labels that a film shows, and flags.

    Args:
        labels: C names.
        probabilities: (C,) in [0, 1].
        decisions: (C,) bool, whether a label reaches its threshold.
    """
    candidates = [index for index, name in enumerate(labels) if name != NO_FINDING]
    passed = [index for index in candidates if decisions[index]]
    if passed:
        return passed, []
    return sorted(candidates, key=lambda index: -probabilities[index])[:_BEST], ["no_label"]
