"""The same image is read equally from every format; other input is rejected with a code; no identity is kept."""

import struct
import zlib

import numpy as np
import pytest
from PIL import Image
from scripts.dicom import RefusedInput, read_header, read_radiograph
from scripts.dicom.read.radiograph import _META_KEYS

from ..mutations import mutate
from ..synthetic import make_dataset, picture, save, window

STORED = picture()
EIGHT = (STORED // 16).astype(np.uint8)
SIXTEEN = (STORED * 16).astype(np.uint16)
SECRETS = ("Secret", "Person", "ID-12345", "19500101")


def code_of(path):
    with pytest.raises(RefusedInput) as refusal:
        read_radiograph(path)
    assert str(path) in str(refusal.value)
    assert refusal.value.remedy
    return refusal.value.code


def write(path, array):
    """Write an array (rows, columns) in the format of the suffix with a library that is not under test."""
    name = path.name
    if name.endswith((".png", ".jpg")):
        Image.fromarray(array).save(path, **({"quality": 100} if name.endswith(".jpg") else {}))
    elif name.endswith((".nii", ".nii.gz")):
        import nibabel

        nibabel.save(nibabel.Nifti1Image(array.T[:, :, None], np.eye(4)), path)  # (x, y, 1)
    else:
        import itk

        itk.imwrite(itk.image_view_from_array(np.ascontiguousarray(array)), str(path))
    return path


@pytest.mark.parametrize("suffix", [".png", ".nii", ".nii.gz", ".nrrd", ".mha", ".mhd"])
@pytest.mark.parametrize(("array", "maximum"), [(EIGHT, 255), (SIXTEEN, 65535)])
def test_same_picture_in_every_format(tmp_path, suffix, array, maximum):
    radiograph = read_radiograph(write(tmp_path / f"x{suffix}", array))
    assert radiograph.image.shape == (1, 96, 64)
    assert radiograph.image.dtype == np.float32
    np.testing.assert_allclose(radiograph.image[0], array / maximum, atol=1e-7)
    assert tuple(radiograph.meta) == _META_KEYS


def test_jpeg_is_close(tmp_path):
    image = read_radiograph(write(tmp_path / "x.jpg", EIGHT)).image[0]
    assert np.abs(image - EIGHT / 255).mean() < 0.01


def test_volume_range_is_taken_from_the_bits_and_said(tmp_path):
    radiograph = read_radiograph(write(tmp_path / "x.nrrd", STORED))
    np.testing.assert_allclose(radiograph.image[0], STORED / 4095, atol=1e-7)
    assert radiograph.meta["flags"] == ["range assumed from the maximum: 12 bit"]


def test_volume_of_reals(tmp_path):
    truth = (STORED / 4095).astype(np.float32)
    np.testing.assert_array_equal(read_radiograph(write(tmp_path / "x.nii.gz", truth)).image[0], truth)
    assert code_of(write(tmp_path / "y.nii.gz", truth * 3)) == "RANGE"
    assert code_of(write(tmp_path / "z.nrrd", STORED.astype(np.int16) - 5)) == "RANGE"


def test_volume_of_several_slices(tmp_path):
    import itk
    import nibabel

    nibabel.save(nibabel.Nifti1Image(np.stack([EIGHT, EIGHT], -1), np.eye(4)), tmp_path / "x.nii")
    itk.imwrite(itk.image_view_from_array(np.stack([EIGHT, EIGHT])), str(tmp_path / "x.nrrd"))
    assert code_of(tmp_path / "x.nii") == "MULTIFRAME"
    assert code_of(tmp_path / "x.nrrd") == "MULTIFRAME"


def test_colour_pictures(tmp_path):
    grey = np.stack([EIGHT] * 3, -1)
    Image.fromarray(grey).save(tmp_path / "grey.png")
    Image.fromarray(np.dstack([grey, np.full_like(EIGHT, 255)])).save(tmp_path / "rgba.png")
    coloured = grey.copy()
    coloured[..., 1] //= 2
    Image.fromarray(coloured).save(tmp_path / "colour.png")
    for name in ("grey.png", "rgba.png"):
        np.testing.assert_allclose(read_radiograph(tmp_path / name).image[0], EIGHT / 255, atol=1e-7)
    assert code_of(tmp_path / "colour.png") == "COLOUR"


def test_meta_is_the_allow_list_and_names_nobody(tmp_path):
    radiograph = read_radiograph(save(make_dataset(STORED, BurnedInAnnotation="YES", **window()), tmp_path / "x.dcm"))
    meta = radiograph.meta
    assert tuple(meta) == _META_KEYS
    assert not any(secret in repr(meta) for secret in (*SECRETS, str(tmp_path)))
    assert meta["spacing_mm"] == [0.2, 0.2]
    assert (meta["source_format"], meta["bits_stored"], meta["view"], meta["modality"]) == ("dicom", 12, "PA", "DX")
    assert meta["flags"] == ["burned-in annotation"]
    assert len(meta["uid_hash"]) == 16


def test_flags_are_not_shared_between_files(tmp_path):
    path = write(tmp_path / "x.nii", EIGHT)
    read_radiograph(path).meta["flags"].append("mine")
    assert "mine" not in read_header(path)[0]["flags"]


def test_header_has_hashed_identifiers_only(tmp_path):
    meta, identifiers = read_header(save(make_dataset(STORED), tmp_path / "x.dcm"))
    assert set(identifiers) == {"patient_id", "study_uid", "sop_uid"}
    assert not any(secret in repr((meta, identifiers)) for secret in SECRETS)


@pytest.mark.parametrize(
    ("attributes", "code"),
    [
        ({"NumberOfFrames": 3}, "MULTIFRAME"),
        ({"PresentationIntentType": "FOR PROCESSING"}, "FOR_PROCESSING"),
        ({"Rows": 65535, "Columns": 65535}, "PIXEL_BUDGET"),
        ({"Rows": 0}, "GEOMETRY"),
        ({"Rows": 97}, "DECODE"),
        ({"HighBit": 10}, "BIT_LAYOUT"),
        ({"BitsAllocated": 1}, "BIT_LAYOUT"),
        ({"PhotometricInterpretation": None}, "PHOTOMETRIC"),
    ],
)
def test_refused_headers(tmp_path, attributes, code):
    assert code_of(save(make_dataset(STORED, **attributes), tmp_path / "x.dcm")) == code


def test_refused_files(tmp_path):
    good = save(make_dataset(STORED), tmp_path / "good.dcm").read_bytes()
    png = write(tmp_path / "good.png", EIGHT).read_bytes()
    cases = {
        "empty.dcm": (b"", "EMPTY"),
        "garbage": (b"garbage" * 99, "NOT_IMAGE"),
        "garbage.dcm": (b"garbage" * 99, "NOT_DICOM"),
        "picture.dcm": (png, "NOT_DICOM"),
        "cut.png": (png[: len(png) // 2], "DECODE"),
        "cut.dcm": (good[:-900], "DECODE"),
        "cut_header.dcm": (good[:500], "NO_PIXELS"),
        "no_meta.dcm": (good[good.index(b"\x08\x00\x16\x00UI") :], "NO_TRANSFER_SYNTAX"),
        "cut.nii": (struct.pack("<i", 348) + b"\0" * 100, "DECODE"),
        "cut.nrrd": (b"NRRD0004\ntype: uint8\n", "DECODE"),
        "pickle.npy": (b"\x93NUMPY\x01\x00" + b"x" * 99, "NOT_IMAGE"),
    }
    for name, (content, code) in cases.items():
        (tmp_path / name).write_bytes(content)
        assert code_of(tmp_path / name) == code, name
    assert code_of(tmp_path / "absent.dcm") == "MISSING_FILE"
    assert code_of(tmp_path) == "MISSING_FILE"


def test_picture_beyond_the_pixel_budget(tmp_path):
    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    for side in (11_000, 40_000):
        header = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
        (tmp_path / "x.png").write_bytes(
            b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", b"") + chunk(b"IEND", b"")
        )
        assert code_of(tmp_path / "x.png") == "PIXEL_BUDGET"


def test_warnings_and_refusals_of_damaged_files_name_nobody(tmp_path, recwarn):
    good = save(make_dataset(STORED, **window()), tmp_path / "x.dcm").read_bytes()
    for number in range(200):
        (tmp_path / "z.dcm").write_bytes(mutate(good, number))
        try:
            said = repr(read_radiograph(tmp_path / "z.dcm").meta)
        except RefusedInput as refusal:
            said = str(refusal)
        assert not any(secret in said for secret in SECRETS), number
    assert not any(secret in str(warning.message) for warning in recwarn for secret in SECRETS)
