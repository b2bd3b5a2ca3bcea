import numpy as np
import pytest
from monai.transforms import Compose
from PIL import Image
from scripts.data import image_cache as cache
from scripts.data.image_cache import ImageCache, read_entry, write_entry
from scripts.dicom import RefusedInput
from scripts.transforms import FitSquared, LoadRadiographd


@pytest.fixture
def source(tmp_path):
    path = tmp_path / "film.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (40, 32), dtype=np.uint8)).save(path)
    return path


def make(folder, size=16):
    return ImageCache(folder, Compose([LoadRadiographd(keys="image"), FitSquared(keys="image", size=size)]))


def corrupt(content, rng):
    """A copy with a flipped bit, a changed or missing stretch, something appended, or another part of itself."""
    damaged = bytearray(content)
    position, kind = int(rng.integers(len(damaged))), int(rng.integers(5))
    if kind == 0:
        damaged[position] ^= 1 << int(rng.integers(8))
    elif kind == 1:
        damaged[position : position + 16] = rng.bytes(16)
    elif kind == 2:
        del damaged[position:]
    elif kind == 3:
        damaged += rng.bytes(1 + position % 64)
    else:
        damaged[:position] = damaged[-position:] if position else b"\0"
    return bytes(damaged)


def test_no_corruption_passes_for_an_image(tmp_path):
    rng = np.random.default_rng(0)
    path = tmp_path / "entry.u16"
    write_entry(path, rng.integers(0, 65536, (12, 16), dtype=np.uint16))
    content = path.read_bytes()
    silent = 0
    for _ in range(5000):
        damaged = corrupt(content, rng)
        path.write_bytes(damaged)
        silent += damaged != content and read_entry(path) is not None
    assert silent == 0


def test_round_trip(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 65536, (12, 16), dtype=np.uint16)
    write_entry(tmp_path / "entry.u16", pixels)
    assert np.array_equal(read_entry(tmp_path / "entry.u16"), pixels) and read_entry(tmp_path / "none.u16") is None


def test_second_load_does_not_read_the_source(source, tmp_path, monkeypatch):
    images = make(tmp_path / "cache")
    entry = images.entry(source)
    first = images.load(source, entry)
    monkeypatch.setattr(ImageCache, "decode", lambda *_: pytest.fail("decoded again"))
    assert np.array_equal(make(tmp_path / "cache").load(source, entry), first)


def test_entry_follows_content_settings_and_code_not_the_name(source, tmp_path, monkeypatch):
    first = make(tmp_path).entry(source)
    renamed = source.rename(tmp_path / "other.png")
    assert make(tmp_path).entry(renamed) == first
    assert make(tmp_path, size=8).entry(renamed) != first
    monkeypatch.setattr(cache, "code_sha256", lambda: "another version")
    assert make(tmp_path).entry(renamed) != first
    renamed.write_bytes(renamed.read_bytes() + b"\0")
    monkeypatch.undo()
    assert make(tmp_path).entry(renamed) != first


def test_refusal_is_let_through_and_leaves_no_entry(tmp_path):
    (tmp_path / "film.png").write_bytes(b"no picture")
    images = make(tmp_path / "cache")
    with pytest.raises(RefusedInput, match="format is not supported"):
        images.load(tmp_path / "film.png", images.entry(tmp_path / "film.png"))
    assert not list((tmp_path / "cache").rglob("*.u16"))
