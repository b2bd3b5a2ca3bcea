"""Films on which two models disagree most, in numbers: ``comparison.json`` holds neither an image nor its path."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

_FILMS = 3
FILM_PICTURES = "disagreement"  # folder of their pictures, beside comparison.json


def films_of_disagreement(
    labels: Sequence[str], base: np.ndarray, retrained: np.ndarray, targets: np.ndarray, groups: np.ndarray
) -> list[dict[str, Any]]:
    """Choose the films with the largest difference in the probability of any label, one film of each patient.

    Args:
        labels: C names.
        base: (K, N, C) probabilities of the base model, one training per seed.
        retrained: (K, N, C) probabilities of the re-trained model on the same cases.
        targets: (N, C); 1, 0, NaN (not annotated), -1 (uncertain).
        groups: (N,) patient of each case.

    Returns:
        At most three films, the largest difference first: ``case``, the number of its row among the predictions, from
        0; ``label`` with the largest difference between the means over the seeds; and ``labels``, for each label the
        K probabilities of both models and the ``target``.
    """
    gaps = np.abs(retrained.mean(axis=0) - base.mean(axis=0))  # (N, C)
    films: list[dict[str, Any]] = []
    chosen: set[Any] = set()
    for case in np.argsort(-gaps.max(axis=1), kind="stable").tolist():
        if groups[case] in chosen or len(films) == _FILMS:
            continue
        chosen.add(groups[case])
        probabilities = {
            name: {
                "base": base[:, case, i].tolist(),
                "retrained": retrained[:, case, i].tolist(),
                "target": None if np.isnan(targets[case, i]) else float(targets[case, i]),
            }
            for i, name in enumerate(labels)
        }
        films.append({"case": case, "label": labels[int(gaps[case].argmax())], "labels": probabilities})
    return films
