"""Which images a model was trained on: found under other names, carried on, and free of patients."""

import numpy as np
import pytest
from monai.transforms import Compose
from PIL import Image
from scripts.data.dataset import RadiographDataset
from scripts.data.fingerprints import TRAINING_IMAGES, _fingerprints, assert_not_trained_on, training_record
from scripts.transforms import FitSquared, LoadRadiographd


@pytest.fixture
def make_dataset(tmp_path):
    """Pictures of given seeds -> dataset."""
    steps = Compose([LoadRadiographd(keys="image"), FitSquared(keys="image", size=32)])

    def make(folder, seeds, compress_level=6):
        items = []
        for seed in seeds:
            path = tmp_path / folder / f"{folder}-{seed}.png"
            path.parent.mkdir(exist_ok=True)
            Image.fromarray(np.random.default_rng(seed).integers(0, 255, (40, 40), dtype=np.uint8)).save(
                path, compress_level=compress_level
            )
            items.append({"image": str(path), "label": [0.0], "patient_id": f"patient-{folder}-{seed}"})
        return RadiographDataset(items, steps, cache_dir=tmp_path / "cache", num_workers=1)

    return make


def test_the_same_pixels_in_another_file_are_found(make_dataset, tmp_path):
    (tmp_path / TRAINING_IMAGES).write_bytes(training_record(make_dataset("training", range(5))))
    assert assert_not_trained_on(tmp_path, make_dataset("test", [5, 6]))
    with pytest.raises(ValueError, match=r"found 2 of 3 \(later-3\.png, later-4\.png\)"):
        assert_not_trained_on(tmp_path, make_dataset("later", [3, 4, 8], compress_level=0))


def test_an_earlier_model_passes_its_images_on(make_dataset, tmp_path):
    (tmp_path / TRAINING_IMAGES).write_bytes(training_record(make_dataset("first", [1, 2])))
    (tmp_path / TRAINING_IMAGES).write_bytes(training_record(make_dataset("second", [3]), [None, "no/model", tmp_path]))
    with pytest.raises(ValueError, match="found 2 of 2"):
        assert_not_trained_on(tmp_path, make_dataset("test", [1, 3]))


def test_a_model_without_a_record_cannot_be_checked(make_dataset, tmp_path, caplog):
    assert not assert_not_trained_on(tmp_path, make_dataset("test", [1]))
    assert "cannot be checked" in caplog.text
    (tmp_path / TRAINING_IMAGES).write_bytes(b"damaged")
    with pytest.raises(ValueError, match=r"training_images\.safetensors: cannot be read; .*damaged content"):
        assert_not_trained_on(tmp_path, make_dataset("test", [1]))


def test_the_record_is_small_sorted_and_names_nobody(make_dataset):
    dataset = make_dataset("training", range(6))
    content = training_record(dataset)
    assert len(content) < 16 * 6 + 200 and b"patient" not in content
    reversed_items = RadiographDataset(
        dataset.data[::-1], dataset.cache.preprocessing, cache_dir=dataset.cache.folder, num_workers=1
    )
    assert training_record(reversed_items) == content
    assert _fingerprints(dataset).shape == (6, 2)
