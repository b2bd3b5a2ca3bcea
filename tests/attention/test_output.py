import pytest
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


def test_a_label_whose_place_was_not_trained_has_no_part():
    labels, maps, logits = ["Mass", "Edema", "No Finding"], torch.rand(2, 3, 4, 4), torch.randn(2, 3)
    parts = AttentionOutput(logits, maps, ["Mass"]).label_parts(labels)
    assert parts[:, 1:].count_nonzero() == 0
    torch.testing.assert_close(parts[:, 0], maps[:, 0] / maps[:, 0].sum(dim=(1, 2), keepdim=True))


@pytest.mark.parametrize(
    ("located", "labels"),
    [(None, ["Mass", "Edema"]), ([], ["Mass", "Edema"]), (["Mass"], None), (["Fracture"], ["A", "B"])],
)
def test_all_labels_choose_where_no_place_is_known(located, labels):
    maps, logits = torch.rand(1, 2, 4, 4), torch.zeros(1, 2)
    parts = AttentionOutput(logits, maps, located).label_parts(labels)
    torch.testing.assert_close(parts, maps / maps.sum(dim=(2, 3), keepdim=True) / 2)


def test_no_finding_never_chooses_beside_other_labels():
    logits, maps = torch.tensor([[0.0, torch.nan]]), torch.rand(1, 2, 4, 4)
    parts = AttentionOutput(logits, maps, ["No Finding"]).label_parts(["Mass", "No Finding"])
    assert parts[:, 1].count_nonzero() == 0 and torch.isfinite(parts).all()
