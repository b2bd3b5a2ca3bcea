"""``run ablation`` end to end, on films whose truth is known."""

import csv
import json
from pathlib import Path

import pytest
from scripts.experiments.ablation.frozen_backbone import FrozenBackbone
from scripts.report.report import _write_report
from scripts.tracking import Tracker
from scripts.workflow import run_workflow

from .conftest import LABELS


@pytest.fixture(scope="module")
def settings(films, backbone, tmp_path_factory):
    return {
        "dataset_dir": str(films),
        "output_dir": str(tmp_path_factory.mktemp("run") / "ablation"),
        "attempts_dir": str(tmp_path_factory.mktemp("attempts")),
        "backbone": str(backbone),
        "image_size": 32,
        "larger_size": 64,
        "source_size": 16,
        "window": 16,
        "region_count": 2,
        "enhancer": "lanczos",
        "leave_out": ["A10_zoom_regression"],
        "fine_labels": ["Fine"],
        "large_labels": ["Large"],
        "seeds": 3,
        "probe_c": 1.0,
        "bootstrap": 200,
        "lesion_pairs": 0,
        "precision": "fp32",
        "tracking_uri": "none",
    }


@pytest.fixture(scope="module")
def content(settings):
    run_workflow("ablation", overrides=settings)
    with open(f"{settings['output_dir']}/ablation.json") as file:
        return json.load(file)


def difference(content, arm, group="fine"):
    return content["arms"][arm]["against_reference"][group]


def test_identity_pasted_back_is_the_base_to_the_last_bit(content):
    row = difference(content, "A2_paste_identity", "all")
    assert row["difference"] == 0 and row["ci"] == [0, 0] and row["equivalent"] and row["word"] == "equivalent"


def test_only_true_pixels_show_what_the_source_lost(content):
    assert difference(content, "A11_zoom_native")["word"] == "better"
    assert content["arms"]["A11_zoom_native"]["groups"]["fine"]["auroc"] > 0.95
    assert content["arms"]["A9_zoom_sr"]["groups"]["fine"]["auroc"] < 0.8
    assert abs(difference(content, "A11_zoom_native", "large")["difference"]) < 0.05
    assert content["arms"]["A1_retrained"]["groups"]["large"]["auroc"] > 0.95


def test_an_enhancer_that_only_interpolates_is_not_supported(content):
    assert content["verdict"] in ("not supported", "worse", "inconclusive")
    assert "power" in content["sentence"] and "A9_zoom_sr" in content["sentence"]


def test_native_pixels_change_the_answers_of_a_frozen_classifier(content):
    frozen = content["hallucination"]["frozen"]
    assert frozen["A14_zoom_native_test"]["control"] == "A8_zoom_bicubic"
    assert frozen["A14_zoom_native_test"]["flips"] > frozen["A14_zoom_sr_test"]["flips"]


def test_each_arm_is_in_the_table_with_its_cost(content, settings):
    with open(f"{settings['output_dir']}/ablation.csv") as file:
        rows = {row["arm"]: row for row in csv.DictReader(file)}
    assert set(rows) == set(content["arms"]) and "A10_zoom_regression" not in rows
    assert float(rows["A1_retrained"]["tokens"]) == 17 and float(rows["A8_zoom_bicubic"]["tokens"]) == 51
    assert float(rows["A8_zoom_bicubic"]["seconds"]) > 0
    assert content["labels"]["all"] == {"counted": LABELS, "left_out": []}


def test_the_endpoint_was_declared_and_cannot_be_changed_after_the_fact(content, settings):
    with open(f"{settings['output_dir']}/protocol.json") as file:
        assert json.load(file)["primary"]["arm"] == "A9_zoom_sr"
    with pytest.raises(ValueError, match=r"another protocol was declared here; expected the same label_groups"):
        run_workflow("ablation", overrides={**settings, "fine_labels": ["Large"]})


def test_a_second_run_computes_no_feature_again(content, settings, monkeypatch):
    def refuse(*_):
        raise AssertionError("a feature was computed again")

    monkeypatch.setattr(FrozenBackbone, "tokens", refuse)
    run_workflow("ablation", overrides=settings)
    with open(f"{settings['output_dir']}/ablation.json") as file:
        assert json.load(file) == content


def test_too_few_patients_or_seeds_give_no_verdict_in_mlflow_too(settings, content, tmp_path, monkeypatch):
    shown = []
    monkeypatch.setattr(Tracker, "describe", lambda _, text: shown.append(text))
    cache = {"cache_file": f"{settings['output_dir']}/features.sqlite", "attempts_dir": str(tmp_path / "attempts")}
    for changed, reason in (({"limit": 24}, "24 patients are too few"), ({"seeds": 2}, "2 seeds measure the chance")):
        out = tmp_path / next(iter(changed))
        run_workflow("ablation", overrides={**settings, **cache, **changed, "output_dir": str(out)})
        found = json.loads((out / "ablation.json").read_text())
        assert found["verdict"] == "no verdict" and found["sentence"].startswith(f"No verdict: {reason}")
        assert shown.pop() == found["sentence"] and not shown


def test_a_backbone_that_has_seen_the_films_is_refused(settings, seen, tmp_path):
    other = {**settings, "output_dir": str(tmp_path / "other")}
    with pytest.raises(ValueError, match=r"^backbone: .*seen: .*found 3 of 104; .*e\.g\. --backbone FOLDER"):
        run_workflow("ablation", overrides={**other, "backbone": str(seen)})
    with pytest.raises(ValueError, match=r"^fold_training: backbone: .*--fold_training \"\{backbone: FOLDER\}\""):
        run_workflow("ablation", overrides={**other, "backbone": str(seen), "learn": "finetune"})
    assert not (tmp_path / "other" / "protocol.json").exists()


def test_another_endpoint_on_the_same_data_shows_the_attempt_before_it(content, settings, tmp_path):
    assert content["earlier_attempts"] == []
    other = {
        "output_dir": str(tmp_path / "other"),
        "bootstrap": 100,
        "cache_file": f"{settings['output_dir']}/features.sqlite",
    }
    run_workflow("ablation", overrides={**settings, **other})
    (earlier,) = json.loads((tmp_path / "other" / "ablation.json").read_text())["earlier_attempts"]
    assert earlier["primary"] == {"arm": "A9_zoom_sr", "control": "A8_zoom_bicubic", "labels": "fine"}
    assert earlier["verdict"] == content["verdict"] and earlier["ci"] == content["primary"]["ci"]
    text = (tmp_path / "other" / "ablation.txt").read_text()
    assert "Earlier attempts on these data: 1" in text and f"fine labels: {content['verdict']}" in text


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("learn", "prob", "learn: not known"),
        ("bootstrap", 0, "bootstrap: expected at least 40 .*found 0"),
        ("zoom_size", 16, "zoom_size: only --learn finetune uses it; .*--learn probe, found 16"),
        ("fold_training", {"max_epochs": 2}, "fold_training: only --learn finetune uses it"),
        ("leave_out", ["A9_zoom_sr"], "A9_zoom_sr: the endpoint needs it"),
        ("leave_out", ["A99"], "leave_out: not known"),
        ("fine_labels", ["Fin"], "label_groups: fine: not known.*did you mean 'Fine'"),
        ("reference", "A1", "reference: not known"),
        ("arms::A9_zoom_sr", {"mode": "zoom", "training": {"conv_branch": True}}, "a probe trains no network"),
        ("sr_networks", {"ldm": "x"}, "sr_networks: 'ldm' is the name of an enhancer"),
        ("enhancer", "bicubik", "arms: A3_paste_sr: enhancer: not known.*did you mean 'bicubic'"),
    ],
)
def test_names_that_do_not_exist_are_refused(settings, tmp_path, key, value, message):
    with pytest.raises(ValueError, match=message):
        run_workflow("ablation", overrides={**settings, "output_dir": str(tmp_path / "other"), key: value})
    assert not (tmp_path / "other" / "protocol.json").exists()


def test_folds_of_the_probe_are_refused_where_networks_are_trained(settings, tmp_path):
    changed = {"output_dir": str(tmp_path / "other"), "learn": "finetune", "probe_folds": 3}
    with pytest.raises(ValueError, match=r"probe_folds: only --learn probe uses it; .*--learn finetune, found 3"):
        run_workflow("ablation", overrides={**settings, **changed})


def test_the_report_of_a_run_folder_shows_the_experiment(content, settings, tmp_path):
    text = _write_report(Path(settings["output_dir"]).parent, tmp_path / "report.html").read_text()
    assert "Earlier attempts on these data: none." in text
    assert content["sentence"] in text and "data:image/png" in text
    assert all(f'<th scope="row">{name}</th>' in text for name in content["arms"])
    assert "with the classifier of A8_zoom_bicubic" in text
