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


def test_more_labels_than_bits_are_refused():
    with pytest.raises(ValueError, match="up to 24 labels, found 25"):
        FindingMasks([str(number) for number in range(25)], 20)
