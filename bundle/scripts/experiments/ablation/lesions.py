"""Hallucination check on phantoms: does an enhancer keep a lesion that is there, and invent none where there is none?

Pairs of one synthetic patient with and without a finding of fine detail, otherwise equal to the pixel. The lesion's own
image ``s`` (the difference of the two at full resolution) is the template of an ideal observer who knows where and what
to look for; the answer ``<x - clean, s> / <s, s>`` of an image ``x`` is 1 for the lesion in full and 0 for none.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import torch

from ...phantom import FINE_GRADES, make_phantom
from ...super_resolution.enhancers.batching import enhance_batches
from ...super_resolution.enhancers.enhancer import Enhancer
from ...super_resolution.fidelity import cut
from ...super_resolution.region_enhancer import seed_of
from ...super_resolution.regions import Region, select_regions
from ...super_resolution.resampling import degrade, resize

SCALE = 4
_SIZE = 1024
_LEVELS = 4095.0  # of the phantoms' 12 bits
_FIRST_PATIENT = 900_000  # of the pairs: none of a data set
_REGIONS = 2  # of a lesion
_ALARM = 0.05  # of the lesion's signal
BASELINE = "bicubic"


def check_lesions(
    enhancers: Mapping[str, Enhancer], *, pairs: int, window: int = 72, seed: int = 0, size: int = _SIZE
) -> dict[str, dict[str, Any]]:
    """Judge enhancers of scale 4 on pairs of phantoms.

    Args:
        enhancers: by name; ``bicubic`` among them. One that takes native pixels gets the truth: the bound.
        pairs: of each finding of fine detail.
        window: side of a region, pixels of the image that was reduced by four.
        seed: of the phantoms and of the enhancers' noise.
        size: of the phantoms, pixels.

    Returns:
        By enhancer: ``retained``, the lesion's signal that is left; ``created``, signal where there is no lesion,
        beyond what interpolation shows there; ``detectability``, d' of the ideal observer; each with ``…_ci`` (95 %,
        normal) but the last; ``alarms``.
    """
    answers: dict[str, list[tuple[float, float]]] = {name: [] for name in enhancers}
    for with_lesion, without, clean in _draw_pairs(pairs, seed, size):
        for name, answer in _answers_of(enhancers, with_lesion, without, clean, window, seed):
            answers[name].append(answer)
    tables = {name: np.array(rows) for name, rows in answers.items()}  # (n, 2): with, without
    return {name: _summarise(table, tables[BASELINE]) for name, table in tables.items()}


def _draw_pairs(pairs: int, seed: int, size: int) -> Iterator[tuple[torch.Tensor, torch.Tensor, torch.Tensor]]:
    """Images (1, size, size) in [0, 1]: with the lesion, without it, and without it and noise."""
    for label, grade in FINE_GRADES.items():
        for pair in range(pairs):
            patient = _FIRST_PATIENT + pair
            drawn = [
                make_phantom(seed, patient, 1, findings, size, noise=noise).image
                for findings, noise in (({label: grade}, 1.0), ({}, 1.0), ({}, 0.0))
            ]
            with_lesion, without, clean = (
                torch.from_numpy(image.astype(np.float32) / _LEVELS)[None] for image in drawn
            )
            yield with_lesion, without, clean


def _answers_of(
    enhancers: Mapping[str, Enhancer],
    with_lesion: torch.Tensor,
    without: torch.Tensor,
    clean: torch.Tensor,
    window: int,
    seed: int,
) -> Iterator[tuple[str, tuple[float, float]]]:
    """(answer with, answer without) of each enhancer in each region of a pair."""
    signal = with_lesion - without
    where = degrade(signal.abs()[None], SCALE)[0, 0].numpy()
    regions, _ = select_regions("fixed_windows", where, count=_REGIONS, window=window)
    for number, region in enumerate(regions):
        large = Region(*(SCALE * edge for edge in region.box))
        template, reference = cut(signal, large), cut(clean, large)
        for name, enhancer in enhancers.items():
            results = []
            for image in (with_lesion, without):
                native = cut(image, large)
                low_res = native if enhancer.needs_native else degrade(native[None], SCALE)[0].clamp(0, 1)
                # One noise for both, so that their difference is the lesion's doing.
                noise = torch.Generator().manual_seed(seed_of(b"lesion", f"{name}|{number}", seed))
                (result,) = enhance_batches(enhancer, [low_res], [noise], 1)
                if result.shape != template.shape:
                    result = resize(result[None], (template.shape[-2], template.shape[-1]))[0]
                results.append(float(((result - reference) * template).sum() / template.square().sum()))
            yield name, (results[0], results[1])


def _summarise(answers: np.ndarray, baseline: np.ndarray) -> dict[str, Any]:
    """Figures of one enhancer from its answers (n, 2) and those of interpolation."""
    retained, created = answers[:, 0] - answers[:, 1], answers[:, 1] - baseline[:, 1]
    kept = _interval(retained - (baseline[:, 0] - baseline[:, 1]))
    made = _interval(created)
    spread = float(answers[:, 1].std())
    alarms = []
    if made[0] > _ALARM:
        alarms.append("signal of a lesion appears where there is none")
    if kept[1] < -_ALARM:
        alarms.append("less of a lesion is left than interpolation keeps")
    return {
        "regions": len(answers),
        "retained": float(retained.mean()),
        "retained_ci": _interval(retained),
        "created": float(created.mean()),
        "created_ci": made,
        "detectability": float(retained.mean()) / spread if spread > 0 else None,
        "alarms": alarms,
    }


def _interval(values: np.ndarray) -> list[float]:
    """95 % interval of a mean, normal."""
    half = 1.959964 * float(values.std(ddof=1)) / len(values) ** 0.5 if len(values) > 1 else 0.0
    return [float(values.mean()) - half, float(values.mean()) + half]
