"""Real files: films are read alike in every encoding, and all other files are rejected with the reason.

``gate/test_chest_film.py`` tests whether a file is a chest film.
"""

import numpy as np
import pytest
from scripts.dicom import RefusedInput, read_radiograph

from .synthetic import SHARED_DICOM

pytestmark = pytest.mark.skipif(
    not SHARED_DICOM.exists(), reason="the shared DICOM files are not beside the repository"
)

# One film, the same stored values and the same window.
SAME_DISPLAY = ("implicit_le", "big_endian", "rle", "j2k_lossless", "jpegls_lossless")
# Files that the reader rejects, and the code.
REFUSED = {
    "mr_truncated": "DECODE",  # fewer pixels than rows and columns
    "no_meta_group": "NOT_DICOM",  # does not start like any DICOM file
    "rtdose_multiframe": "MULTIFRAME",
    "rtplan_nopixels": "NO_PIXELS",
    "sc_rgb_jpeg": "COLOUR",
    "us_multiframe_jpeg_140f": "MULTIFRAME",
}
# Files that it reads, and the metadata that distinguish them from a frontal chest film.
TOLD_BY_META = {
    "ct_small": ("modality", "CT"),
    "mr_small": ("modality", "MR"),
    "mr_small_bigendian": ("modality", "MR"),
    "test_pattern_ot_deflated": ("modality", "OT"),
    "veterinary_dog_dx_thorax_mono1_8bit": ("view", "LATERAL"),
    "wg04_rg2_hip_jpegls": ("body_part", "HIP"),
    "wg04_rg3_extremity_mono1_jpeg_ext12": ("body_part", "EXTREMITY"),
    "wg04_rg3_extremity_mono1_jpegls": ("body_part", "EXTREMITY"),
}


def image(name):
    return read_radiograph(SHARED_DICOM / f"{name}.dcm").image[0]


def test_polarity_of_the_films():
    for path in sorted((SHARED_DICOM / "chest").glob("*.dcm")):
        film = read_radiograph(path).image[0]
        height, width = film.shape
        # Spine and mediastinum are brighter than the lungs beside them.
        band = film[height // 3 : height // 2].mean(0)
        centre = band[int(0.45 * width) : int(0.55 * width)].mean()
        sides = band[int(0.2 * width) : int(0.4 * width)], band[int(0.6 * width) : int(0.8 * width)]
        assert centre > max(side.min() for side in sides), path.name


def test_one_film_in_two_lossy_encodings():
    names = ("wg04_rg1_j2k_lossy_mono1_15bit", "wg04_rg1_jpegls_nearlossless_mono1_15bit")
    first, second = (image(f"chest/{name}") for name in names)
    assert np.abs(first - second).mean() < 1 / 255


def test_one_film_in_every_encoding():
    reference = image("derived/rg1s_explicit_le")
    for name in SAME_DISPLAY:
        assert np.abs(image(f"derived/rg1s_{name}") - reference).max() < 1 / 255, name
    # No window, a table, 32767 - x with the window of x, x / 128 with another: a monotone curve apart, in one polarity.
    for name in ("minimal_tags", "voilut_12bit", "monochrome2", "8bit_mono1"):
        order = np.argsort(reference.ravel(), kind="stable")
        curve = image(f"derived/rg1s_{name}").ravel()[order]
        assert (np.diff(curve[:: len(curve) // 500]) >= -1e-3).all(), name


def test_film_with_voi_lut_against_pydicom():
    import pydicom

    dataset = pydicom.dcmread(SHARED_DICOM / "derived" / "rg1s_voilut_12bit.dcm")
    mapped = pydicom.pixels.apply_voi_lut(dataset.pixel_array, dataset).astype(float)
    np.testing.assert_allclose(image("derived/rg1s_voilut_12bit"), 1 - mapped / 4095, atol=1 / 255)


def test_every_negative_is_refused_or_told_by_its_meta():
    found = {path.stem for path in (SHARED_DICOM / "negative").glob("*.dcm")}
    assert found == {*REFUSED, *TOLD_BY_META}
    for name, code in REFUSED.items():
        with pytest.raises(RefusedInput) as refusal:
            image(f"negative/{name}")
        assert refusal.value.code == code, name
    for name, (key, value) in TOLD_BY_META.items():
        meta = read_radiograph(SHARED_DICOM / "negative" / f"{name}.dcm").meta
        assert meta[key] == value, name
    dog = read_radiograph(SHARED_DICOM / "negative" / "veterinary_dog_dx_thorax_mono1_8bit.dcm").meta
    assert "animal" in dog["flags"]


def test_one_limb_in_two_lossy_encodings():
    first, second = (image(f"negative/wg04_rg3_extremity_mono1_{name}") for name in ("jpeg_ext12", "jpegls"))
    assert np.abs(first - second).mean() < 1 / 255
