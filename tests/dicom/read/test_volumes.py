import nibabel
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


def upright():
    return np.linspace(0, 1, 64 * 48, dtype=np.float32).reshape(48, 64)


FLIPS = {
    "bottom-up, x and y": (np.diag([-1, 1, 1, 1]), lambda image: image[::-1]),
    "bottom-up, x and z": ([[-1, 0, 0, 0], [0, 0, 1, 0], [0, 1, 0, 0], [0, 0, 0, 1]], lambda image: image[::-1]),
    "upright, x and y": (np.diag([-1, -1, 1, 1]), lambda image: image),
    "upright, x and z": ([[-1, 0, 0, 0], [0, 0, 1, 0], [0, -1, 0, 0], [0, 0, 0, 1]], lambda image: image),
    "mirrored": ([[1, 0, 0, 0], [0, 0, 1, 0], [0, -1, 0, 0], [0, 0, 0, 1]], lambda image: image[:, ::-1]),
    "on its side": ([[0, -1, 0, 0], [0, 0, 1, 0], [-1, 0, 0, 0], [0, 0, 0, 1]], lambda image: image.T),
    "nothing, the identity": (np.eye(4), lambda image: image),
    "nothing, only a spacing": (np.diag([0.2, 0.2, 1, 1]), lambda image: image),
    "an oblique plane": ([[-0.7, 0.7, 0, 0], [-0.7, -0.7, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]], lambda image: image),
}


@pytest.mark.parametrize("coded", ["sform", "qform"])
@pytest.mark.parametrize("name", FLIPS)
def test_a_nifti_is_shown_upright_as_its_affine_says(tmp_path, name, coded):
    affine, store = FLIPS[name]
    affine = np.asarray(affine, float)
    volume = nibabel.Nifti1Image(store(upright()).T[:, :, None], affine)
    volume.set_sform(affine, code=1 if coded == "sform" else 0)
    volume.set_qform(affine, code=1 if coded == "qform" else 0)
    nibabel.save(volume, tmp_path / "x.nii.gz")
    radiograph = read_radiograph(tmp_path / "x.nii.gz")
    np.testing.assert_allclose(radiograph.image[0], upright(), atol=1e-6)
    turned = name.startswith(("bottom", "mirrored", "on its side"))
    assert radiograph.meta["flags"] == (["turned to the standard orientation"] if turned else [])


def test_a_nifti_without_transform_is_shown_as_stored(tmp_path):
    nibabel.save(nibabel.Nifti1Image(upright().T[:, :, None], None), tmp_path / "x.nii")
    np.testing.assert_allclose(read_radiograph(tmp_path / "x.nii").image[0], upright(), atol=1e-6)


@pytest.mark.parametrize("suffix", [".nrrd", ".mha", ".nii"])
@pytest.mark.parametrize(
    ("direction", "store"),
    [((1, 0, 0, 1), (1, 1)), ((1, 0, 0, -1), (-1, 1)), ((-1, 0, 0, 1), (1, -1)), ((-1, 0, 0, -1), (-1, -1))],
)
def test_files_of_itk_are_shown_upright_as_their_direction_says(tmp_path, suffix, direction, store):
    if suffix == ".nii" and direction == (-1, 0, 0, -1):
        pytest.skip("the axes of the identity in NIfTI, which state nothing")
    itk = pytest.importorskip("itk")
    image = itk.image_from_array(np.ascontiguousarray(upright()[:: store[0], :: store[1]]))
    image.SetDirection(np.array(direction, float).reshape(2, 2))
    itk.imwrite(image, str(tmp_path / f"x{suffix}"))
    np.testing.assert_allclose(read_radiograph(tmp_path / f"x{suffix}").image[0], upright(), atol=1e-6)


@pytest.mark.parametrize("suffix", [".nrrd", ".mha", ".nii"])
def test_oblong_pixels_of_volumes_are_shown_as_squares(tmp_path, suffix):
    itk = pytest.importorskip("itk")
    image = itk.image_from_array(upright())
    image.SetSpacing([0.2, 0.3])  # x, y
    itk.imwrite(image, str(tmp_path / f"x{suffix}"))
    radiograph = read_radiograph(tmp_path / f"x{suffix}")
    assert radiograph.image.shape == (1, 72, 64)
    assert radiograph.meta["flags"] == ["resampled to square pixels"]
