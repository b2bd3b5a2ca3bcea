"""Hallucination check on phantoms: an enhancer must preserve a lesion that is there, and must not create one.

The check uses pairs of images of a synthetic patient with and without a finding of fine detail; the images are
otherwise equal in every pixel. The signal ``s`` of the lesion, which is the difference of the two images at full
resolution, is the template of an ideal observer who knows the place and shape of the lesion. The response of the
observer to an image ``x``, ``<x - clean, s> / <s, s>``, is 1 for the whole lesion and 0 for none.
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
_LEVELS = 4095.0  # largest value of the phantoms, which have 12 bits
_FIRST_PATIENT = 900_000  # number of the first patient of the pairs; no data set contains it
_REGIONS = 2  # regions of a lesion
_ALARM = 0.05  # share of the signal of the lesion
BASELINE = "bicubic"


def check_lesions(
    enhancers: Mapping[str, Enhancer], *, pairs: int, window: int = 72, seed: int = 0, size: int = _SIZE
) -> dict[str, dict[str, Any]]:
    """Evaluate enhancers of scale 4 on pairs of phantoms.

    Args:
        enhancers: enhancers by name, with ``bicubic`` among them. An enhancer that takes native pixels gets the truth
            and shows the best possible result.
        pairs: number of pairs of each finding of fine detail.
        window: side of a region, in pixels of the image reduced by four.
        seed: seed of the phantoms and of the noise of the enhancers.
        size: side of the phantoms, in pixels.

    Returns:
        For each enhancer: ``retained``, the share of the signal of the lesion that is left; ``created``, the signal in
        the image without the lesion, less that of interpolation; ``detectability``, d' of the ideal observer;
        ``alarms``; ``retained_ci`` and ``created_ci``, normal 95 % intervals.
    """
    answers: dict[str, list[tuple[float, float]]] = {name: [] for name in enhancers}
    for with_lesion, without, clean in _draw_pairs(pairs, seed, size):
        for name, answer in _answers_of(enhancers, with_lesion, without, clean, window, seed):
            answers[name].append(answer)
    tables = {name: np.array(rows) for name, rows in answers.items()}  # (n, 2): with, without
    return {name: _summarise(table, tables[BASELINE]) for name, table in tables.items()}


def _draw_pairs(pairs: int, seed: int, size: int) -> Iterator[tuple[torch.Tensor, torch.Tensor, torch.Tensor]]:
    """Images (1, size, size) in [0, 1]: with the lesion, without it, and without it and without noise."""
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
    """Responses of the observer, with and without the lesion, for each enhancer in each region of a pair."""
    signal = with_lesion - without
    where = degrade(signal.abs()[None], SCALE)[0, 0].numpy()
    regions, _ = select_regions("fixed_windows", where, count=_REGIONS, window=window)
    for number, region in enumerate(regions):
        row0, col0, row1, col1 = (SCALE * edge for edge in region.box)
        large = Region(row0, col0, row1, col1)
        template, reference = cut(signal, large), cut(clean, large)
        for name, enhancer in enhancers.items():
            results = []
            for image in (with_lesion, without):
                native = cut(image, large)
                low_res = native if enhancer.needs_native else degrade(native[None], SCALE)[0].clamp(0, 1)
                # Both images get the same noise, so that only the lesion makes a difference.
                noise = torch.Generator().manual_seed(seed_of(b"lesion", f"{name}|{number}", seed))
                (result,) = enhance_batches(enhancer, [low_res], [noise], 1)
                if result.shape != template.shape:
                    result = resize(result[None], (template.shape[-2], template.shape[-1]))[0]
                results.append(float(((result - reference) * template).sum() / template.square().sum()))
            yield name, (results[0], results[1])


def _summarise(answers: np.ndarray, baseline: np.ndarray) -> dict[str, Any]:
    """Metrics of an enhancer from its responses (n, 2) and those of interpolation."""
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
    """Normal 95 % interval of a mean."""
    half = 1.959964 * float(values.std(ddof=1)) / len(values) ** 0.5 if len(values) > 1 else 0.0
    return [float(values.mean()) - half, float(values.mean()) + half]
