import csv
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scripts.enhancement.judging import make_enhancers
from scripts.workflow import run_workflow

from ..tiny_ldm import write_tiny_ldm
from .synthetic import film


@pytest.fixture(scope="module")
def high_res(tmp_path_factory):
    """Three films of two sizes, and a file that is no image."""
    folder = tmp_path_factory.mktemp("high_res")
    items = []
    for number, side in enumerate((256, 256, 192)):
        pixels = (film(side, side, seed=number)[0].numpy() * 65535).astype(np.uint16)
        Image.fromarray(pixels).save(folder / f"{number}.png")
        items.append({"image": f"{number}.png", "label": [], "patient_id": f"secret{number}"})
    (folder / "broken.png").write_bytes(b"no image")
    items.append({"image": "broken.png", "label": [], "patient_id": "secret3"})
    (folder / "datalist.json").write_text(json.dumps({"labels": [], "test": items}))
    return folder


@pytest.fixture(scope="module")
def ldm(tmp_path_factory):
    return write_tiny_ldm(tmp_path_factory.mktemp("ldm"))


def settings(high_res, ldm, output_dir, **changes):
    return {
        "dataset_dir": str(high_res), "output_dir": str(output_dir), "ldm": str(ldm), "steps": 2, "seeds": 2,
        "sizes": [256, 128, None], "window": 16, "region_count": 3, "bootstrap": 100,
        "enhancers": ["bicubic", "native", "ldm"], **changes,
    }  # fmt: skip


def test_every_enhancer_gets_figures_a_panel_and_an_interval(high_res, ldm, tmp_path):
    out = tmp_path / "out"
    run_workflow("sr_evaluation", overrides=settings(high_res, ldm, out))
    content = json.loads((out / "sr_evaluation.json").read_text())
    images = {size: found["bicubic"]["regions"]["images"] for size, found in content["summary"].items()}
    assert images == {"256": 2, "128": 3, "native": 1}  # the film of 192 pixels is native only
    ldm_psnr = content["summary"]["128"]["ldm"]["psnr_truth_region"]
    assert len(ldm_psnr["interval"]) == 2 and content["summary"]["128"]["native"]["psnr_truth_region"]["mean"] == 100
    assert content["summary"]["128"]["ldm"]["consistency_min_db"]["mean"] >= 60
    assert sorted(path.stem for path in (out / "panels").iterdir()) == ["bicubic", "ldm", "native"]
    with (out / "failures.csv").open() as file:
        assert [Path(row["path"]).name for row in csv.DictReader(file)] == ["broken.png"]
    assert "ldm" in (out / "sr_evaluation.txt").read_text()
    text = (out / "sr_evaluation.json").read_text() + (out / "sr_evaluation.csv").read_text()
    assert "secret" not in text and str(high_res) not in text
    assert "sr_evaluation" in json.loads((out / "mlflow_runs.json").read_text())


def test_images_below_every_size_are_an_error(high_res, ldm, tmp_path):
    overrides = settings(high_res, ldm, tmp_path / "out", sizes=[2048], enhancers=["bicubic"], tracking_uri="none")
    with pytest.raises(ValueError, match=r"at least \['2048'\] pixels"):
        run_workflow("sr_evaluation", overrides=overrides)


@pytest.mark.parametrize("names", [["ldm"], ["bicubic", "bicubic"], ["bicubic", "identity"]])
def test_what_cannot_be_compared_is_refused(names, ldm):
    with pytest.raises(ValueError, match="enhancers: "):
        make_enhancers(names, folder=ldm)
