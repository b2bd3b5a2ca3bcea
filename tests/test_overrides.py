import random
from pathlib import Path

import pytest
from monai.bundle import ConfigParser
from scripts.overrides import as_data, check_former_names, parse_overrides

EXPRESSION = "$__import__('pathlib').Path('ran').touch()"


def test_values_are_typed():
    found = parse_overrides(["--max_epochs", "3", "--learning_rate=1e-5", "--backbone", "null", "--inputs", "[a, b]"])
    assert found == {"max_epochs": 3, "learning_rate": 1e-5, "backbone": None, "inputs": ["a", "b"]}


def test_a_repeated_model_is_a_list_and_any_other_option_counts_as_it_is_written_last():
    assert parse_overrides(["--model", "a", "--out", "x", "--model_dir=b", "--out", "y"]) == {
        "model_dir": ["a", "b"],
        "output_dir": "y",
    }
    assert parse_overrides(["--model", "[a, b]", "--model", "c"])["model_dir"] == ["a", "b", "c"]
    assert parse_overrides(["--model", "a"])["model_dir"] == "a"


@pytest.mark.parametrize("arguments", [["--max_epochs"], ["max_epochs", "3"]])
def test_half_an_override_is_refused(arguments):
    with pytest.raises(ValueError, match="expected --key value"):
        parse_overrides(arguments)


@pytest.mark.parametrize("text", ["{a", "[1, 2", "a: b: c", "'x", "@x: [", "\t- a"])
def test_what_is_no_yaml_is_rejected_with_its_key(text):
    with pytest.raises(ValueError, match=r"^--architecture: not YAML .* found "):
        parse_overrides(["--architecture", text])


def parsed(value):
    """The value itself, and a list, an argument and an expression that refer to it, as MONAI's parser resolves them."""
    config = {"value": as_data(value), "listed": ["@value"], "expression": "$[@value]"}
    parser = ConfigParser({**config, "argument": {"_target_": "builtins.dict", "it": "@value"}})
    resolved = (parser.get_parsed_content(key) for key in ("value", "listed", "argument", "expression"))
    value, listed, argument, expression = resolved
    return [value, *listed, argument["it"], *expression]


@pytest.mark.parametrize(
    "value",
    [
        EXPRESSION,
        "$import os",
        "@value",
        "%metadata.json::version",
        "@##value",
        "a#b",
        "it's \"$\\x\n\u00e9\udcf6%",
        "$'+str(1)+'",
        "_x",
        ["films", EXPRESSION],
        {"_target_": "os.system", "command": "false"},
        {"_disabled_": True, "nested": [{"_target_": "os.getcwd"}]},
        None,
        1e-5,
    ],
)
def test_data_pass_the_parser_unchanged_and_unevaluated(value, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert parsed(value) == [value] * 4
    assert list(tmp_path.iterdir()) == []


def test_random_texts_pass_the_parser_unchanged():
    generator = random.Random(0)
    for _ in range(500):
        text = "".join(generator.choices("$@%#:_'\"\\{}[]()\n .ax1\u00e9", k=generator.randint(1, 12)))
        assert parsed(text) == [text] * 4, repr(text)


def test_a_path_becomes_text_and_an_object_in_a_list_is_refused():
    assert parsed(Path("@films")) == ["@films"] * 4
    with pytest.raises(TypeError, match="a setting holds a object"):
        as_data([object()])


def test_a_former_name_is_said_and_never_beside_the_name(caplog):
    with caplog.at_level("WARNING"):
        check_former_names({"ldm": "outputs/sr"})
    assert "please write --sr_model" in caplog.text
    with pytest.raises(ValueError, match="expected one of them, found both"):
        check_former_names({"ldm": "outputs/sr", "sr_model": "outputs/sr"})
