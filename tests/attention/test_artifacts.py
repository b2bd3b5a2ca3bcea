import torch
from scripts.attention.artifacts import artifact_tokens, fill_from_neighbours


def test_tokens_of_outlying_norm_are_artifacts():
    tokens = torch.randn(2, 36, 64, generator=torch.Generator().manual_seed(0))
    tokens[0, [3, 20]] *= 8
    found = artifact_tokens(tokens)
    assert found[0].nonzero()[:, 0].tolist() == [3, 20] and not found[1].any()


def test_an_artifact_takes_the_median_of_its_clean_neighbours():
    maps = torch.arange(9.0).reshape(1, 1, 3, 3).clone()
    maps[0, 0, 1, 1], maps[0, 0, 0, 0] = 900, 700
    artifacts = torch.zeros(1, 3, 3, dtype=torch.bool)
    artifacts[0, 1, 1] = artifacts[0, 0, 0] = True
    filled = fill_from_neighbours(maps, artifacts)
    assert filled[0, 0, 1, 1] == 5  # of 1 2 3 5 6 7 8
    assert filled[0, 0, 0, 0] == 1  # lower median of 1 3
    assert torch.equal(filled[~artifacts[:, None]], maps[~artifacts[:, None]])


def test_where_all_neighbours_are_artifacts_the_map_decides():
    maps = torch.ones(1, 1, 4, 4)
    artifacts = torch.zeros(1, 4, 4, dtype=torch.bool)
    artifacts[0, :2, :2] = True
    maps[0, 0, :2, :2] = 50
    assert torch.equal(fill_from_neighbours(maps, artifacts), torch.ones(1, 1, 4, 4))
