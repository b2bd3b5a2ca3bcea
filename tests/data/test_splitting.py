import numpy as np
import pytest
from scripts.data.splitting import assert_no_leak, split_by_patient, split_sha256


def items(number=1000, patients=400, seed=0):
    generator = np.random.default_rng(seed)
    owners = generator.integers(patients, size=number)
    labels = (generator.random((number, 3)) < [0.05, 0.2, 0.5]).astype(float)
    labels[generator.random((number, 3)) < 0.1] = np.nan
    return [
        {"image": f"{k}.png", "patient_id": f"p{owner}", "label": label.tolist()}
        for k, (owner, label) in enumerate(zip(owners, labels, strict=True))
    ]


def test_patient_disjoint_complete_and_near_the_fractions():
    data = items()
    splits = split_by_patient(data, seed=0)
    owners = [{item["patient_id"] for item in splits[name]} for name in ("training", "validation", "test")]
    assert not (owners[0] & owners[1] or owners[0] & owners[2] or owners[1] & owners[2])
    assert sorted(item["image"] for split in splits.values() for item in split) == sorted(i["image"] for i in data)
    shares = [len(splits[name]) / len(data) for name in ("training", "validation", "test")]
    np.testing.assert_allclose(shares, (0.7, 0.1, 0.2), atol=0.02)


def test_deterministic_by_seed_and_independent_of_order():
    data = items()
    first, shuffled = split_by_patient(data, seed=1), split_by_patient(data[::-1], seed=1)
    assert split_sha256(first) == split_sha256(shuffled)
    assert split_sha256(first) != split_sha256(split_by_patient(data, seed=2))


def test_prevalence_is_balanced_better_than_by_chance():
    data = items()

    def spread(splits):
        rates = [np.nanmean([item["label"] for item in split], axis=0) for split in splits.values()]
        return np.ptp(rates, axis=0).sum()

    chance = []
    for seed in range(20):
        order = np.random.default_rng(seed).permutation(len(data))
        cuts = np.split(order, [700, 800])
        chance.append(spread({k: [data[i] for i in cut] for k, cut in enumerate(cuts)}))
    assert spread(split_by_patient(data, seed=0)) < np.median(chance)


@pytest.mark.parametrize("fractions", [(0.5, 0.5), (0.7, 0.2, 0.2), (1.2, -0.1, -0.1)])
def test_fractions_that_are_no_split(fractions):
    with pytest.raises(ValueError, match="fractions"):
        split_by_patient(items(10), seed=0, fractions=fractions)


def test_empty_and_zero_shares():
    assert split_by_patient([], seed=0) == {"training": [], "validation": [], "test": []}
    assert len(split_by_patient(items(50), seed=0, fractions=(1, 0, 0))["training"]) == 50
    assert len(split_by_patient(items(50), seed=0, fractions=(0, 0, 1))["test"]) == 50


def test_leaks_are_named(tmp_path):
    for name, content in (("a.png", b"same"), ("b.png", b"same"), ("c.png", b"other")):
        (tmp_path / name).write_bytes(content)

    def item(patient, name, **more):
        return {"patient_id": patient, "image": str(tmp_path / name), **more}

    assert_no_leak(
        {"training": [item("p1", "a.png"), item("p1", "b.png")], "test": [item("p2", "c.png")]}, hash_files=True
    )
    with pytest.raises(ValueError, match=r"same patient in two splits.*patient p1"):
        assert_no_leak({"training": [item("p1", "a.png")], "test": [item("p1", "c.png")]})
    twins = {"training": [item("p1", "a.png")], "test": [item("p2", "b.png")]}
    assert_no_leak(twins)
    with pytest.raises(ValueError, match=r"file content.*a\.png.*b\.png"):
        assert_no_leak(twins, hash_files=True)
    with pytest.raises(ValueError, match="SOP instance"):
        assert_no_leak({"training": [item("p1", "a.png", sop_uid="u")], "test": [item("p2", "c.png", sop_uid="u")]})
    with pytest.raises(ValueError, match="same image"):
        assert_no_leak({"training": [item("p1", "a.png")], "test": [item("p2", "a.png")]})
