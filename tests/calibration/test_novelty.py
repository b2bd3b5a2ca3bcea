from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scripts.calibration.novelty import FLAG_ABOVE, NOVELTY_FILE, fit_novelty, load_novelty, save_novelty


def make_features(n: int, seed: int) -> np.ndarray:
    """(n, 40) whose variance falls from direction to direction."""
    return np.random.default_rng(seed).normal(size=(n, 40)) * 0.9 ** np.arange(40) + 3


def test_distance_is_the_mahalanobis_distance_of_the_covariance_that_it_stands_for() -> None:
    training = make_features(600, 0)
    novelty = fit_novelty(training, make_features(200, 1), components=10)
    directions = np.linalg.svd(training - training.mean(0), full_matrices=False)
    variances = directions.S**2 / 599
    variances[10:] = variances[10:].mean()
    covariance = directions.Vh.T @ np.diag(variances) @ directions.Vh
    features = make_features(5, 2)
    centred = features - training.mean(0)
    expected = np.einsum("nd,nd->n", centred, np.linalg.solve(covariance, centred.T).T)
    assert novelty.distance(features) == pytest.approx(expected)


def test_usual_images_spread_evenly_and_unusual_ones_are_flagged() -> None:
    novelty = fit_novelty(make_features(1000, 0), make_features(1000, 1))
    usual = novelty.score(make_features(2000, 2))
    assert usual.mean() == pytest.approx(0.5, abs=0.05)
    assert (usual > FLAG_ABOVE).mean() < 0.03
    # Unusual in a direction that hardly varies: Euclidean distance would not notice.
    odd = make_features(50, 3)
    odd[:, -1] += 0.4
    assert (novelty.score(odd) > FLAG_ABOVE).mean() > 0.9


def test_label_tokens_count_by_their_mean() -> None:
    novelty = fit_novelty(make_features(100, 0), make_features(50, 1))
    tokens = np.stack([make_features(4, 2), make_features(4, 3)], axis=1)  # (N, C, D)
    assert novelty.distance(tokens) == pytest.approx(novelty.distance(tokens.mean(1)))


def test_file_is_small_and_belongs_to_its_weights(tmp_path: Path) -> None:
    (tmp_path / "model.safetensors").write_bytes(b"weights")
    assert load_novelty(tmp_path) is None
    features = np.random.default_rng(0).normal(size=(900, 768))
    novelty = fit_novelty(features, features[:300])
    save_novelty(novelty, tmp_path)
    assert (tmp_path / NOVELTY_FILE).stat().st_size < 2e6
    assert load_novelty(tmp_path).score(features[:20]) == pytest.approx(novelty.score(features[:20]), abs=0.01)
    (tmp_path / "model.safetensors").write_bytes(b"other")
    with pytest.raises(ValueError, match="other weights"):
        load_novelty(tmp_path)
    (tmp_path / NOVELTY_FILE).write_bytes(b"cut")
    with pytest.raises(ValueError, match="cannot be read"):
        load_novelty(tmp_path)


def test_features_of_another_network_are_rejected() -> None:
    novelty = fit_novelty(make_features(100, 0), make_features(50, 1))
    with pytest.raises(ValueError, match=r"expected finite \(N, 40\)"):
        novelty.score(np.zeros((2, 41)))
    with pytest.raises(ValueError, match="expected finite"):
        novelty.score(np.full((2, 40), np.nan))
    with pytest.raises(ValueError, match="at least 3"):
        fit_novelty(make_features(2, 0), make_features(5, 1))
