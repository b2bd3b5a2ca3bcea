import numpy as np
import pytest
import torch
from PIL import Image
from scripts.common.geometry import SquareGeometry, fit_square
from scripts.data.annotations import PictureFrame, annotations_of, empty_annotations, findings_of, shown_findings
from scripts.dicom import RefusedInput
from scripts.dicom.grid import PixelGrid

LABELS = ["Pleural Effusion", "Pneumonia", "Mass"]


@pytest.mark.parametrize(("height", "width"), [(100, 60), (60, 100), (97, 97)])
def test_a_box_lies_where_the_network_sees_it(height, width):
    """Box and bright rectangle take the same way, whatever the form of the image."""
    image = torch.zeros(1, height, width)
    image[:, 20:44, 10:34] = 1
    frame = PictureFrame(SquareGeometry(height, width, 48))
    seen = fit_square(image, 48)[0][frame.inside()].numpy() > 0.5
    box = frame.box([10, 20, 24, 24])
    assert box.shape == seen.shape and (box & ~seen).sum() + (seen & ~box).sum() <= 2 * (sum(box.shape))
    rows, columns = np.nonzero(box)
    assert abs(rows.mean() - np.nonzero(seen)[0].mean()) < 0.5
    assert abs(columns.mean() - np.nonzero(seen)[1].mean()) < 0.5


@pytest.mark.parametrize("xywh", [[100, 0, 10, 10], [-10, 0, 10, 10], [0, 1e9, 5, 5], [0, -1e9, 5, 5]])
@pytest.mark.parametrize("size", [20, 100, 300])
def test_a_box_beside_the_image_is_empty(xywh, size):
    assert not PictureFrame(SquareGeometry(100, 100, size)).box(xywh).any()


def test_a_box_is_cut_to_the_image():
    frame = PictureFrame(SquareGeometry(100, 50, 20))
    assert np.array_equal(frame.box([40, 90, 1e9, 1e9]), frame.box([40, 90, 10, 10]))
    assert frame.box([-1e9, -1e9, 2e9, 2e9]).all()


def test_a_map_and_a_box_meet():
    grid = torch.zeros(6, 6)
    grid[1, 4] = 1
    frame = PictureFrame(SquareGeometry(600, 400, 48))  # 100 columns of padding on each side, 12.5 source pixels to one
    values = frame.pixels(grid)
    box = frame.box([4 * 100 - 100, 100, 100, 100])  # the patch in source pixels
    assert values.shape == box.shape == (48, 32) and box[np.unravel_index(values.argmax(), values.shape)]
    assert box.sum() == 64


def test_a_mask_may_be_larger_than_its_image_but_not_of_another_form(tmp_path):
    mask = np.zeros((200, 120), np.uint8)
    mask[48:60, 32:88] = 255
    Image.fromarray(mask).save(tmp_path / "mask.png")
    frame = PictureFrame(SquareGeometry(100, 60, 50))
    assert np.array_equal(frame.mask(tmp_path / "mask.png"), frame.box([16, 24, 28, 6]))
    with pytest.raises(RefusedInput, match="the aspect ratio of 100 x 100 pixels, found 200 x 120"):
        PictureFrame(SquareGeometry(100, 100, 50)).mask(tmp_path / "mask.png")


def test_a_mask_that_is_no_image_is_refused_and_an_empty_one_is_empty(tmp_path):
    frame = PictureFrame(SquareGeometry(100, 60, 50))
    (tmp_path / "broken.png").write_bytes(b"no image")
    with pytest.raises(RefusedInput, match=r"broken.png: cannot be read"):
        frame.mask(tmp_path / "broken.png")
    Image.fromarray(np.zeros((100, 60), np.uint8)).save(tmp_path / "empty.png")
    assert not frame.mask(tmp_path / "empty.png").any()


def test_a_finding_thinner_than_a_pixel_is_not_lost(tmp_path):
    mask = np.zeros((500, 500), np.uint8)
    mask[100, 100:300] = 1
    Image.fromarray(mask).save(tmp_path / "line.png")
    found = PictureFrame(SquareGeometry(500, 500, 50)).mask(tmp_path / "line.png")
    assert found.any() and found.sum() < 50


def test_synonyms_and_further_annotations_stand_for_a_label(tmp_path):
    mask = np.zeros((100, 100), np.uint8)
    mask[:10] = 1
    Image.fromarray(mask).save(tmp_path / "glass.png")
    item = {
        "boxes": [{"label": "Effusion", "xywh": [0, 50, 10, 10]}, {"label": "Effusion", "xywh": [50, 50, 10, 10]},
                  {"label": "Pneumonia", "xywh": [90, 90, 10, 10]}, {"label": "Left Lung", "xywh": [0, 0, 9, 9]}],
        "masks": {"Ground Glass": str(tmp_path / "glass.png")},
    }  # fmt: skip
    found = findings_of(item, LABELS, {"Pneumonia": ["Ground Glass"]})
    assert found == {"Pleural Effusion": {"Effusion"}, "Pneumonia": {"Pneumonia", "Ground Glass"}}
    frame = PictureFrame(SquareGeometry(100, 100, 50))
    assert [part.sum() for part in annotations_of(item, found["Pleural Effusion"], frame)] == [25, 25]
    assert sum(part.sum() for part in annotations_of(item, found["Pneumonia"], frame)) == 5 * 50 + 25


@pytest.mark.parametrize(("value", "counts"), [(1.0, True), (-1.0, True), (float("nan"), True), (0.0, False)])
def test_only_a_label_that_is_stated_as_absent_rules_its_findings_out(value, counts):
    item = {"label": [1.0, value], "boxes": [{"label": "Effusion", "xywh": [0, 0, 9, 9]}]}
    found = shown_findings(item, LABELS, {}, ["Mass", "Effusion"])  # the datalist has another order and other names
    assert found == ({"Pleural Effusion": {"Effusion"}} if counts else {})


def test_a_further_annotation_counts_if_neither_it_nor_its_label_is_absent():
    item = {"masks": {"Ground Glass": "glass.png"}, "boxes": [{"label": "Mass", "xywh": [0, 0, 9, 9]}]}
    extra, listed = {"Pneumonia": ["Ground Glass"]}, ["Pneumonia", "Ground Glass"]
    for label, glass in (([1.0, 1.0], True), ([0.0, 1.0], False), ([1.0, 0.0], False)):
        found = shown_findings({**item, "label": label}, LABELS, extra, listed)
        assert found == {"Mass": {"Mass"}, **({"Pneumonia": {"Ground Glass"}} if glass else {})}


def test_each_annotation_without_a_pixel_is_named_with_its_image(tmp_path):
    Image.fromarray(np.zeros((100, 60), np.uint8)).save(tmp_path / "empty.png")
    item = {
        "image": "film.png", "masks": {"Edema": str(tmp_path / "empty.png")},
        "boxes": [{"label": "Mass", "xywh": [0, 0, 9, 9]}, {"label": "Mass", "xywh": [0, 200, 9, 9]}],
    }  # fmt: skip
    frame = PictureFrame(SquareGeometry(100, 60, 50))
    drawn = {name: annotations_of(item, {name}, frame) for name in ("Mass", "Edema")}
    found = empty_annotations(item, drawn, frame)
    assert [refusal.code for refusal in found] == ["BOX", "BOX"]
    assert [str(refusal) for refusal in found] == [
        f"film.png: the {what} has no pixel; expected one that covers some of its 100 x 60 pixels, found {seen}; do: "
        "correct or remove it in the datalist"
        for what, seen in (("mask of Edema", "zeros"), ("box of Mass", "[0, 200, 9, 9]"))
    ]


def test_boxes_and_masks_of_a_turned_and_resampled_image(tmp_path):
    stored = np.zeros((50, 100), np.uint8)
    stored[10:20, 0:30] = 1
    Image.fromarray(stored).save(tmp_path / "mask.png")
    grid = PixelGrid((50, 100), (False, False, True), 2.0)
    frame = PictureFrame(SquareGeometry(*grid.displayed_shape, 50), grid)
    expected = np.zeros((50, 50), bool)
    expected[10:20, 35:50] = True
    np.testing.assert_array_equal(frame.box([0, 10, 30, 10]), expected)
    np.testing.assert_array_equal(frame.mask(tmp_path / "mask.png"), expected)
