import numpy as np
import pytest
from scripts.experiments.ablation.protocol import Endpoint, declare, plan_fits

SPLITS = np.array(["training"] * 12 + ["validation"] * 3 + ["test"] * 6)
PATIENTS = np.arange(21) // 3


def test_a_resample_teaches_from_training_patients_only_and_judges_the_test():
    (fit,) = plan_fits(SPLITS, PATIENTS, 0, None)
    assert fit.weights[12:].sum() == 0 and fit.weights.sum() == 12
    assert (fit.evaluated == (SPLITS == "test")).all()
    assert all(len(set(fit.weights[PATIENTS == patient])) == 1 for patient in range(4))  # whole patients
    assert not np.array_equal(fit.weights, plan_fits(SPLITS, PATIENTS, 1, None)[0].weights)


def test_folds_judge_every_case_once_and_by_other_patients():
    fits = plan_fits(SPLITS, PATIENTS, 0, 3)
    assert (np.sum([fit.evaluated for fit in fits], axis=0) == 1).all()
    for fit in fits:
        assert not set(PATIENTS[fit.weights > 0]) & set(PATIENTS[fit.evaluated])


def test_an_endpoint_is_declared_once(tmp_path):
    endpoint = Endpoint("a", "b", "fine")
    declare(tmp_path / "protocol.json", endpoint, {"seed": 0})
    declare(tmp_path / "protocol.json", endpoint, {"seed": 0})
    with pytest.raises(ValueError, match="the same primary, found others"):
        declare(tmp_path / "protocol.json", Endpoint("a", "c", "fine"), {"seed": 0})


def test_a_margin_above_what_is_worthwhile_is_refused():
    with pytest.raises(ValueError, match="0 < margin <= worthwhile"):
        Endpoint("a", "b", "fine", margin=0.02)
