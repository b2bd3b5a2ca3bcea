"""A folder of trainings that several experiments share."""

import json

import pytest
from scripts.experiments.ablation.shared_trainings import check_shared


def test_another_experiment_adds_its_arms_and_keeps_those_of_the_first(tmp_path):
    path = tmp_path / "shared.json"
    check_shared(path, {"seeds": 3}, {"arms": {"plain": {"mode": "global"}}})
    check_shared(path, {"seeds": 3}, {"arms": {"zoom": {"mode": "zoom"}}, "enhancers": {"ldm": "aa"}})
    check_shared(path, {"seeds": 3}, {"arms": {"plain": {"mode": "global"}}})
    recorded = json.loads(path.read_text())
    assert set(recorded["arms"]) == {"plain", "zoom"} and recorded["enhancers"] == {"ldm": "aa"}


@pytest.mark.parametrize(
    ("settings", "parts", "found"),
    [
        ({"seeds": 4}, {}, "settings: seeds"),
        ({"seeds": 3}, {"arms": {"plain": {"mode": "zoom"}}}, "arms: plain"),
        ({"seeds": 3}, {"enhancers": {"ldm": "bb"}}, "enhancers: ldm"),
    ],
)
def test_what_differs_from_the_trainings_in_the_folder_is_named(settings, parts, found, tmp_path):
    path = tmp_path / "shared.json"
    check_shared(path, {"seeds": 3}, {"arms": {"plain": {"mode": "global"}}, "enhancers": {"ldm": "aa"}})
    before = path.read_text()
    with pytest.raises(ValueError, match=f"{found}; use another trainings_dir"):
        check_shared(path, settings, parts)
    assert path.read_text() == before
