import pytest
from scripts.experiments.ablation.protocol import Endpoint
from scripts.experiments.ablation.verdict import give_verdict

ENDPOINT = Endpoint("sr", "bicubic", "fine", ("random",))


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
        (row(-0.03, -0.01, "worse"), row(0.01, 0.03), [], "not supported"),
        (row(-0.02, 0.03, "undecided"), row(0.01, 0.03), [], "inconclusive"),
        ({"ci": None}, row(0.01, 0.03), [], "inconclusive"),
    ],
)
def test_a_claim_needs_its_control_every_other_explanation_and_no_alarm(primary, random, alarms, expected):
    found = give_verdict(ENDPOINT, primary, {"random": random}, alarms)
    assert found["verdict"] == expected
    assert found["sentence"].lower().startswith(expected)


def test_fewer_than_three_trainings_give_no_verdict():
    found = give_verdict(ENDPOINT, row(0.01, 0.03), {"random": row(0.01, 0.03)}, [], trainings=2)
    assert (
        found["verdict"] == "no verdict"
        and "chance of training was not measured with 2 of at least 3" in found["sentence"]
    )
    assert (
        give_verdict(ENDPOINT, row(0.01, 0.03), {"random": row(0.01, 0.03)}, [], trainings=3)["verdict"] == "supported"
    )


def test_the_sentence_says_what_was_not_surpassed():
    found = give_verdict(ENDPOINT, row(0.01, 0.03), {"random": row(-0.01, 0.03, "undecided")}, ["it invents"])
    assert "does not surpass random; it invents" in found["sentence"] and "80 % power" in found["sentence"]
