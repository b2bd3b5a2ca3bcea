import csv
import io

import numpy as np
import pytest
from scripts.experiments.explaining.map_summary import MACRO, FindingScores, csv_table, summarise
from scripts.experiments.explaining.map_tables import text_table


def rows_of(method, hits, label="Mass", first=0, patients=None):
    return [
        FindingScores(
            method, label, first + i, (patients or range(first, first + len(hits)))[i], 0.9, {"hit_rate": float(value)}
        )
        for i, value in enumerate(hits)
    ]


def test_macro_weighs_labels_and_not_findings():
    rows = rows_of("rollout", [1] * 30) + rows_of("rollout", [0, 0], "Edema", 30)
    rows += rows_of("random", [0] * 30) + rows_of("random", [0, 0], "Edema", 30)
    found = summarise(rows, replicates=200, seed=0)["rollout"]
    assert found["Mass"]["hit_rate"]["mean"] == 1 and found["Edema"]["hit_rate"]["mean"] == 0
    assert found[MACRO]["hit_rate"]["mean"] == 0.5 and found[MACRO]["hit_rate"]["findings"] == 32
    assert found["Mass"]["hit_rate"]["minus"]["random"]["mean"] == 1
    assert found["Mass"]["hit_rate"]["minus"]["random"]["interval"] == [1, 1]


def test_intervals_draw_patients_and_not_images():
    hits = [1, 0] * 20
    alone = summarise(rows_of("rollout", hits), replicates=500, seed=0)["rollout"]["Mass"]["hit_rate"]
    same = [i % 2 for i in range(40)]  # two patients: one always hit, one never
    two = summarise(rows_of("rollout", hits, patients=same), replicates=500, seed=0)["rollout"]["Mass"]["hit_rate"]
    assert alone["mean"] == two["mean"] == 0.5
    assert np.ptp(alone["interval"]) == pytest.approx(0.31, abs=0.05)  # 2 * 1.96 * sqrt(0.25 / 40)
    assert two["interval"] == [0, 1]


def test_one_patient_has_no_interval():
    rows = rows_of("cam", [1, 1, 0], patients=[5, 5, 5]) + rows_of("cam", [0, 1], "Edema", 3)
    found = summarise(rows, replicates=100, seed=0)["cam"]
    assert found["Mass"]["hit_rate"]["interval"] is None and found["Edema"]["hit_rate"]["interval"] == [0, 1]


def test_a_difference_is_paired():
    """Both hit the same findings, but one that the control misses: half of the spread of the two cancels."""
    rng = np.random.default_rng(0)
    control = (rng.random(200) < 0.5).astype(int)
    method = control.copy()
    method[np.flatnonzero(control == 0)[:20]] = 1
    found = summarise(rows_of("cam", method) + rows_of("centre", control), replicates=500, seed=0)["cam"]["Mass"]
    difference = found["hit_rate"]["minus"]["centre"]
    assert difference["mean"] == pytest.approx(0.1) and difference["interval"][0] > 0.05
    assert np.ptp(difference["interval"]) < 0.7 * np.ptp(found["hit_rate"]["interval"])


def test_a_label_without_a_training_prior_has_no_difference_to_it():
    rows = rows_of("cam", [1, 0]) + rows_of("cam", [1, 1], "Edema", 2)
    rows += rows_of("training_prior", [0, 0]) + rows_of("random", [0, 0]) + rows_of("random", [0, 0], "Edema", 2)
    found = summarise(rows, replicates=100, seed=0)["cam"]
    assert "training_prior" not in found["Edema"]["hit_rate"]["minus"]
    assert found["Mass"]["hit_rate"]["minus"]["training_prior"]["mean"] == 0.5
    # Where one label has no prior, its macro is that of the others.
    assert found[MACRO]["hit_rate"]["minus"]["training_prior"]["mean"] == 0.5


def test_each_method_is_compared_with_the_mean_map_of_its_own():
    rows = (
        rows_of("cam", [1, 0])
        + rows_of("mean_map:cam", [0, 0])
        + rows_of("rollout", [1, 1])
        + rows_of("random", [0, 0])
    )
    found = summarise([*rows, *rows_of("mean_map:rollout", [1, 0])], replicates=50, seed=0)
    assert found["cam"]["Mass"]["hit_rate"]["minus"]["mean_map"]["mean"] == 0.5
    assert found["rollout"]["Mass"]["hit_rate"]["minus"]["mean_map"]["mean"] == 0.5
    assert found["mean_map:cam"]["Mass"]["hit_rate"]["minus"] == {}


def test_tables_have_every_method_and_label():
    rows = rows_of("cam", [1, 0]) + rows_of("random", [0, 0]) + rows_of("cam", [1], "Edema", 2)
    summary = summarise([*rows, *rows_of("random", [0], "Edema", 2)], replicates=100, seed=0)
    lines = list(csv.DictReader(io.StringIO(csv_table(summary))))
    assert {(line["method"], line["label"]) for line in lines} == {
        (method, label) for method in ("cam", "random") for label in ("Mass", "Edema", MACRO)
    }
    (line,) = [line for line in lines if (line["method"], line["label"]) == ("cam", "Mass")]
    assert float(line["mean"]) == 0.5 and float(line["minus_random"]) == 0.5 and line["minus_centre"] == ""
    randomised = {"cam": {"head": 0.1, "last third": None, "last two thirds": 0.2, "all blocks": 0.0}}
    text = text_table(summary, randomised, {"cam": {"mean_map_correlation": None, "constant_spot": 0.25}})
    assert "0.25" in text and "Mass (2)" in text and "Edema (1)" in text and "+0.75" in text and "–" in text


def test_label_is_no_formula_in_the_table():
    summary = summarise(rows_of("last_cls", [1.0, 0.0], label="=1+1"), replicates=5, seed=0)
    assert {row["label"] for row in csv.DictReader(io.StringIO(csv_table(summary)))} == {"'=1+1", MACRO}
