import csv
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from scripts.common.failures import read_failures
from scripts.networks import ViTMultilabel, save_vit_multilabel
from scripts.workflow import run_workflow

TINY = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64, "patch_size": 8}


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Films with a box or a mask, one without either, and a file that is no image."""
    folder = tmp_path_factory.mktemp("annotated")
    rng = np.random.default_rng(0)
    items = {"training": [], "test": []}
    for number in range(6):
        Image.fromarray(rng.integers(0, 255, (64, 48), np.uint8)).save(folder / f"{number}.png")
        boxes = [{"label": "Effusion", "xywh": [8, 40, 20, 16]}] if number != 3 else []
        item = {"image": f"{number}.png", "label": [], "patient_id": f"secret{number}", "boxes": boxes}
        items["training" if number < 2 else "test"].append(item)
    mask = np.zeros((64, 48), np.uint8)
    mask[8:24, 8:24] = 255
    Image.fromarray(mask).save(folder / "glass.png")
    items["test"][-1]["masks"] = {"Ground Glass": "glass.png"}
    (folder / "broken.png").write_bytes(b"no image")
    items["test"].append({**items["test"][0], "image": "broken.png", "patient_id": "secret9"})
    (folder / "datalist.json").write_text(json.dumps({"labels": [], **items}))
    return folder


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    torch.manual_seed(0)
    labels = ["Pleural Effusion", "Pneumonia"]
    network = ViTMultilabel(architecture=TINY, num_labels=2, image_size=32, labels=labels)
    folder = tmp_path_factory.mktemp("model") / "model"
    save_vit_multilabel(network, folder, labels=labels, provenance={})
    return folder


def settings(data, model, output_dir, **changes):
    return {
        "dataset_dir": str(data), "model_dir": str(model), "output_dir": str(output_dir), "bootstrap": 50,
        "curve_steps": 3, "annotations": {"Pneumonia": ["Ground Glass"]}, **changes,
    }  # fmt: skip


def test_every_method_is_evaluated_on_every_label_against_the_controls(data, model, tmp_path):
    out = tmp_path / "out"
    methods = ["last_cls", "rollout", "grad_attention", "grad_cam", "occlusion"]
    run_workflow("explaining", overrides=settings(data, model, out, methods=methods, occluder=2, occluder_stride=1))
    content = json.loads((out / "explanation.json").read_text())
    means = [f"mean_map:{method}" for method in methods]
    assert list(content["summary"]) == [*methods, "random", "centre", "training_prior", *means]
    effusion = content["summary"]["grad_attention"]["Pleural Effusion"]
    assert effusion["hit_rate"]["findings"] == 3 and set(effusion["hit_rate"]["minus"]) == {
        "random", "centre", "training_prior", "mean_map"
    }  # fmt: skip
    prior = content["summary"]["training_prior"]["Pleural Effusion"]  # all boxes are at the same place
    assert prior["coverage_2"]["mean"] == prior["area_coverage_4"]["mean"] == 1
    assert prior["area_coverage_2"]["mean"] > 0.9  # one window of 9 pixels holds 0.9 of a box of 10 x 8, at most
    assert effusion["area_coverage_2"]["mean"] <= effusion["area_coverage_4"]["mean"]
    macro = {method: labels["macro"] for method, labels in content["summary"].items()}
    assert set(macro["grad_cam"]["area_coverage_4"]["minus"]) == {"random", "centre", "training_prior", "mean_map"}
    assert "coverage 2" in (out / "explanation.txt").read_text()
    assert set(content["film_dependence"]) == set(methods)
    assert content["summary"]["grad_attention"]["Pneumonia"]["iou"]["findings"] == 1
    assert content["summary"]["training_prior"]["Pleural Effusion"]["hit_rate"]["mean"] == 1  # all boxes are one
    assert content["summary"]["random"]["Pleural Effusion"]["relevance_mass"]["mean"] == pytest.approx(
        20 * 16 / (64 * 48), abs=0.05
    )
    assert set(content["randomised_weights"]) == set(methods)
    with (out / "failures.csv").open() as file:
        assert [Path(row["path"]).name for row in csv.DictReader(file)] == ["broken.png"]
    assert (out / "panel.png").stat().st_size > 10_000
    text = "".join((out / f"explanation.{kind}").read_text() for kind in ("json", "csv", "txt"))
    assert "secret" not in text and str(data) not in text
    assert "explaining" in json.loads((out / "mlflow_runs.json").read_text())


def with_annotations(data, folder, boxes, labels, values):
    """Copy of the data with the same boxes and mask on every film, whose label has these values."""
    shutil.copytree(data, folder)
    content = json.loads((folder / "datalist.json").read_text())
    content["labels"] = labels
    for split in ("training", "test"):
        content[split] = [item for item in content[split] if item["image"] != "broken.png"]
        for number, item in enumerate(content[split]):
            item |= {"boxes": boxes, "masks": {}, "label": values[number % len(values)]}
    (folder / "datalist.json").write_text(json.dumps(content))
    return folder


BESIDE = {"label": "Effusion", "xywh": [500, 0, 20, 16]}


def test_a_box_beside_its_film_is_named_and_the_others_count(data, model, tmp_path):
    boxes = [{"label": "Effusion", "xywh": [8, 40, 20, 16]}, BESIDE]
    films = with_annotations(data, tmp_path / "films", boxes, [], [[]])
    Image.fromarray(np.zeros((64, 48), np.uint8)).save(films / "empty.png")
    content = json.loads((films / "datalist.json").read_text())
    content["test"][0]["masks"] = {"Ground Glass": "empty.png"}
    (films / "datalist.json").write_text(json.dumps(content))
    out = tmp_path / "out"
    run_workflow("explaining", overrides=settings(films, model, out, methods=["last_cls"], tracking_uri="none"))
    assert {row["label"] for row in json.loads((out / "explanation.json").read_text())["rows"]} == {"Pleural Effusion"}
    failures = read_failures(out / "failures.csv")
    assert [failure.code for failure in failures] == ["BOX"] * 5  # one box on each of four films, and one mask
    assert {Path(failure.path).name for failure in failures} == {"2.png", "3.png", "4.png", "5.png"}
    assert "the box of Effusion has no pixel; expected one that covers some of its 64 x 48" in failures[0].reason
    assert "found [500, 0, 20, 16]" in failures[0].reason and "mask of Ground Glass has no pixel" in failures[1].reason


def test_films_of_which_every_box_is_beside_are_an_error_that_counts_them(data, model, tmp_path):
    films = with_annotations(data, tmp_path / "films", [BESIDE], [], [[]])
    with pytest.raises(ValueError, match=r"boxes or masks within them, found 4 rejected; see .*failures.csv"):
        run_workflow("explaining", overrides=settings(films, model, tmp_path / "out", tracking_uri="none"))
    assert len(read_failures(tmp_path / "out" / "failures.csv")) == 4


def test_a_box_of_a_label_that_the_film_lacks_is_no_finding(data, model, tmp_path, capsys):
    boxes = [{"label": "Effusion", "xywh": [8, 40, 20, 16]}]
    films = with_annotations(data, tmp_path / "films", boxes, ["Effusion"], [[1], [0], [None], [-1]])
    out = tmp_path / "out"
    run_workflow("explaining", overrides=settings(films, model, out, methods=["last_cls"], tracking_uri="none"))
    rows = json.loads((out / "explanation.json").read_text())["rows"]
    assert len({row["image"] for row in rows}) == 3
    assert "3.png: annotated, but labelled as absent: Pleural Effusion" in capsys.readouterr().out
    lacking = with_annotations(data, tmp_path / "lacking", boxes, ["Effusion"], [[0]])
    with pytest.raises(ValueError, match=r"on images whose label is not 0, found Effusion 4; .*correct the labels"):
        run_workflow("explaining", overrides=settings(lacking, model, tmp_path / "none", tracking_uri="none"))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"split": "validation"}, "nothing to compare maps with; .*found none"),
        ({"methods": ["rollout", "rollout"]}, "name each once"),
        ({"methods": ["label_tokens"]}, "needs a network with label tokens"),
        ({"curve_steps": 1}, "curve_steps: expected 0"),
        ({"annotations": {"Pneumona": ["A"]}}, "annotations: key: .*found 'Pneumona'; did you mean 'Pneumonia'"),
        ({"annotations": {"Pneumonia": "A"}}, "annotations: expected a list of names for each label"),
    ],
)
def test_settings_that_cannot_be_are_refused(data, model, tmp_path, changes, message):
    with pytest.raises(ValueError, match=message):
        run_workflow("explaining", overrides=settings(data, model, tmp_path / "out", tracking_uri="none", **changes))
