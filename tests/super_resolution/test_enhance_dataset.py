import errno
import json
import os

import numpy as np
import pytest
import torch
from scripts.attention import make_attention
from scripts.common import file_hashes
from scripts.common.checksum import file_sha256
from scripts.data.datalist import load_datalist
from scripts.dicom import read_radiograph
from scripts.networks import ViTMultilabel
from scripts.super_resolution.enhance_dataset import DatasetEnhancer
from scripts.super_resolution.enhancers.bicubic import BicubicEnhancer

from tests.conftest import draw
from tests.dicom.objects.conformant import cr
from tests.dicom.synthetic import save

from .conftest import TINY, finish


def test_enhanced_tree_has_a_datalist_that_loads(make):
    job = make()
    manifest = finish(job)
    enhanced = load_datalist(job.output_dir / "datalist.json")
    assert [len(items) for items in enhanced.splits.values()] == [16, 6, 6]
    assert len(manifest.splitlines()) == 28
    line = json.loads(manifest.splitlines()[0])
    assert len(line["boxes"]) == 2 and line["fidelity"]["psnr_input_region"] > 30


def test_outside_the_regions_pixels_are_exact(make):
    job = make()
    line = json.loads(finish(job).splitlines()[0])
    before = read_radiograph(job.items()[0]["image"]).image[0]
    after = read_radiograph(job.output_dir / line["output"]).image[0]
    outside = torch.ones(before.shape, dtype=torch.bool)
    for row0, col0, row1, col1 in line["boxes"]:
        outside[row0:row1, col0:col1] = False
    assert (after[outside.numpy()] == before[outside.numpy()]).all()
    assert (after != before).any()


class Killed(BaseException):
    """Stands for ``kill -9``."""


@pytest.fixture
def run_until_killed(monkeypatch):
    """A function that runs an enhancement, which is killed when it writes its eleventh image."""

    def run(job):
        write, count = DatasetEnhancer.write, iter(range(100))

        def kill_at_ten(self, *arguments):
            if next(count) == 10:
                raise Killed
            return write(self, *arguments)

        with monkeypatch.context() as patch, pytest.raises(Killed):
            patch.setattr(DatasetEnhancer, "write", kill_at_ten)
            job.run()

    return run


def test_killed_run_continues_to_the_same_bytes(make, run_until_killed):
    whole = finish(make("whole"))
    job = make("killed")
    run_until_killed(job)
    with (job.output_dir / "manifest.rank0.jsonl").open("ab") as file:
        file.write(b'{"image": "half a li')
    assert finish(make("killed")) == whole


def test_half_written_files_of_a_killed_run_are_removed(make):
    job = make()
    job.run()
    (job.output_dir / "training" / ".03.png.1234.5678.tmp").write_bytes(b"half")
    job.complete()
    assert not list(job.output_dir.rglob("*.tmp"))


def test_second_run_does_nothing(make, monkeypatch):
    finish(make())
    monkeypatch.setattr(DatasetEnhancer, "enhance_batch", lambda *_: pytest.fail("worked again"))
    finish(make())


def test_second_run_opens_no_image(make, data_dir, monkeypatch):
    for path in data_dir.rglob("*.png"):
        os.utime(path, ns=(10**18, 10**18))  # a file that was changed a moment ago would be read again
    finish(make())
    opened, whole = [], file_hashes.file_sha256
    monkeypatch.setattr(file_hashes, "file_sha256", lambda path: (opened.append(path), whole(path))[1])
    finish(make())
    assert opened == []


def test_images_that_would_get_the_same_name_stop(make, tmp_path):
    job = make()
    for index, name in enumerate(("one.png", "one.jpg")):
        draw(np.random.default_rng(0), 1, 0).save(tmp_path / name)
        job.datalist.splits["training"][index]["image"] = str(tmp_path / name)
    with pytest.raises(ValueError, match=r"one\.jpg: would be written over the enhanced .*one\.png"):
        job.run()


def test_two_shards_make_the_manifest_of_one_process(make):
    whole = finish(make("whole"))
    for rank in (1, 0):
        job = make("sharded", rank=rank, world_size=2)
        job.run()
    job.complete()
    assert (job.output_dir / "manifest.jsonl").read_bytes() == whole


def test_changed_setting_is_noticed(make):
    finish(make())
    with pytest.raises(ValueError, match="settings: expected"):
        make(settings={"seed": 1}).run()


def test_changed_output_is_made_again(make):
    job = make()
    manifest = finish(job)
    path = job.output_dir / json.loads(manifest.splitlines()[3])["output"]
    path.write_bytes(b"cut")
    assert finish(make()) == manifest and read_radiograph(path).image.shape == (1, 64, 64)


def test_changed_source_is_enhanced_again(make, data_dir):
    job = make()
    finish(job)
    path = data_dir / "training" / "03.png"
    original = path.read_bytes()
    try:
        path.write_bytes((data_dir / "training" / "04.png").read_bytes())
        job = make()
        assert json.loads(finish(job).splitlines()[3])["source_sha256"] == file_sha256(path)
    finally:
        path.write_bytes(original)


def test_failures_of_all_processes_are_in_one_table(make, tmp_path):
    jobs = [make(rank=rank, world_size=2) for rank in (0, 1)]
    for job in jobs:
        for index, name in ((0, "first.png"), (4, "second.png")):  # one in each of the first two batches
            (tmp_path / name).write_bytes(b"no picture")
            job.datalist.splits["training"][index]["image"] = str(tmp_path / name)
        job.run()
    jobs[0].complete()
    table = (jobs[0].output_dir / "failures.csv").read_text()
    assert "first.png,NOT_IMAGE" in table and "second.png,NOT_IMAGE" in table
    assert not list(jobs[0].output_dir.glob("failures.rank*"))


class Broken(BicubicEnhancer):
    """Gives NaN for the regions of a batch whose index is in ``broken``."""

    def __init__(self, broken):
        super().__init__(2)
        self.broken = broken

    def enhance(self, low_res, *, generators):
        high_res = super().enhance(low_res, generators=generators)
        high_res[[index for index in range(len(high_res)) if self.broken(index)], 0, 0, 0] = torch.nan
        return high_res


def test_region_with_a_nan_keeps_its_pixels_and_is_counted(make):
    job = make(enhancer=Broken(lambda index: index == 0))  # the first region of each batch of four images
    lines = [json.loads(line) for line in finish(job).splitlines()]
    refused = [line for line in lines if line["fidelity"]["regions_refused"]]
    assert len(lines) == 28 and len(refused) == 7
    assert all(len(line["boxes"]) == 1 and line["flags"] == ["not_finite"] for line in refused)


def test_image_without_any_finite_region_is_rejected(make):
    job = make(enhancer=Broken(lambda index: index < 2))  # both regions of the first image of each batch
    finish(job)
    assert (job.output_dir / "failures.csv").read_text().count("NOT_FINITE") == 7
    assert len(load_datalist(job.output_dir / "datalist.json").splits["training"]) == 12


class Forgetful(BicubicEnhancer):
    """Bicubic with noise; no memory for regions of more than ``limit`` pixels."""

    name, limit = "forgetful", 10**6

    def enhance(self, low_res, *, generators):
        if low_res[0].numel() > self.limit:
            raise torch.OutOfMemoryError("CUDA out of memory")
        high_res = super().enhance(low_res, generators=generators)
        return high_res + torch.stack([torch.rand(high_res.shape[1:], generator=one) for one in generators]) / 10


def test_image_that_never_fits_into_memory_does_not_stop_the_others(make, tmp_path):
    enhancer = Forgetful(2)
    whole = finish(make("whole", enhancer=enhancer)).splitlines()
    job = make(enhancer=enhancer)
    draw(np.random.default_rng(0), 1, 0, size=256).save(tmp_path / "large.png")
    job.datalist.splits["training"][2]["image"] = str(tmp_path / "large.png")
    enhancer.limit = 16**2  # the others' regions have as many pixels
    assert finish(job).splitlines() == [*whole[:2], *whole[3:]]
    assert "large.png,OUT_OF_MEMORY" in (job.output_dir / "failures.csv").read_text()


def test_rejected_image_is_named_and_left_out(make, tmp_path):
    job = make()
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"no picture")
    job.datalist.splits["training"][0]["image"] = str(broken)
    finish(job)
    assert "broken.png,NOT_IMAGE" in (job.output_dir / "failures.csv").read_text()
    assert len(load_datalist(job.output_dir / "datalist.json").splits["training"]) == 15


def test_full_disk_keeps_what_is_finished_and_says_how_to_continue(make, monkeypatch):
    whole = finish(make("whole"))
    job, fsync, count = make(), os.fsync, iter(range(100))

    def full_at_twenty(descriptor):
        if next(count) == 20:  # an image and its manifest line are two
            raise OSError(errno.ENOSPC, "No space left on device")
        fsync(descriptor)

    with monkeypatch.context() as patch, pytest.raises(OSError, match="run the same command again"):
        patch.setattr("os.fsync", full_at_twenty)
        job.run()
    assert not list(job.output_dir.rglob("*.tmp"))
    assert finish(make()) == whole


def test_source_folder_is_never_written_to(make, data_dir):
    job = make()
    job.output_dir = data_dir
    with pytest.raises(ValueError, match="holds the source images"):
        job.run()


def test_the_attention_method_chooses_the_regions_and_is_remembered(make):
    first = make()
    finish(first)
    other = make("other", attention=make_attention("grad_attention", first.network))
    lines = [[json.loads(line) for line in finish(job).splitlines()] for job in (first, other)]
    assert {line["attention"] for line in lines[1]} == {"grad_attention"}
    assert [line["boxes"] for line in lines[0]] != [line["boxes"] for line in lines[1]]
    with pytest.raises(ValueError, match="attention: expected rollout, found last_cls"):
        make(attention=make_attention("rollout", first.network)).run()


def test_dicom_file_without_uids_is_enhanced_as_a_picture(make, tmp_path):
    job = make()
    film = cr()
    whole = save(film, tmp_path / "whole.dcm")
    film.StudyInstanceUID = None
    bare = save(film, tmp_path / "bare.dcm")
    image = read_radiograph(whole).image[0]
    written = [job.write_image(path, path.name, image).as_posix() for path in (whole, bare)]
    assert written == ["whole.dcm", "bare.dcm.png"]
    assert all(np.abs(read_radiograph(job.output_dir / name).image[0] - image).max() < 1e-4 for name in written)


def lines_of(manifest):
    return [json.loads(line) for line in manifest.splitlines()]


def test_regions_of_maps_of_labels_name_their_labels(make):
    first = make()
    job = make("named", attention=make_attention("grad_cam", first.network))
    for line in lines_of(finish(job)):
        names = {name for name in line["region_labels"] if name is not None}
        assert names <= {"Bright", "Dark"} and len(line["region_labels"]) == len(line["boxes"])
        assert names or "no_attention" in line["flags"]
    assert {name for line in lines_of(finish(first)) for name in line["region_labels"]} == {None}


def test_mean_map_continues_a_killed_run_and_notices_other_training_films(make, run_until_killed):
    whole = finish(make("whole", settings={"selector": "mean_map"}))
    run_until_killed(make("killed", settings={"selector": "mean_map"}))
    assert finish(make("killed", settings={"selector": "mean_map"})) == whole
    with pytest.raises(ValueError, match="mean_map: expected"):
        make("killed", settings={"selector": "mean_map"}, limit=5).run()


def test_labels_with_a_known_place_choose_the_regions_and_other_ones_are_noticed(make):
    torch.manual_seed(0)
    network = ViTMultilabel(architecture=TINY, num_labels=2, image_size=32, labels=["Bright", "Dark"], patch_head=True)
    network.located_labels = ["Dark"]
    settings = {"network": network.eval(), "attention": make_attention("patch_logits", network)}
    assert {name for line in lines_of(finish(make(**settings))) for name in line["region_labels"]} == {"Dark"}
    network.located_labels = ["Bright"]
    with pytest.raises(ValueError, match="located_labels: expected"):
        make(**settings).run()
