import highdicom as hd
import numpy as np
import pydicom
import pytest
from pydicom.sr.codedict import codes
from scripts.dicom import RefusedInput, read_radiograph
from scripts.dicom.objects import load_source, write_attention_map
from scripts.dicom.read.radiograph import read_header

from ..synthetic import make_dataset, picture, save, window
from .conformant import ALGORITHM, attention_at, bare, cr, dx


def written(dataset, tmp_path, attention=None, name="map.dcm"):
    """Map of a film; without ``attention``, highest at row 70 and column 20 of the displayed film."""
    source = load_source(save(dataset, tmp_path / "source.dcm"))
    if attention is None:
        attention = 7 * attention_at(source.displayed_shape, 70, 20)
    write_attention_map(source, attention, tmp_path / name, algorithm=ALGORITHM)
    return pydicom.dcmread(tmp_path / name)


def test_values_read_back_on_the_grid_of_the_film_as_parts_of_the_highest(tmp_path):
    attention = 7 * attention_at((96, 64), 70, 20)
    dataset = written(cr(), tmp_path, attention)
    assert "PixelData" not in dataset and dataset.BitsAllocated == 32 and dataset.NumberOfFrames == 1
    found = hd.pm.ParametricMap.from_file(tmp_path / "map.dcm")
    stored = np.frombuffer(dataset.FloatPixelData, "<f4").reshape(96, 64)
    np.testing.assert_allclose(stored, attention / 7, atol=1e-6)
    np.testing.assert_array_equal(found.pixel_array, stored)
    assert stored.min() >= 0 and stored.max() == 1


def test_a_film_without_any_attention_is_zero_everywhere(tmp_path):
    dataset = written(cr(), tmp_path, np.zeros((96, 64), np.float32))
    assert not np.frombuffer(dataset.FloatPixelData, "<f4").any()


def test_it_says_what_the_values_are_and_how_to_show_them(tmp_path):
    shared = written(cr(), tmp_path).SharedFunctionalGroupsSequence[0]
    mapping, voi = shared.RealWorldValueMappingSequence[0], shared.FrameVOILUTSequence[0]
    assert (mapping.RealWorldValueSlope, mapping.RealWorldValueIntercept) == (1, 0)
    (quantity,) = mapping.QuantityDefinitionSequence
    code = quantity.ConceptCodeSequence[0]
    assert (code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning) == ("130404", "DCM", "Saliency")
    assert mapping.MeasurementUnitsCodeSequence[0].CodeValue == codes.UCUM.NoUnits.value
    assert (voi.WindowCenter, voi.WindowWidth, voi.VOILUTFunction) == (0.5, 1, "LINEAR_EXACT")


@pytest.mark.parametrize(
    ("orientation", "axes"),
    [
        (["L", "F"], [1, 0, 0, 0, 0, -1]),
        (["R", "F"], [-1, 0, 0, 0, 0, -1]),
        (["L", "H"], [1, 0, 0, 0, 0, 1]),
        (["F", "L"], [0, 0, -1, 1, 0, 0]),
    ],
    ids=["LF", "RF", "LH", "FL"],
)
def test_map_of_a_turned_film_lies_on_the_pixels_that_were_shown(orientation, axes, tmp_path):
    """The film has one bright pixel; the attention on it as displayed must lie on the same pixel as stored."""
    stored = np.zeros((96, 64), np.uint16)
    stored[30, 50] = 4000
    film = make_dataset(stored, PatientOrientation=orientation, **window())
    shown = read_radiograph(save(film, tmp_path / "film.dcm")).image[0]
    row, column = np.unravel_index(shown.argmax(), shown.shape)
    dataset = written(film, tmp_path, attention_at(shown.shape, row, column))
    values = np.frombuffer(dataset.FloatPixelData, "<f4").reshape(dataset.Rows, dataset.Columns)
    assert np.unravel_index(values.argmax(), values.shape) == (30, 50)
    assert dataset.SharedFunctionalGroupsSequence[0].PlaneOrientationSequence[0].ImageOrientationPatient == axes
    assert list(dataset.PatientOrientation) == orientation and "does not state" not in dataset.ImageComments


def test_oblong_pixels_keep_their_grid_and_their_spacing(tmp_path):
    film = make_dataset(np.tile(picture(), (1, 3)), ImagerPixelSpacing=[0.4, 0.2], **window())
    dataset = written(film, tmp_path, attention_at((192, 192), 140, 20))
    assert (dataset.Rows, dataset.Columns) == (96, 192)
    assert dataset.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0].PixelSpacing == [0.4, 0.2]
    values = np.frombuffer(dataset.FloatPixelData, "<f4").reshape(96, 192)
    assert np.unravel_index(values.argmax(), values.shape) == pytest.approx((70, 20), abs=1)


def test_unknown_orientation_is_assumed_in_words_and_an_unknown_spacing_stays_unknown(tmp_path):
    dataset = written(bare(), tmp_path, attention_at((96, 64), 5, 5))
    assert not dataset.PatientOrientation and "does not state its orientation" in dataset.ImageComments
    assert "PixelSpacing" not in dataset.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0]
    assert hd.pm.ParametricMap.from_file(tmp_path / "map.dcm").number_of_frames == 1


def test_maps_of_two_films_share_no_space_and_no_series(tmp_path):
    other = cr()
    other.SOPInstanceUID = f"{other.SOPInstanceUID}.9"
    first, again, second = (written(one, tmp_path) for one in (cr(), cr(), other))
    assert first.FrameOfReferenceUID == again.FrameOfReferenceUID and first.SOPInstanceUID == again.SOPInstanceUID
    for keyword in ("FrameOfReferenceUID", "SeriesInstanceUID", "SOPInstanceUID"):
        assert first[keyword].value != second[keyword].value


def test_a_frame_of_reference_of_the_film_is_not_claimed(tmp_path):
    film = dx()
    film.FrameOfReferenceUID, film.ImagePositionPatient = "1.2.3.4", [5, 6, 7]
    dataset = written(film, tmp_path, attention_at((64, 64), 5, 5))
    assert dataset.FrameOfReferenceUID != "1.2.3.4"
    plane = dataset.PerFrameFunctionalGroupsSequence[0].PlanePositionSequence[0]
    assert plane.ImagePositionPatient == [0, 0, 0]


@pytest.mark.parametrize("value", [-0.1, np.nan, np.inf])
def test_values_that_are_no_attention_are_refused(value, tmp_path):
    attention = attention_at((96, 64), 5, 5)
    attention[3, 3] = value
    with pytest.raises(ValueError, match="attention: not a map of the film"):
        written(cr(), tmp_path, attention)
    with pytest.raises(ValueError, match=r"expected 96 x 64 .* found 64 x 96"):
        written(cr(), tmp_path, np.ones((64, 96)))
    assert not (tmp_path / "map.dcm").exists()


def test_it_is_not_read_as_a_film(tmp_path):
    written(cr(), tmp_path)
    for read in (read_radiograph, read_header):
        with pytest.raises(RefusedInput) as refusal:
            read(tmp_path / "map.dcm")
        assert refusal.value.code == "DERIVED_MAP"
