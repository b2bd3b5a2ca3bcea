import numpy as np
import pytest
from scripts.dicom import RefusedInput, read_radiograph

PIXELS = np.arange(64 * 48, dtype=np.uint16).reshape(48, 64)


@pytest.fixture
def secret(tmp_path):
    """A file that the header of another file must not give access to."""
    path = tmp_path / "elsewhere" / "secret.raw"
    path.parent.mkdir()
    path.write_bytes(PIXELS.tobytes())
    return path


def nrrd(pixels, *lines):
    fields = ["NRRD0004", "type: uint16", "dimension: 2", "sizes: 64 48", "encoding: raw", "endian: little", *lines]
    return "\n".join(fields).encode() + b"\n\n" + pixels


def meta_image(name, pixels):
    fields = ["ObjectType = Image", "NDims = 2", "DimSize = 64 48", "ElementType = MET_USHORT", "BinaryData = True"]
    return "\n".join([*fields, f"ElementDataFile = {name}"]).encode() + b"\n" + pixels


def test_pixels_behind_their_header_are_read(tmp_path):
    (tmp_path / "film.nrrd").write_bytes(nrrd(PIXELS.tobytes()))
    (tmp_path / "film.mha").write_bytes(meta_image("LOCAL", PIXELS.tobytes()))
    for name in ("film.nrrd", "film.mha"):
        assert np.allclose(read_radiograph(tmp_path / name).image[0] * 4095, PIXELS, atol=1e-2)


@pytest.mark.parametrize("key", ["data file", "datafile", "DATA FILE", "Data  File"])
def test_an_nrrd_header_reaches_no_other_file(tmp_path, secret, key):
    (tmp_path / "film.nrrd").write_bytes(nrrd(b"", f"{key}: {secret}"))
    with pytest.raises(RefusedInput, match="another file for the pixels") as refusal:
        read_radiograph(tmp_path / "film.nrrd")
    assert refusal.value.code == "DETACHED"


@pytest.mark.parametrize(
    "name", ["{secret}", "elsewhere/secret.raw", "link.raw", "LIST", "local.raw", "", "%03d.raw 1 2 1"]
)
def test_a_meta_image_header_reaches_no_other_file(tmp_path, secret, name):
    (tmp_path / "link.raw").symlink_to(secret)
    (tmp_path / "film.mha").write_bytes(meta_image(name.format(secret=secret), b""))
    with pytest.raises(RefusedInput, match="another file for the pixels"):
        read_radiograph(tmp_path / "film.mha")


def test_pixels_beside_their_header_are_read(tmp_path):
    (tmp_path / "pixels.raw").write_bytes(PIXELS.tobytes())
    (tmp_path / "film.nrrd").write_bytes(nrrd(b"", "data file: pixels.raw"))
    (tmp_path / "film.mha").write_bytes(meta_image("pixels.raw", b""))
    for name in ("film.nrrd", "film.mha"):
        assert np.allclose(read_radiograph(tmp_path / name).image[0] * 4095, PIXELS, atol=1e-2)


def test_a_header_without_an_end_is_refused(tmp_path):
    (tmp_path / "film.nrrd").write_bytes(b"NRRD0004\n" + b"# comment\n" * 200_000)
    with pytest.raises(RefusedInput):
        read_radiograph(tmp_path / "film.nrrd")
