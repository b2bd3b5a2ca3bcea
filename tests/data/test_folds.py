import numpy as np
import pytest
from scripts.data.datalist import Datalist
from scripts.data.folds import fold_numbers, without_folds


def make(patients):
    items = [{"image": f"{n}.png", "label": [0], "patient_id": patient} for n, patient in enumerate(patients)]
    return Datalist(["a"], {"training": items, "validation": [], "test": []})


def test_each_patient_is_left_out_once_with_all_films():
    datalist = make(["a", "a", "b", "c", "d", "d", "e"])
    everything = {item["image"] for item in datalist.splits["training"]}
    left_out = []
    for fold in without_folds(datalist, 3):
        kept = {item["image"]: item["patient_id"] for item in fold.splits["training"]}
        missing = everything - set(kept)
        assert missing and not {
            item["patient_id"] for item in datalist.splits["training"] if item["image"] in missing
        } & {*kept.values()}
        left_out += missing
    assert sorted(left_out) == sorted(everything)


def test_the_sizes_of_folds_differ_by_one_patient_at_most():
    counts = np.bincount(fold_numbers(np.arange(10), 3, seed=0))
    assert sorted(counts) == [3, 3, 4]


def test_fewer_patients_than_folds_are_refused():
    with pytest.raises(ValueError, match=r"folds: .*each of the 3 folds, found 2 patients"):
        list(without_folds(make(["a", "a", "b"]), 3))
