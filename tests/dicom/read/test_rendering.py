"""Modality, VOI and presentation steps against values from hand calculation or independent arithmetic."""

import numpy as np
import pytest
from scripts.dicom import RefusedInput, read_radiograph

from ..synthetic import lut_item, make_dataset, picture, save, window

STORED = picture()
TRUTH = STORED / 4095


def rendered(tmp_path, pixels=STORED, **attributes):
    return read_radiograph(save(make_dataset(pixels, **attributes), tmp_path / "x.dcm"))


@pytest.mark.parametrize(
    ("attributes", "pixels", "truth"),
    [
        (window(), STORED, TRUTH),
        (window(WindowCenter=2047.5, WindowWidth=4095, VOILUTFunction="LINEAR_EXACT"), STORED, TRUTH),
        (window(WindowCenter=[2048, 100], WindowWidth=[4096, 10]), STORED, TRUTH),
        (window(PhotometricInterpretation="MONOCHROME1"), 4095 - STORED, TRUTH),
        (window(PhotometricInterpretation="MONOCHROME1", PresentationLUTShape="INVERSE"), 4095 - STORED, TRUTH),
        (window(PresentationLUTShape="INVERSE"), 4095 - STORED, TRUTH),
        (window(PresentationLUTShape="IDENTITY"), STORED, TRUTH),
        (window(RescaleSlope=2, RescaleIntercept=-5071.5, WindowCenter=-976, WindowWidth=8191), STORED, TRUTH),
        (window(RescaleIntercept=-1000, WindowCenter=1048), STORED, TRUTH),
        (
            window(PixelRepresentation=1, BitsStored=13, HighBit=12, WindowCenter=0),
            STORED.astype(np.int16) - 2048,
            TRUTH,
        ),
        (window(BitsStored=None, HighBit=None, PixelRepresentation=None, SamplesPerPixel=None), STORED, TRUTH),
        (window(NumberOfFrames=1), STORED, TRUTH),
    ],
)
def test_known_display(tmp_path, attributes, pixels, truth):
    radiograph = rendered(tmp_path, pixels, **attributes)
    assert radiograph.image.shape == (1, 96, 64)
    assert radiograph.image.dtype == np.float32
    np.testing.assert_allclose(radiograph.image[0], truth, atol=2e-4)


def test_linear_window_clips_at_the_edges_of_the_standard(tmp_path):
    # PS3.3 C.11.2.1.2.1 with c = 2048, w = 4096 shows 0 at x <= 0 and 1 at x > 4095; narrower windows clip.
    image = rendered(tmp_path, WindowCenter=1000, WindowWidth=101).image[0]
    expected = np.select([STORED <= 999.5 - 50, STORED > 999.5 + 50], [0.0, 1.0], (STORED - 999.5) / 100 + 0.5)
    np.testing.assert_allclose(image, expected, atol=1e-6)


def test_window_of_width_one_is_a_threshold(tmp_path):
    image = rendered(tmp_path, WindowCenter=1000, WindowWidth=1).image[0]
    np.testing.assert_array_equal(image, (STORED > 999.5).astype(np.float32))


def test_sigmoid(tmp_path):
    image = rendered(tmp_path, WindowCenter=2000, WindowWidth=1500, VOILUTFunction="SIGMOID").image[0]
    np.testing.assert_allclose(image, 1 / (1 + np.exp(-4 * (STORED.astype(float) - 2000) / 1500)), atol=1e-6)


@pytest.mark.parametrize(
    ("bits", "vr", "packed"),
    [(8, "OW", True), (8, "OW", False), (10, "OW", False), (12, "US", False), (16, "OW", False), (16, "US", False)],
)
@pytest.mark.parametrize("photometric", ["MONOCHROME2", "MONOCHROME1"])
def test_voi_lut(tmp_path, bits, vr, packed, photometric):
    curve = np.rint((np.arange(4096) / 4095) ** 2 * (2**bits - 1)).astype(int)
    item = lut_item(curve, bits, packed=packed, vr=vr)
    # A lookup table has precedence over a window, which would show something else.
    image = rendered(
        tmp_path, PhotometricInterpretation=photometric, VOILUTSequence=[item], **window(WindowWidth=9)
    ).image
    truth = curve[STORED] / (2**bits - 1)
    np.testing.assert_allclose(image[0], truth if photometric == "MONOCHROME2" else 1 - truth, atol=1e-6)


def test_voi_lut_clamps_outside_its_range(tmp_path):
    item = lut_item(np.linspace(0, 4095, 1000).astype(int), 12, first=1000)
    image = rendered(tmp_path, VOILUTSequence=[item]).image[0]
    assert image[STORED <= 1000].max() == 0
    assert image[STORED >= 1999].min() == 1


def test_modality_lut(tmp_path):
    item = lut_item(4095 - np.arange(4096), 12)
    item.ModalityLUTType = "US"
    np.testing.assert_allclose(
        rendered(tmp_path, ModalityLUTSequence=[item], **window()).image[0], 1 - TRUTH, atol=1e-6
    )


def test_lut_that_is_too_short_is_refused(tmp_path):
    item = lut_item(np.arange(4096), 12)
    item.LUTDescriptor = [5000, 0, 12]
    with pytest.raises(RefusedInput) as refusal:
        rendered(tmp_path, VOILUTSequence=[item])
    assert refusal.value.code == "BAD_LUT"


@pytest.mark.parametrize(
    ("attributes", "flag"),
    [
        ({}, "window missing"),
        ({"WindowCenter": 2048}, "window invalid"),
        (window(WindowWidth=0), "window invalid"),
        (window(WindowWidth=0.5), "window invalid"),
        (window(VOILUTFunction="BOGUS"), "window invalid"),
        (window(WindowCenter=90000), "window blanks the image"),
    ],
)
def test_without_a_usable_window_percentiles_and_a_flag(tmp_path, attributes, flag):
    radiograph = rendered(tmp_path, **attributes)
    low, high = np.percentile(STORED, (0.5, 99.5))
    np.testing.assert_allclose(radiograph.image[0], np.clip((STORED - low) / (high - low), 0, 1), atol=1e-6)
    assert flag in radiograph.meta["flags"]
    assert radiograph.meta["window"] == "percentile 0.5-99.5"


def test_window_that_is_no_number(tmp_path):
    path = save(make_dataset(STORED, **window()), tmp_path / "x.dcm")
    content = path.read_bytes()
    assert content.count(b"2048") == 1
    path.write_bytes(content.replace(b"2048", b"abcd"))
    assert "window invalid" in read_radiograph(path).meta["flags"]


@pytest.mark.parametrize("photometric", ["MONOCHROME2", "MONOCHROME1"])
def test_padding_is_masked_from_statistics_and_black(tmp_path, photometric):
    pixels = np.clip(STORED, 100, 4000)
    pixels[:, :10] = 4095
    radiograph = rendered(tmp_path, pixels, PixelPaddingValue=4095, PhotometricInterpretation=photometric)
    assert radiograph.image[0][:, :10].max() == 0
    inside = pixels[:, 10:]
    low, high = np.percentile(inside, (0.5, 99.5))
    truth = np.clip((inside - low) / (high - low), 0, 1)
    np.testing.assert_allclose(
        radiograph.image[0][:, 10:], truth if photometric == "MONOCHROME2" else 1 - truth, atol=1e-5
    )


def test_padding_range(tmp_path):
    pixels = np.clip(STORED, 100, 4000)
    pixels[:, :5], pixels[:, 5:10] = 0, 20
    image = rendered(tmp_path, pixels, PixelPaddingValue=0, PixelPaddingRangeLimit=20, **window()).image[0]
    assert image[:, :10].max() == 0


@pytest.mark.parametrize(
    ("attributes", "pixels", "code"),
    [
        ({"RescaleSlope": 0, "RescaleIntercept": 0}, STORED, "BAD_RESCALE"),
        ({"RescaleSlope": "1e308", "RescaleIntercept": 0}, STORED, "BAD_RESCALE"),
        ({}, np.full_like(STORED, 7), "CONSTANT"),
        ({"PixelPaddingValue": 7}, np.full_like(STORED, 7), "CONSTANT"),
    ],
)
def test_refused(tmp_path, attributes, pixels, code):
    with pytest.raises(RefusedInput) as refusal:
        rendered(tmp_path, pixels, **attributes)
    assert refusal.value.code == code
    assert refusal.value.remedy
