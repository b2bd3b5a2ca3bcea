import pytest
from scripts.report.forest import difference_forest


def row(base, retrained, interval, **more):
    """Row of a comparison by the AUROC of each seed."""
    seeds = [
        {"seed": number, "base": first, "retrained": second, "difference": second - first}
        for number, (first, second) in enumerate(zip(base, retrained, strict=True))
    ]
    difference = sum(one["difference"] for one in seeds) / len(seeds)
    return {"difference": difference, "difference_ci": interval, "seeds": seeds, "n_positive": 20, **more}


COMPARISON = {
    "labels": {
        "Edema": row([0.7, 0.72], [0.8, 0.82], [0.05, 0.15]),
        "Mass": row([0.7, 0.7], [0.6, 0.6], [-0.2, -0.01], n_positive=3),
        "Hernia": {"difference": None, "difference_ci": None, "seeds": [], "n_positive": 0},
    },
    "macro": {"auroc": {"difference": 0.0, "difference_ci": [-0.1, 0.1]}},
    "seeds": row([0.7, 0.71], [0.7, 0.71], None)["seeds"],
    "interval_covers": "seeds and patients",
}


def test_rows_are_placed_on_one_axis_with_no_difference_in_the_middle():
    forest = difference_forest(COMPARISON)
    average, edema, mass = forest["rows"]
    assert average["name"] == "Average of the labels" and average["average"] and average["mean"] == forest["zero"] == 50
    assert [one["kind"] for one in forest["rows"]] == ["open", "better", "worse"]
    assert edema["high"] == 96 and edema["mean"] == pytest.approx(50 + 46 * 0.1 / 0.15, abs=0.01)
    assert edema["band"] == pytest.approx([50 - 46 * 0.02 / 0.15, 50 + 46 * 0.02 / 0.15], abs=0.01)  # its two seeds
    assert mass["band"] is None and mass["few"] and not edema["few"]
    assert edema["text"] == "+0.100 (+0.050 to +0.150)"
    assert [tick["text"] for tick in forest["ticks"]][2:5] == ["−0.05", "0", "+0.05"]


def test_a_label_of_few_cases_does_not_stretch_the_axis():
    mass = difference_forest(COMPARISON)["rows"][2]
    assert mass["low"] == 0 and 0 < mass["mean"] < 50 and mass["text"] == "−0.100 (−0.200 to −0.010)"


def test_a_single_training_has_neither_seeds_nor_a_spread_of_the_base():
    single = {**COMPARISON, "seeds": COMPARISON["seeds"][:1], "interval_covers": "patients"}
    forest = difference_forest(single)
    assert not forest["several"] and forest["covers"] == "patients"
    assert all(one["band"] is None and one["seeds"] == [] for one in forest["rows"])


def test_nothing_is_drawn_without_a_difference():
    assert difference_forest(None) is None
    empty = {
        "labels": {"Hernia": COMPARISON["labels"]["Hernia"]},
        "macro": {"auroc": {"difference": None}},
        "seeds": [],
    }
    assert difference_forest(empty) is None
