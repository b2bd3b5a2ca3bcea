import torch
from scripts.attention.output import AttentionOutput


def test_one_map_chooses_by_itself():
    maps = torch.rand(2, 3, 3)
    assert torch.equal(AttentionOutput(torch.zeros(2, 4), maps).region_maps(), maps)


def test_maps_per_label_count_as_probable_as_the_label_is():
    maps = torch.zeros(1, 3, 2, 2)
    maps[0, 0, 0, 0], maps[0, 1, 1, 1], maps[0, 2, 0, 1] = 1.0, 100.0, 5.0  # another scale is no more evidence
    output = AttentionOutput(torch.tensor([[3.0, -3.0, 9.0]]), maps)
    found = output.region_maps(["Mass", "Edema", "No Finding"])[0]
    assert found.argmax() == 0 and found[0, 1] == 0
    assert torch.allclose(found[0, 0] / found[1, 1], torch.tensor(3.0).sigmoid() / torch.tensor(-3.0).sigmoid())
    assert torch.allclose(found.sum(), torch.tensor(1.0))
