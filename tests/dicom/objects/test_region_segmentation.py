import highdicom as hd
import numpy as np
import pydicom
import pytest
from scripts.dicom import read_radiograph
from scripts.dicom.objects import load_source, write_regions

from ..synthetic import make_dataset, save, window
from .conformant import ALGORITHM, cr

BOXES = [(5, 3, 15, 8), (40, 0, 96, 64), (0, 63, 1, 64)]


def written(source_path, boxes, tmp_path):
    write_regions(load_source(source_path), boxes, tmp_path / "seg.dcm", algorithm=ALGORITHM)
    return hd.seg.segread(tmp_path / "seg.dcm")


def test_segments_are_the_boxes_to_the_pixel(tmp_path):
    source = save(cr(), tmp_path / "source.dcm")
    segmentation = written(source, BOXES, tmp_path)
    uid = pydicom.dcmread(source).SOPInstanceUID
    masks = segmentation.get_pixels_by_source_instance([uid], combine_segments=False)[0]  # (H, W, n)
    assert masks.shape == (96, 64, 3)
    for index, (row0, col0, row1, col1) in enumerate(BOXES):
        expected = np.zeros((96, 64), np.uint8)
        expected[row0:row1, col0:col1] = 1
        np.testing.assert_array_equal(masks[..., index], expected)
    description = segmentation.get_segment_description(1)
    assert description.segment_label == "attended region 1"
    assert description.segmented_property_type.meaning == "Selected region"
    assert ALGORITHM.weights_sha256 in description.algorithm_identification[0].AlgorithmParameters


@pytest.mark.parametrize(
    ("orientation", "shape"), [(["R", "F"], (96, 64)), (["L", "H"], (96, 64)), (["F", "L"], (64, 96))]
)
def test_regions_of_a_turned_image_lie_on_the_pixels_that_were_shown(orientation, shape, tmp_path):
    """The film has one bright patch; the region around it as displayed must cover the same patch as stored."""
    stored = np.zeros(shape, np.uint16)
    stored[10:20, 30:50] = 4000
    dataset = make_dataset(stored, PatientOrientation=orientation, **window())
    source = save(dataset, tmp_path / "source.dcm")
    rows, columns = np.nonzero(read_radiograph(source).image[0] > 0.5)
    box = (int(rows.min()), int(columns.min()), int(rows.max()) + 1, int(columns.max()) + 1)
    segmentation = written(source, [box], tmp_path)
    np.testing.assert_array_equal(segmentation.pixel_array.reshape(shape), stored > 0)
    assert list(segmentation.PatientOrientation) == orientation


@pytest.mark.parametrize("orientation", [["L", "F"], ["R", "H"]])
def test_regions_of_oblong_pixels_lie_on_the_stored_ones(orientation, tmp_path):
    stored = np.zeros((96, 192), np.uint16)
    stored[10:20, 30:50] = 4000
    attributes = {"PatientOrientation": orientation, "ImagerPixelSpacing": [0.4, 0.2]}
    source = save(make_dataset(stored, **attributes, **window()), tmp_path / "source.dcm")
    shown = read_radiograph(source).image[0]
    assert shown.shape == (192, 192)
    rows, columns = np.nonzero(shown > 0.5)
    box = (int(rows.min()), int(columns.min()), int(rows.max()) + 1, int(columns.max()) + 1)
    segmentation = written(source, [box], tmp_path)
    np.testing.assert_array_equal(segmentation.pixel_array.reshape(stored.shape), stored > 0)


@pytest.mark.parametrize("boxes", [[], [(5, 5, 5, 9)], [(0, 0, 97, 4)], [(-1, 0, 4, 4)]])
def test_no_region_and_regions_outside_are_errors(boxes, tmp_path):
    source = load_source(save(cr(), tmp_path / "source.dcm"))
    with pytest.raises(ValueError, match="regions: "):
        write_regions(source, boxes, tmp_path / "seg.dcm", algorithm=ALGORITHM)
    assert not (tmp_path / "seg.dcm").exists()


@pytest.mark.parametrize("charset", ["ISO_IR 100", "ISO_IR 6", None])
def test_segments_name_the_labels_of_their_regions(charset, tmp_path):
    film = cr()
    film.SpecificCharacterSet = charset
    source = load_source(save(film, tmp_path / "source.dcm"))
    labels = ["Mass", None, "Ergu\u00df \\ " + 80 * "x"]
    uids = {
        write_regions(source, BOXES, tmp_path / "seg.dcm", algorithm=ALGORITHM, labels=names)
        for names in ((), [None] * 3, labels)
    }
    assert len(uids) == 2  # without labels, the object is that of earlier versions
    found = [segment.SegmentLabel for segment in pydicom.dcmread(tmp_path / "seg.dcm").SegmentSequence]
    assert found[:2] == ["attended region 1, Mass", "attended region 2"]
    assert found[2].startswith("attended region 3, Ergu\u00df / x") and len(found[2]) == 64
