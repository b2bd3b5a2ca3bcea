import numpy as np
from scripts.experiments.ablation.probe import fit_probe


def test_it_learns_from_weighted_cases_only():
    rng = np.random.default_rng(0)
    features = rng.standard_normal((200, 5)) * [1, 10, 1, 1, 1] + 3
    targets = np.stack([features[:, 1] > 3, np.full(200, np.nan)], axis=1)
    targets[:100, 1], targets[100:, 0] = 1, 1 - targets[100:, 0]  # the second half is wrong, and left out
    probe = fit_probe(features, targets, (np.arange(200) < 100).astype(float), 1.0)
    logits = probe.logits(features[:100])
    assert ((logits[:, 0] > 0) == (targets[:100, 0] == 1)).mean() > 0.95
    assert (logits[:, 1] == 0).all()  # one class only: it ranks nothing
