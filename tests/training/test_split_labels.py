import math

import pytest
from scripts.data.datalist import Datalist
from scripts.data.label_policy import LabelPolicy
from scripts.training import check_labels_of_splits

LABELS = ["Edema", "Mass"]
GOOD = [[1.0, 0.0], [0.0, 0.0]]
BLANK = [[math.nan, math.nan]] * 2


def check(training, validation, labels=LABELS, **policy):
    items = {
        name: [{"image": "x", "label": label} for label in values]
        for name, values in (("training", training), ("validation", validation))
    }
    check_labels_of_splits(Datalist(labels, {**items, "test": []}), LabelPolicy(labels, **policy))


def test_one_label_with_both_classes_is_enough():
    check(GOOD, GOOD)
    check([[math.nan, 1.0]], GOOD)


@pytest.mark.parametrize(
    ("training", "validation", "message"),
    [
        (GOOD, [[0.0, 0.0], [0.0, 0.0]], "validation: no model can be selected; expected a label with positive"),
        (GOOD, [[1.0, 0.0], [1.0, 0.0]], "validation: no model"),
        (GOOD, [[1.0, 0.0], [math.nan, math.nan]], "validation: no model"),
        (GOOD, [[1.0, 0.0], [-1.0, 0.0]], "validation: no model"),
        (GOOD, BLANK, "validation: no model"),
        (BLANK, GOOD, "training: no image has a label"),
        ([[-1.0, -1.0]], GOOD, "training: no image has a label"),
        ([], GOOD, "training: the split is empty"),
        (GOOD, [], "validation: the split is empty"),
    ],
)
def test_splits_that_give_no_model_are_rejected(training, validation, message):
    with pytest.raises(ValueError, match=message):
        check(training, validation)


def test_a_datalist_without_labels_is_rejected():
    with pytest.raises(ValueError, match="labels: nothing to train"):
        check([[]], [[]], labels=[])


def test_a_policy_that_uses_uncertain_or_blank_labels_gives_targets():
    check([[-1.0, -1.0]], GOOD, uncertain="ones")
    check(BLANK, GOOD, blank="zeros")


def test_blank_labels_that_are_measured_as_absent_are_negative():
    items = [{"image": "x", "label": [1.0, math.nan]}, {"image": "y", "label": [math.nan, math.nan]}]
    datalist = Datalist(LABELS, {"training": items, "validation": items, "test": []})
    check_labels_of_splits(datalist, LabelPolicy(LABELS), "zeros")
