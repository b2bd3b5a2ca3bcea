import numpy as np
import pytest
from scripts.dicom import read_radiograph, write_png16


def test_every_stored_value_reads_back_exactly(tmp_path):
    image = (np.arange(65536).reshape(256, 256) / 65535).astype(np.float32)
    write_png16(image, tmp_path / "out.png")
    np.testing.assert_array_equal(read_radiograph(tmp_path / "out.png").image[0], image)


@pytest.mark.parametrize("image", [np.full((8, 8), 1.5), np.full((8, 8), np.nan), np.zeros((3, 8, 8))])
def test_what_cannot_be_stored_is_refused(image, tmp_path):
    with pytest.raises(ValueError, match="clip it first"):
        write_png16(image, tmp_path / "y.png")
    assert not (tmp_path / "y.png").exists()


@pytest.mark.parametrize("maximum", [200, 1000, 4095, 16383, 30000, 65535])
def test_a_dark_image_reads_back_as_it_is(tmp_path, maximum):
    image = (np.arange(4096).reshape(64, 64) % (maximum + 1) / 65535).astype(np.float32)
    image[0, 0] = maximum / 65535
    write_png16(image, tmp_path / "out.png")
    radiograph = read_radiograph(tmp_path / "out.png")
    np.testing.assert_allclose(radiograph.image[0], image, atol=1e-7)
    assert radiograph.meta["flags"] == []
