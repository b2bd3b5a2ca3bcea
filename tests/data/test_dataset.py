import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch
from monai.transforms import Compose, RandAffined
from PIL import Image
from scripts.common.failures import read_failures
from scripts.data.dataset import RadiographDataset
from scripts.data.image_cache import ImageCache
from scripts.transforms import FitSquared, LoadRadiographd


@pytest.fixture
def items(tmp_path):
    rng = np.random.default_rng(0)
    for index in range(3):
        Image.fromarray(rng.integers(0, 256, (40, 32), dtype=np.uint8)).save(tmp_path / f"{index}.png")
    return [{"image": str(tmp_path / f"{index}.png"), "label": [index % 2]} for index in range(3)]


@pytest.fixture
def make(items, tmp_path):
    def build(size=16):
        preprocessing = Compose([LoadRadiographd(keys="image"), FitSquared(keys="image", size=size)])
        return RadiographDataset(items, preprocessing, cache_dir=tmp_path / "cache")

    return build


def test_augmentation_depends_on_the_seed_and_the_image_only(items, tmp_path):
    preprocessing = Compose([LoadRadiographd(keys="image"), FitSquared(keys="image", size=16)])
    augmentation = Compose([RandAffined(keys="image", prob=1.0, rotate_range=1.0)])
    dataset = RadiographDataset(items, preprocessing, augmentation, cache_dir=tmp_path / "cache")

    def load(seed, order, processes=0):
        dataset.augmentation_seed = seed
        loader = torch.utils.data.DataLoader(dataset, batch_size=1, sampler=order, num_workers=processes)
        found = dict(zip(order, [batch["image"] for batch in loader], strict=True))
        return torch.cat([found[index] for index in sorted(found)])

    whole = load(1, [0, 1, 2])
    assert torch.equal(load(1, [2, 0, 1]), whole) and torch.equal(load(1, [0, 1, 2], processes=2), whole)
    assert not torch.equal(load(2, [0, 1, 2]), whole)


def images(dataset):
    return torch.stack([dataset[index]["image"] for index in range(len(dataset))])


def decodings(caplog):
    return sum("decoding" in record.message for record in caplog.records)


def test_cache_is_used_and_equals_the_decoded_image(make, caplog):
    caplog.set_level("INFO")
    first = images(make())
    assert torch.equal(images(make()), first) and decodings(caplog) == 1
    assert first.shape == (3, 1, 16, 16) and 0 <= first.min() < first.max() <= 1


def test_entry_damaged_in_the_middle_of_a_run_is_made_again(make, tmp_path, caplog):
    dataset = make()
    first = images(dataset)
    for path in (tmp_path / "cache").rglob("*.u16"):
        content = bytearray(path.read_bytes())
        content[-1] ^= 1
        path.write_bytes(content)
    assert torch.equal(images(dataset), first) and caplog.text.count("is damaged;") == 3
    assert torch.equal(images(dataset), first) and caplog.text.count("is damaged;") == 3


def test_killed_decoding_continues_with_what_is_missing(make, tmp_path, caplog):
    caplog.set_level("INFO")
    first = images(make())
    next((tmp_path / "cache").rglob("*.u16")).unlink()
    assert torch.equal(images(make()), first) and "decoding 1 of 3 images" in caplog.text


def test_two_data_sets_at_the_same_time_decode_each_film_once(make, monkeypatch):
    decoded, decode = [], ImageCache.decode
    monkeypatch.setattr(ImageCache, "decode", lambda self, path: (decoded.append(path), decode(self, path))[1])
    with ThreadPoolExecutor(2) as pool:
        first, second = (future.result() for future in [pool.submit(make) for _ in range(2)])
    assert len(decoded) == len(set(decoded)) == 3 and torch.equal(images(first), images(second))


def test_files_of_equal_content_share_an_entry_and_each_is_an_item(make, items):
    Path(items[2]["image"]).write_bytes(Path(items[0]["image"]).read_bytes())
    found = images(make())
    assert torch.equal(found[0], found[2]) and len(found) == 3
    for item in items[::2]:
        Path(item["image"]).write_bytes(b"no picture")
    assert len(make()) == 1


def test_refusals_of_two_splits_are_in_one_table_and_leave_it_when_put_right(make, items, tmp_path):
    good = Path(items[0]["image"]).read_bytes()
    for item in items[:2]:
        Path(item["image"]).write_bytes(b"no picture")
    preprocessing = Compose([LoadRadiographd(keys="image"), FitSquared(keys="image", size=16)])
    for split in (items[1:], items[::2]):
        RadiographDataset(split, preprocessing, cache_dir=tmp_path / "cache")
    table = tmp_path / "cache" / "failures.csv"
    assert [Path(row.path).name for row in read_failures(table)] == ["1.png", "0.png"]
    for item in items[:2]:
        Path(item["image"]).write_bytes(good)
    make()
    assert not table.exists()


def test_changed_file_and_changed_size_are_decoded_again(make, items):
    first = images(make())
    Image.fromarray(np.asarray(Image.open(items[0]["image"])) // 4).save(items[0]["image"])
    os.utime(items[0]["image"], ns=(1, 1))
    again = images(make())
    assert torch.allclose(again[0], first[0] / 4, atol=0.02) and torch.equal(again[1:], first[1:])
    assert images(make(size=8)).shape[-1] == 8


def test_refused_image_is_left_out_with_its_label(make, items, tmp_path):
    with open(items[0]["image"], "wb") as file:
        file.write(b"no picture")
    dataset = make()
    assert [int(dataset[index]["label"]) for index in range(len(dataset))] == [1, 0]
    assert "NOT_IMAGE" in (tmp_path / "cache" / "failures.csv").read_text()


def test_split_without_any_readable_image_stops(make, items):
    for item in items:
        with open(item["image"], "wb") as file:
            file.write(b"no picture")
    with pytest.raises(ValueError, match="found 0 of 3"):
        make()


def test_empty_split_stops(tmp_path):
    with pytest.raises(ValueError, match="split is empty"):
        RadiographDataset([], lambda item: item, cache_dir=tmp_path)
