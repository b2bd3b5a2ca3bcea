import json

import pytest
from scripts.experiments.explaining.map_summary import FindingScores, summarise
from scripts.report.map_section import coverage_sentences, map_section
from scripts.report.report import _write_report

from .test_report import HISTORY

LABELS = ("Mass", "<b>Nodule</b>")


def explanation(method=0.9, mean_map=0.2):
    """Content of explanation.json for 20 findings, of which the method and its mean map cover these shares."""
    rows = []
    for number in range(20):
        for name, share in (("patch_logits", method), ("mean_map:patch_logits", mean_map), ("random", 0.2)):
            covered = float(number % 10 < 10 * share)
            figures = dict.fromkeys(("hit_rate", "near_hit_rate", "coverage_2"), covered)
            rows.append(FindingScores(name, LABELS[number // 10], number, number, 0.5, figures))
    dependence = {"patch_logits": {"mean_map_correlation": 0.41, "constant_spot": 0.12}}
    settings = {"methods": ["patch_logits"], "region_counts": [2]}
    return {
        "settings": settings,
        "summary": summarise(rows, replicates=200, seed=0),
        "film_dependence": dependence,
    }


def test_regions_that_beat_the_mean_map_follow_the_film():
    first, second = coverage_sentences(explanation())
    assert "2 regions by the maps patch_logits contain the centre of 0.90" in first
    assert "0.20 on the mean map of other patients" in first and "0.20 at random" in first
    assert second.startswith("The regions follow the film: the difference from the mean map is +0.70")


def test_equal_regions_are_no_evidence():
    sentence = coverage_sentences(explanation(method=0.3, mean_map=0.3))[1]
    assert sentence.startswith("It is not shown that the regions follow the film")


def test_a_run_without_controls_states_its_own_coverage():
    content = explanation()
    for name in ("mean_map:patch_logits", "random"):
        del content["summary"][name]
    content["summary"]["patch_logits"]["macro"]["coverage_2"]["minus"] = {}
    (sentence,) = coverage_sentences(content)
    assert sentence.endswith("of the annotated findings.")


def test_tables_name_controls_and_labels():
    section = map_section(explanation())
    assert section["columns"][-1:] == ["In 2 regions"]
    assert [row["name"] for row in section["rows"]] == [
        "patch_logits",
        "control: mean map of patch_logits",
        "control: random",
    ]
    assert section["rows"][0]["correlation"] == pytest.approx(0.41) and section["rows"][1]["correlation"] is None
    assert {row["name"]: row["findings"] for row in section["labels"]} == {LABELS[0]: 10, LABELS[1]: 10}


def test_the_report_shows_the_section(tmp_path):
    (tmp_path / "base").mkdir()
    (tmp_path / "base" / "history.csv").write_text(HISTORY)
    (tmp_path / "explanation").mkdir()
    (tmp_path / "explanation" / "explanation.json").write_text(json.dumps(explanation()))
    text = _write_report(tmp_path).read_text()
    assert "The regions follow the film" in text and "control: mean map of patch_logits" in text
    assert "&lt;b&gt;Nodule" in text and "<b>Nodule" not in text
