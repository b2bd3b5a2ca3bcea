import numpy as np
import pytest
import torch
from monai.transforms import Compose
from PIL import Image
from scripts.data.dataset import RadiographDataset
from scripts.data.finding_masks import FindingMasks, decode_findings
from scripts.data.finding_mixing import FindingMixing, make_mixing
from scripts.transforms import FitSquared, LoadRadiographd

LABELS = ["Common", "Rare", "No Finding"]
SIDE, BOX = 64, [16, 24, 12, 8]  # x, y, width, height
INSIDE = (..., slice(24, 32), slice(16, 28))


@pytest.fixture
def items(tmp_path):
    """Four dark films, and a fifth, brighter one with a white box, which is the only one with a finding."""
    found = []
    for index in range(5):
        pixels = np.full((SIDE, SIDE), 60 + 30 * (index == 4), np.uint8)
        pixels[0] = 200  # a flat image would be refused as empty
        if index == 4:
            pixels[24:32, 16:28] = 200
        Image.fromarray(pixels).save(tmp_path / f"{index}.png")
        item = {"image": str(tmp_path / f"{index}.png"), "patient_id": f"p{index}", "view": "PA"}
        found.append({**item, "label": [float("nan"), 0.0, 1.0]})
    found[4] |= {"label": [0.0, 1.0, 0.0], "boxes": [{"label": "Rare", "xywh": BOX}]}
    return found


def dataset(items, tmp_path, probability=1.0, findings=False):
    preprocessing = Compose([LoadRadiographd(keys="image"), FitSquared(keys="image", size=SIDE)])
    masks = FindingMasks(LABELS, SIDE) if findings else None
    if masks is not None:
        masks.prepare(items)
    mixing = make_mixing(probability, LABELS, SIDE)
    return RadiographDataset(items, preprocessing, cache_dir=tmp_path / "cache", findings=masks, mixing=mixing)


def test_a_finding_is_pasted_with_its_label_at_its_place_and_at_the_brightness_of_its_new_surroundings(items, tmp_path):
    plain, mixed = dataset(items, tmp_path, 0.0)[0], dataset(items, tmp_path)[0]
    assert mixed["label"][1:].tolist() == [1.0, 0.0] and mixed["label"][0].isnan()
    contrast = (200 - 90) / 255
    assert torch.allclose(mixed["image"][INSIDE] - plain["image"][INSIDE], torch.tensor(contrast), atol=0.01)
    changed = (mixed["image"] != plain["image"])[0].nonzero()
    assert changed.min(dim=0).values.tolist() >= [18, 10] and changed.max(dim=0).values.tolist() <= [37, 33]
    steps = mixed["image"][0, 28].diff().abs()  # no step elsewhere than at the border of the finding itself
    assert (steps > 0.01).nonzero().flatten().tolist() == [15, 27]


def test_findings_of_the_maps_are_joined(items, tmp_path):
    findings = decode_findings(dataset(items, tmp_path, findings=True)[0]["findings"][None], 3)[0]
    expected = torch.zeros(3, SIDE, SIDE, dtype=torch.bool)
    expected[1, 24:32, 16:28] = True
    assert torch.equal(findings, expected)


def test_a_film_never_gets_a_finding_of_its_own_patient_or_of_another_view(items, tmp_path):
    items[0] |= {"patient_id": "p4"}
    items[1] |= {"view": "AP"}
    mixed, plain = dataset(items, tmp_path), dataset(items, tmp_path, 0.0)
    changed = [not torch.equal(mixed[index]["image"], plain[index]["image"]) for index in range(5)]
    assert changed == [False, False, True, True, False]


def test_how_often_depends_on_the_probability_and_what_on_seed_and_image_alone(items, tmp_path):
    films, plain = dataset(items, tmp_path, 0.3), dataset(items, tmp_path, 0.0)[0]["image"]
    drawn = [not torch.equal(films[(0, repetition)]["image"], plain) for repetition in range(200)]
    assert np.mean(drawn) == pytest.approx(0.3, abs=0.1)
    assert drawn[:20] == [not torch.equal(films[(0, repetition)]["image"], plain) for repetition in range(20)]
    films.augmentation_seed = 1
    assert drawn != [not torch.equal(films[(0, repetition)]["image"], plain) for repetition in range(200)]


def test_rare_labels_are_drawn_as_often_as_common_ones(items):
    mixing = FindingMixing(LABELS, SIDE, 1.0)
    common = [{**items[3], "label": [1.0, 0.0, 0.0], "boxes": [{"label": "Common", "xywh": BOX}]}] * 9
    mixing.prepare([*common, items[4]])
    entry = {"image": torch.full((1, SIDE, SIDE), 0.3), "label": torch.zeros(3)}
    rng = np.random.default_rng(0)
    drawn = torch.stack([mixing(entry, items[0], lambda _: entry["image"], rng)["label"] for _ in range(200)])
    assert drawn.mean(dim=0).tolist() == pytest.approx([0.5, 0.5, 0.0], abs=0.1)


def test_data_without_boxes_and_networks_with_crops_are_refused(items, tmp_path):
    with pytest.raises(ValueError, match=r"mix_findings: nothing to paste; .*set --mix_findings 0"):
        dataset(items[:4], tmp_path)
    with pytest.raises(ValueError, match="mix_findings: the crops of a zoom network"):
        make_mixing(0.5, LABELS, SIDE, crops=object())
