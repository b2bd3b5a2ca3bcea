import pytest
from scripts.plain_components import NeedsMonaiError, PlainComponents

REGION = "scripts.super_resolution.regions.Region"
CONFIG = {
    "size": 3,
    "same": "@size",
    "twice": "$2 * @size + @same",
    "listed": ["@size", "text", {"nested": "@twice"}],
    "box": {"_target_": REGION, "row0": 0, "col0": 0, "row1": "@size", "col1": 4, "score": 0.5},
    "also": "@box",
    "folder": "data",
}


def test_references_expressions_and_components_are_read_as_monai_does():
    parts = PlainComponents(CONFIG, {})
    assert parts.get("same") == 3 and parts.get("twice") == 9
    assert parts.get("listed") == [3, "text", {"nested": 9}]
    assert parts.get("box").box == (0, 0, 3, 4) and parts.get("also") is parts.get("box")


@pytest.mark.parametrize("text", ["$1 / 0", "@size", "%metadata.json", "$__import__('os').getcwd()"])
def test_data_are_never_evaluated(text):
    parts = PlainComponents({**CONFIG, "path": "@folder", "joined": "$@folder + '/x'"}, {"folder": text})
    assert parts.get("path") == text and parts.get("joined") == text + "/x"


@pytest.mark.parametrize(
    "value",
    [
        "%train.yaml::size",
        "@box::row0",
        "@##size",
        "$@box::row0 + 1",
        "$np.zeros(3)",
        "$import os",
        "@missing",
        {"_target_": "Compose", "transforms": []},
        {"_target_": REGION, "_disabled_": True},
    ],
)
def test_what_only_monai_reads_is_left_to_it(value):
    with pytest.raises(NeedsMonaiError):
        PlainComponents({**CONFIG, "value": value}, {}).get("value")


def test_an_error_of_a_component_reaches_the_caller():
    config = {"loaded": {"_target_": "scripts.networks.load_vit_multilabel", "folder": "nowhere"}}
    with pytest.raises(FileNotFoundError, match="nowhere"):
        PlainComponents(config, {}).get("loaded")
