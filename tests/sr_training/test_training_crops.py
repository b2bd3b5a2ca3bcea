import numpy as np
import pytest
import torch
from PIL import Image
from scripts.sr_training.training_crops import _crop_body, extract_crops

SETTINGS = {"per_megapixel": 100.0, "max_images": 10}


def write(path, image):
    Image.fromarray((image * 255).astype(np.uint8)).save(path)
    return {"image": str(path)}


def test_larger_images_give_more_crops_and_the_seed_reproduces_them(tmp_path):
    rng = np.random.default_rng(0)
    small = write(tmp_path / "small.png", rng.uniform(0.2, 0.9, (100, 100)))
    large = write(tmp_path / "large.png", rng.uniform(0.2, 0.9, (200, 300)))
    assert len(extract_crops([small], 32, seed=0, **SETTINGS)) == 1
    crops = extract_crops([large], 32, seed=0, **SETTINGS)
    assert crops.shape == (6, 1, 32, 32)
    assert torch.equal(crops, extract_crops([large], 32, seed=0, **SETTINGS))
    assert not torch.equal(crops, extract_crops([large], 32, seed=1, **SETTINGS))


def test_crops_come_from_the_body():
    image = np.zeros((1, 64, 200), np.float32)
    image[:, :, 100:] = np.random.default_rng(0).uniform(0.4, 0.6, (1, 64, 100))
    for seed in range(10):
        crop = _crop_body(image, 32, np.random.default_rng(seed))
        assert crop is None or crop.mean() > 0.08
    assert _crop_body(np.zeros((1, 64, 64), np.float32), 32, np.random.default_rng(0)) is None


def test_unreadable_files_are_left_out_and_no_readable_file_is_an_error(tmp_path, caplog):
    (tmp_path / "bad.png").write_bytes(b"no picture")
    bad = {"image": str(tmp_path / "bad.png")}
    good = write(tmp_path / "good.png", np.random.default_rng(0).uniform(0.2, 0.9, (100, 100)))
    assert len(extract_crops([bad, good], 32, seed=0, **SETTINGS)) == 1
    assert "bad.png" in caplog.text
    with pytest.raises(ValueError, match="no crop of 32 pixels"):
        extract_crops([bad], 32, seed=0, **SETTINGS)
