import csv
import io

import numpy as np
import pytest
from scripts.experiments.sr_evaluation.sr_summary import RadiographScores, csv_table, summarise, text_table


def rows(gain=0.5, images=12, patients=None):
    """Radiographs of very different difficulty; on all of them the second enhancer is better by about ``gain`` dB."""
    rng = np.random.default_rng(0)
    level, noise = rng.uniform(25, 40, images), 0.05 * rng.standard_normal(images)
    made = []
    for index in range(images):
        patient = index if patients is None else patients[index]
        for name, value in (("bicubic", level[index]), ("other", level[index] + gain + noise[index])):
            figures = {"psnr_truth_region": value, "consistency_min_db": 60.0 + index, "regions": 4, "edge_width": None}
            made.append(RadiographScores("512", name, index, patient, figures))
    return made


def test_interval_is_paired_by_image():
    found = summarise(rows(), replicates=500, seed=0)["512"]["other"]["psnr_truth_region"]
    low, high = found["interval"]
    assert 0.4 < low < found["difference"] < high < 0.6 and found["images"] == 12


def test_films_of_one_patient_do_not_narrow_the_interval():
    def width(patients):
        found = summarise(rows(patients=patients), replicates=2000, seed=0)["512"]["other"]["psnr_truth_region"]
        return np.ptp(found["interval"]) if found["interval"] else None

    assert width([index // 6 for index in range(12)]) != width(None)
    assert width([0] * 12) is None  # one patient has no interval


def test_worst_region_is_not_averaged_and_unknown_figures_stay_unknown():
    found = summarise(rows(), replicates=50, seed=0)["512"]["bicubic"]
    assert found["consistency_min_db"]["mean"] == 60
    assert found["edge_width"] == {"images": 0, "mean": None}
    assert "difference" not in found["psnr_truth_region"]


def test_radiograph_without_a_figure_is_left_out_of_the_pairs():
    made = rows()
    made[1].figures["psnr_truth_region"] = None
    found = summarise(made, replicates=50, seed=0)["512"]["other"]["psnr_truth_region"]
    assert found["images"] == 11 and found["difference"] == pytest.approx(0.5, abs=0.1)


def test_tables_hold_the_figures():
    summary = summarise(rows(), replicates=50, seed=0)
    lines = list(csv.DictReader(io.StringIO(csv_table(summary))))
    (line,) = [row for row in lines if (row["enhancer"], row["figure"]) == ("other", "psnr_truth_region")]
    found = summary["512"]["other"]["psnr_truth_region"]
    assert float(line["low"]) == found["interval"][0] and float(line["mean"]) == found["mean"]
    text = text_table(summary)
    assert "512: x4, 12 radiographs, 48 regions" in text and f"{found['difference']:+.3f} [" in text
