import logging

import numpy as np
import pytest
import torch
from monai.transforms import RandAffined
from PIL import Image
from scripts.data.finding_masks import FindingMasks, decode_findings

LABELS = ["Pleural Effusion", "Pneumonia", "Mass"]


def item(folder, boxes, label=(1.0, 1.0, 1.0), name="film.png"):
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (100, 50), np.uint8)).save(folder / name)
    return {"image": str(folder / name), "label": list(label), "boxes": boxes}


def decoded(findings, *items):
    findings.prepare(items)
    return decode_findings(torch.stack([findings(one["image"]) for one in items]), len(LABELS))


def test_boxes_lie_at_their_place_in_the_padded_square(tmp_path):
    boxes = [{"label": "Effusion", "xywh": [0, 0, 10, 20]}, {"label": "Pneumonia", "xywh": [0, 0, 50, 10]}]
    found = decoded(FindingMasks(LABELS, 20), item(tmp_path, boxes))[0]  # the picture has columns 5 to 15 of 20
    assert found[0].sum() == 4 * 2 and found[0, :4, 5:7].all()
    assert found[1].sum() == 2 * 10 and found[1, :2, 5:15].all()
    assert not found[2].any()


def test_bits_survive_the_augmentation(tmp_path):
    boxes = [{"label": label, "xywh": [5, 20, 40, 60]} for label in LABELS]
    findings = FindingMasks(LABELS, 64)
    one = item(tmp_path, boxes)
    findings.prepare([one])
    turn = RandAffined(["findings"], prob=1, rotate_range=0.2, translate_range=3, mode="nearest", padding_mode="zeros")
    turn.set_random_state(0)
    found = decode_findings(torch.as_tensor(turn({"findings": findings(one["image"])})["findings"])[None], len(LABELS))
    assert torch.equal(found[0, 0], found[0, 1]) and torch.equal(found[0, 0], found[0, 2]) and found.any()


def test_a_box_outside_the_image_is_cut_to_it(tmp_path):
    found = decoded(FindingMasks(LABELS, 20), item(tmp_path, [{"label": "Mass", "xywh": [40, 90, 500, 500]}]))[0, 2]
    assert found.any() and not found[:, 15:].any()


def test_a_box_of_an_absent_label_is_left_out_with_a_warning(tmp_path, caplog):
    with caplog.at_level(logging.WARNING):
        found = decoded(FindingMasks(LABELS, 20), item(tmp_path, [{"label": "Mass", "xywh": [0, 0, 9, 9]}], (1, 1, 0)))
    assert not found.any() and "labelled as absent: Mass" in caplog.text


def test_boxes_of_other_labels_and_films_without_boxes_have_no_findings(tmp_path):
    findings = FindingMasks(LABELS, 20)
    other = item(tmp_path, [{"label": "Left Lung", "xywh": [0, 0, 9, 9]}])
    assert not decoded(findings, other, item(tmp_path, [], name="none.png")).any()


def test_a_mask_that_cannot_be_read_costs_its_own_film_only(tmp_path, caplog):
    findings = FindingMasks(LABELS, 20)
    broken = {**item(tmp_path, []), "masks": {"Mass": str(tmp_path / "missing.png")}}
    good = item(tmp_path, [{"label": "Mass", "xywh": [0, 0, 9, 9]}], name="good.png")
    with caplog.at_level(logging.WARNING):
        found = decoded(findings, broken, good)
    assert not found[0].any() and found[1].any() and "annotation left out" in caplog.text


def test_any_number_of_labels_is_coded(tmp_path):
    labels = [f"Finding {number}" for number in range(70)]
    boxes = [{"label": labels[place], "xywh": [0, 20, 9, 10 + place]} for place in (0, 23, 24, 47, 48, 69)]
    one = item(tmp_path, boxes, [1.0] * 70)
    findings = FindingMasks(labels, 50)
    findings.prepare([one])
    coded = findings(one["image"])
    assert coded.shape == (3, 50, 50) and torch.equal(coded, findings(one["image"]))
    found = decode_findings(coded[None], 70)[0]
    assert found.any(dim=2).any(dim=1).nonzero()[:, 0].tolist() == [0, 23, 24, 47, 48, 69]
    assert found[69].sum() > found[48].sum() > found[0].sum()


def test_a_box_beside_the_image_has_no_findings_and_is_named(tmp_path, caplog):
    boxes = [{"label": "Mass", "xywh": [60, 0, 9, 9]}, {"label": "Pneumonia", "xywh": [0, 0, 25, 50]}]
    with caplog.at_level(logging.WARNING):
        found = decoded(FindingMasks(LABELS, 20), item(tmp_path, boxes))[0]
    assert not found[2].any() and found[1].any()
    assert "film.png: the boxes or masks of Mass are empty; expected some within 100 x 50 pixels" in caplog.text


@pytest.mark.parametrize("value", [float("nan"), -1.0])
def test_a_box_of_a_blank_or_uncertain_label_counts(tmp_path, value):
    one = item(tmp_path, [{"label": "Mass", "xywh": [0, 0, 25, 50]}], (1.0, 1.0, value))
    assert decoded(FindingMasks(LABELS, 20), one)[0, 2].any()


def test_masks_of_another_size_cost_their_own_film_only_if_their_form_differs(tmp_path, caplog):
    mask = np.zeros((200, 100), np.uint8)
    mask[:50] = 1
    Image.fromarray(mask).save(tmp_path / "larger.png")
    Image.fromarray(mask.T).save(tmp_path / "turned.png")
    larger = {**item(tmp_path, [], name="one.png"), "masks": {"Mass": str(tmp_path / "larger.png")}}
    turned = {**item(tmp_path, [], name="two.png"), "masks": {"Mass": str(tmp_path / "turned.png")}}
    with caplog.at_level(logging.WARNING):
        found = decoded(FindingMasks(LABELS, 20), larger, turned)
    assert found[0, 2, :5, 5:15].all() and not found[0, 2, 5:].any() and not found[1].any()
    assert "turned.png: does not cover its image" in caplog.text


def test_boxes_of_names_that_are_no_labels_are_listed_once(tmp_path, caplog):
    boxes = [{"label": name, "xywh": [0, 0, 9, 9]} for name in ("Mas\ns", "Left Lung", "Mass")]
    with caplog.at_level(logging.INFO):
        decoded(FindingMasks(LABELS, 20), item(tmp_path, boxes), item(tmp_path, boxes, name="other.png"))
    lines = [record.getMessage() for record in caplog.records]
    assert [line for line in lines if "not used" in line] == [
        "boxes and masks of other names than the labels are not used: Left Lung, Mas\\ns"
    ]
    assert "boxes or masks of 2 of 2 images train the maps" in lines


def test_mean_share_of_a_label_is_over_the_images_that_show_it(tmp_path):
    findings = FindingMasks(LABELS, 20)
    left, right = [{"label": "Mass", "xywh": [0, 0, 25, 100]}], [{"label": "Mass", "xywh": [25, 0, 25, 50]}]
    plain = [{"label": "Pneumonia", "xywh": [0, 0, 50, 100]}]
    items = [item(tmp_path, boxes, name=f"{number}.png") for number, boxes in enumerate((left, right, plain))]
    findings.prepare(items)
    shares = findings.mean_shares((2, 2))  # the picture has columns 5 to 15 of 20: half of each patch
    assert sorted(shares) == ["Mass", "Pneumonia"]
    assert torch.allclose(shares["Mass"], torch.tensor([[0.25, 0.25], [0.25, 0.0]]))
    assert torch.allclose(shares["Pneumonia"], torch.full((2, 2), 0.5))
