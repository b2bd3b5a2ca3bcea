import numpy as np
import pytest
from PIL import Image
from scripts.common.geometry import SquareGeometry
from scripts.data.annotations import PictureFrame, annotations_of
from scripts.dicom import read_radiograph, write_enhanced
from scripts.dicom.read.radiograph import read_grid
from scripts.super_resolution.enhanced_annotations import enhanced_annotations

from ..dicom.synthetic import make_dataset, picture, save, window

ATTRIBUTES = {
    "mirrored": {"PatientOrientation": ["R", "F"]},
    "turned": {"PatientOrientation": ["F", "L"]},
    "oblong": {"ImagerPixelSpacing": [0.2, 0.4]},
}


def annotated(folder, **attributes):
    """A film (96, 64) and its item; mask and box of the stored film are the same pixels."""
    pixels = picture()
    mask = np.zeros(pixels.shape, np.uint8)
    mask[8:24, 40:60] = 255
    Image.fromarray(mask).save(folder / "mask.png")
    film = save(make_dataset(pixels, **attributes, **window()), folder / "film.dcm")
    boxes = [{"label": "Edema", "xywh": [40, 8, 20, 16]}]
    return {"image": str(film), "boxes": boxes, "masks": {"Mass": str(folder / "mask.png")}}


def findings(item):
    """Mask of each finding of an image in the network's input."""
    height, width = read_radiograph(item["image"]).image.shape[-2:]
    frame = PictureFrame(SquareGeometry(height, width, 64), read_grid(item["image"]))
    return [annotations_of(item, {name}, frame)[0] for name in ("Mass", "Edema")]


@pytest.mark.parametrize("attributes", ATTRIBUTES.values(), ids=ATTRIBUTES)
def test_findings_of_an_enhanced_film_lie_where_they_lay_before(attributes, tmp_path):
    item, output = annotated(tmp_path, **attributes), tmp_path / "out" / "film.dcm"
    write_enhanced(item["image"], read_radiograph(item["image"]).image[0], output, description="test", software="1")
    enhanced = {**item, "image": str(output), **enhanced_annotations(item, output, factor=1)}
    assert enhanced["masks"]["Mass"] != item["masks"]["Mass"]
    for before, after in zip(findings(item), findings(enhanced), strict=True):
        assert before.any() and np.mean(before != after) < 0.02
    mask, box = findings(enhanced)
    assert np.mean(mask != box) < 0.02


def test_mask_of_a_film_that_is_shown_as_it_is_stored_is_used_as_it_is(tmp_path):
    item = annotated(tmp_path)
    assert enhanced_annotations(item, tmp_path / "out.dcm", factor=2) == {
        "boxes": [{"label": "Edema", "xywh": [80, 16, 40, 32]}]
    }
    assert enhanced_annotations({"image": item["image"]}, tmp_path / "out.dcm", factor=2) == {}


def test_mask_that_cannot_be_read_is_left_out_with_a_warning(tmp_path, caplog):
    item = annotated(tmp_path, PatientOrientation=["R", "F"])
    (tmp_path / "mask.png").write_bytes(b"no image")
    assert enhanced_annotations(item, tmp_path / "out.dcm", factor=1)["masks"] == {}
    assert "mask.png" in caplog.text and list(tmp_path.glob("out*")) == []
