import pytest
from scripts.experiments.ablation.protocol import Endpoint
from scripts.experiments.ablation.verdict import give_verdict

ENDPOINT = Endpoint("sr", "bicubic", "fine", ("random",))


ENOUGH = {"seeds": 3, "patients": 30}


def row(low, high, word="better", equivalent=False):
    return {"difference": (low + high) / 2, "ci": [low, high], "detectable": 0.01, "word": word,
            "equivalent": equivalent}  # fmt: skip


@pytest.mark.parametrize(
    ("primary", "random", "alarms", "expected"),
    [
        (row(0.01, 0.03), row(0.01, 0.03), [], "supported"),
        (row(0.01, 0.03), row(-0.01, 0.03, "undecided"), [], "not supported"),
        (row(0.01, 0.03), row(0.01, 0.03), ["it invents"], "not supported"),
        (row(-0.004, 0.004, "equivalent", True), row(0.01, 0.03), [], "not supported"),
        (row(-0.02, 0.03, "undecided"), row(0.01, 0.03), [], "inconclusive"),
    ],
)
def test_a_claim_needs_its_control_every_other_explanation_and_no_alarm(primary, random, alarms, expected):
    found = give_verdict(ENDPOINT, primary, {"random": random}, alarms, **ENOUGH)
    assert found["verdict"] == expected
    assert found["sentence"].lower().startswith(expected)


@pytest.mark.parametrize(
    ("primary", "numbers", "reason"),
    [
        (row(0.01, 0.03), {"patients": 29}, "29 patients are too few to compare two models, expected at least 30"),
        (row(0.01, 0.03), {"seeds": 1}, "the chance of training was not measured"),
        (row(0.01, 0.03), {"seeds": 2}, "2 seeds measure the chance of training too coarsely, expected at least 3"),
        ({"difference": None, "ci": None}, {}, "no label of the group fine has two patients with the finding"),
        ({"difference": 0.02, "ci": None}, {}, "there is no interval, because bootstrap is too small"),
    ],
)
def test_there_is_no_verdict_without_the_numbers_it_needs_and_the_reason_is_named(primary, numbers, reason):
    found = give_verdict(ENDPOINT, primary, {"random": row(0.01, 0.03)}, [], **{**ENOUGH, **numbers})
    assert found["verdict"] == "no verdict" and found["sentence"].startswith(f"No verdict: {reason}")


def test_an_arm_below_its_control_is_worse_even_within_the_margin():
    for equivalent in (False, True):
        found = give_verdict(ENDPOINT, row(-0.004, -0.001, "worse", equivalent), {}, [], **ENOUGH)
        assert found["verdict"] == "worse" and found["sentence"].startswith("Not supported (worse than bicubic): sr")


def test_the_sentence_says_what_was_not_surpassed():
    found = give_verdict(ENDPOINT, row(0.01, 0.03), {"random": row(-0.01, 0.03, "undecided")}, ["it invents"], **ENOUGH)
    assert "does not surpass random; it invents" in found["sentence"] and "80 % power" in found["sentence"]
