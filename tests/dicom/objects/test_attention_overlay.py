import numpy as np
import pydicom
import pytest
from scripts.dicom import read_radiograph
from scripts.dicom.objects import load_source, write_attention_overlay
from scripts.dicom.objects.attention_overlay import _BOX_COLOUR, _overlay_colours

from ..synthetic import make_dataset, picture, save, window
from .conformant import ALGORITHM, attention_at, bare, cr


def overlay(dataset, tmp_path, row, column, boxes=(), **options):
    source = save(dataset, tmp_path / "source.dcm")
    image = read_radiograph(source).image[0]
    arguments = (load_source(source), image, attention_at(image.shape, row, column), boxes, tmp_path / "sc.dcm")
    write_attention_overlay(*arguments, algorithm=ALGORITHM, **options)
    return pydicom.dcmread(tmp_path / "sc.dcm"), image


def colourfulness(pixels):
    return np.ptp(pixels.astype(int), axis=-1)


def test_colour_is_where_the_attention_is_and_the_film_stays_elsewhere(tmp_path):
    written, image = overlay(cr(), tmp_path, 70, 20)
    assert (written.PhotometricInterpretation, written.SamplesPerPixel, written.BitsStored) == ("RGB", 3, 8)
    pixels = written.pixel_array
    colour = colourfulness(pixels)[20:]  # below the caption
    assert np.unravel_index(colour.argmax(), colour.shape) == pytest.approx((50, 20), abs=6)
    far = pixels[80:, 50:]
    assert np.abs(far / 255 - image[80:, 50:, None]).max() < 0.02


def test_regions_are_drawn_on_their_borders(tmp_path):
    written, _ = overlay(cr(), tmp_path, 5, 5, [(40, 10, 60, 30)])
    pixels = written.pixel_array
    assert [tuple(pixels[row, column]) for row, column in ((40, 20), (59, 20), (50, 10), (50, 29))] == [_BOX_COLOUR] * 4
    assert tuple(pixels[50, 20]) != _BOX_COLOUR and tuple(pixels[61, 20]) != _BOX_COLOUR


def test_caption_says_research_use(tmp_path):
    written, _ = overlay(cr(), tmp_path, 90, 60, max_side=96)
    assert (colourfulness(written.pixel_array[:16]) > 60).sum() > 20
    assert "not for diagnosis" in written.ImageComments


def test_reduced_overlay_has_the_spacing_of_its_pixels(tmp_path):
    written, _ = overlay(cr(), tmp_path, 70, 20, max_side=48)
    assert (written.Rows, written.Columns) == (48, 32)
    assert [float(step) for step in written.PixelSpacing] == pytest.approx([0.4, 0.4])


def test_turned_film_is_shown_upright(tmp_path):
    dataset = make_dataset(np.ascontiguousarray(picture().T), PatientOrientation=["F", "L"], **window())
    written, _ = overlay(dataset, tmp_path, 70, 20)
    assert (written.Rows, written.Columns) == (96, 64)
    assert list(written.PatientOrientation) == ["L", "F"]
    assert [float(step) for step in written.PixelSpacing] == pytest.approx([0.2, 0.2])


def test_oblong_pixels_are_shown_as_squares(tmp_path):
    dataset = make_dataset(np.tile(picture(), (1, 3)), ImagerPixelSpacing=[0.4, 0.2], **window())
    written, _ = overlay(dataset, tmp_path, 70, 20)
    assert (written.Rows, written.Columns) == (192, 192)
    assert [float(step) for step in written.PixelSpacing] == pytest.approx([0.2, 0.2])


def test_unknown_stays_unknown(tmp_path):
    written, _ = overlay(bare(), tmp_path, 70, 20)
    assert not written.PatientOrientation and "BurnedInAnnotation" not in written and "PixelSpacing" not in written


def test_the_label_of_a_region_is_written_beside_its_box():
    image, boxes = np.zeros((400, 400)), [(100, 40, 150, 90), (0, 340, 50, 390), (300, 40, 350, 90)]
    plain = _overlay_colours(image, image, boxes)
    named = _overlay_colours(image, image, boxes, ["Mass", "Edema", None])
    rows, columns = np.nonzero((plain != named).any(axis=-1))
    above, below = rows < 100, columns >= 300
    assert (above | below).all() and columns[~below].min() >= 38 and columns[below].max() <= 392
    assert rows[below].min() >= 50 and rows[~below].max() < 100 and above.any() and below.any()
