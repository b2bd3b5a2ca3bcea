"""Logits of a model of two labels, and its result files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scripts.evaluation.evaluate import write_evaluation

LABELS = ["Edema", "Fracture"]


def evaluate(folder: Path, root: str, suffix: str, logits: np.ndarray, targets: np.ndarray, weights: str = "") -> dict:
    """Write the result files of a model on the images ``root``/pN/M``suffix``, two of each patient."""
    items = [{"image": f"{root}/p{i // 2}/{i}{suffix}", "patient_id": f"patient-{i // 2}"} for i in range(len(logits))]
    return write_evaluation(folder, LABELS, items, logits, targets, bootstrap=50, model_hash=weights or str(folder))


@pytest.fixture
def case() -> tuple[np.ndarray, np.ndarray]:
    """Logits (60, 2) that follow their targets (60, 2), with a blank and an uncertain label."""
    rng = np.random.default_rng(0)
    targets = (rng.random((60, 2)) < 0.4).astype(float)
    targets[0, 0], targets[1, 1] = np.nan, -1
    return np.where(targets == 1, 1.0, 0.0) + rng.normal(size=(60, 2)), targets
