import copy
import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
import torch
from scripts.networks import ViTMultilabel, ZoomSettings, ZoomViT
from scripts.zoom import crop_cache
from scripts.zoom.crop_cache import CropCache, crops_for, extra_keys
from scripts.zoom.crops import Zoomer

TINY = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64, "patch_size": 8}
ZOOM = ZoomSettings(count=3, window=8, crop_size=16, source="native")


@pytest.fixture
def guide():
    torch.manual_seed(0)
    return ViTMultilabel(architecture=TINY, num_labels=2, image_size=32).eval()


@pytest.fixture
def paths(data_dir):
    return [str(path) for path in sorted((data_dir / "test").glob("*.png"))]


def forbid(monkeypatch):
    """Nothing may be cut again."""

    def cut(*_):
        raise AssertionError("cut again")

    monkeypatch.setattr(Zoomer, "__call__", cut)


def test_crops_are_cut_once_and_read_back(guide, paths, tmp_path, monkeypatch):
    zoomer = Zoomer(guide, ZOOM)
    CropCache(tmp_path, zoomer).prepare(paths)
    expected = [zoomer(crop_cache._read_source(path)) for path in paths]
    forbid(monkeypatch)
    again = CropCache(tmp_path, Zoomer(guide, ZOOM))
    again.prepare(paths)
    for path, zoom in zip(paths, expected, strict=True):
        item = again(path)
        assert torch.allclose(item["zoom"], zoom.crops, atol=1 / 65535) and torch.equal(item["zoom_boxes"], zoom.boxes)
        regions = json.loads(again.entry(path).with_suffix(".json").read_text())["regions"]
        assert [tuple(region["box"]) for region in regions] == [region.box for region in zoom.regions]


def test_killed_run_continues_with_what_is_missing(guide, paths, tmp_path, monkeypatch):
    cache = CropCache(tmp_path, Zoomer(guide, ZOOM))
    cache.prepare(paths[:4])
    cut, write = [], CropCache.write
    monkeypatch.setattr(CropCache, "write", lambda self, entry, zoom: (cut.append(entry), write(self, entry, zoom)))
    cache.prepare(paths)
    assert sorted(cut) == sorted(cache.entry(path) for path in paths[4:])  # threads write them in any order


@pytest.mark.parametrize("suffix", [".u16", ".json"])
def test_damaged_entry_is_made_again(guide, paths, tmp_path, suffix):
    cache = CropCache(tmp_path, Zoomer(guide, ZOOM))
    cache.prepare(paths[:1])
    before = cache(paths[0])
    damaged = cache.entry(paths[0]).with_suffix(suffix)
    damaged.write_bytes(damaged.read_bytes()[:-7])
    again = cache(paths[0])
    assert all(torch.equal(again[key], before[key]) for key in before)


def test_damaged_entry_is_not_cut_on_a_gpu_by_a_process_of_the_loader(guide, paths, tmp_path, monkeypatch):
    cache = CropCache(tmp_path, Zoomer(guide, ZOOM))
    cache.prepare(paths[:1])
    entry = cache.entry(paths[0])
    entry.write_bytes(b"damaged")
    guide.to("meta")  # stands for a GPU
    monkeypatch.setattr(crop_cache, "get_worker_info", lambda: "a process of the loader")
    with pytest.raises(ValueError, match="it was removed: run the same command again"):
        cache(paths[0])
    assert not entry.exists()


def test_two_processes_cut_each_film_once(guide, paths, tmp_path, monkeypatch):
    caches = [CropCache(tmp_path, Zoomer(copy.deepcopy(guide), ZOOM)) for _ in range(2)]
    cut, write = [], CropCache.write
    monkeypatch.setattr(CropCache, "write", lambda self, entry, zoom: (cut.append(entry), write(self, entry, zoom)))
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda cache: cache.prepare(paths), caches))
    assert len(cut) == len(set(cut)) == len(paths)


def test_other_settings_or_another_guide_make_other_entries(guide, paths, tmp_path):
    entries = {CropCache(tmp_path, Zoomer(guide, zoom)).entry(paths[0]) for zoom in (ZOOM, replace(ZOOM, window=16))}
    with torch.no_grad():
        guide.head.bias += 1
    entries.add(CropCache(tmp_path, Zoomer(guide, ZOOM)).entry(paths[0]))
    guide.located_labels = ["Mass"]
    assert len(entries | {CropCache(tmp_path, Zoomer(guide, ZOOM)).entry(paths[0])}) == 4


def test_network_without_crops_needs_none(guide, tmp_path):
    assert crops_for(guide, tmp_path, ".") is None and extra_keys(None) == ()
    crops = crops_for(ZoomViT(guide, ZOOM), tmp_path, ".")
    assert extra_keys(crops) == ("zoom", "zoom_boxes")


def test_another_mean_map_has_other_entries(guide, paths, tmp_path):
    mean = replace(ZOOM, selector="mean_map")
    maps = (torch.eye(4), torch.rand(4, 4))
    assert len({CropCache(tmp_path, Zoomer(guide, mean, mean_map=one)).entry(paths[0]) for one in maps}) == 2
