import math

import pytest
import yaml
from scripts.common.setting_checks import SETTINGS, check_settings
from scripts.workflow import CONFIG_DIR

CONFIGS = sorted(CONFIG_DIR.glob("*.yaml"))


def settings_of(path):
    """Settings of a configuration that are values, without its components."""
    loaded = yaml.safe_load(path.read_text())
    return {key: value for key, value in loaded.items() if key.isidentifier() and key not in ("initialize", "run")}


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.name)
def test_every_number_flag_and_list_among_the_settings_is_checked_and_its_default_allowed(path):
    values = settings_of(path)
    plain = {
        key for key, value in values.items() if isinstance(value, int | float) or (value and isinstance(value, list))
    }
    not_settings = {"handlers", "secondary", "finalize", "save_execute_config"}
    assert plain - set(SETTINGS) - not_settings == set()
    check_settings(values)


@pytest.mark.parametrize(
    ("key", "values"),
    [
        ("learning_rate", [-1, -1e-9, 1.5, "1,5e-4", "fast", None, True, math.nan, math.inf, [1e-4]]),
        ("ema_decay", [1, 1.5, -0.1]),
        ("flip_probability", [5, -0.1, "half"]),
        ("max_epochs", [1.5, 0, -1, 3.0, "3", None, True]),
        ("patience", [None, 0, 2.5]),
        ("window", [0, -64, 64.5]),
        ("region_count", [-1, 0]),
        ("limit", [-1, 0, 1.5]),
        ("steps", [0, -10, 9.5]),
        ("seed", [-1, 0.5, 2**32]),
        ("bootstrap", [-1, 0.5, 1, 39]),
        ("batch_size", [0, -8]),
        ("num_workers", [-1]),
        ("dry_run", ["maybe", 1, None]),
        ("split", ["val", "train", None, 3]),
        ("device", ["cuda:99", "gpu", "cpu:x", None, 3]),
        ("inputs", ["film.png", [3], None]),
        ("model_dir", [3, None, [], ["a", 3]]),
        ("test_time_shift", [-0.03, 0.5, "0,03", True]),
        ("test_time_scale", [-0.03, 3]),
        ("folds", [1, 2.5]),
        ("fold", [-1, "all"]),
        ("sizes", [[0], 512, [1024, "x"], None]),
        ("gains", [[2.0], 0.5]),
        ("blur", [[0.5, 0.2], [0.2], [-1, 1], None]),
        ("photons", [[0, 5]]),
        ("train::trainer::max_epochs", [1.5, 0]),
        ("train#trainer#max_epochs", [1.5]),
    ],
)
def test_values_out_of_range_are_rejected_with_their_key(key, values):
    for value in values:
        with pytest.raises(ValueError, match=rf"^{key}: .*expected .*found "):
            check_settings({key: value})


def test_an_interval_has_enough_replicates_or_is_left_out():
    check_settings({"bootstrap": 0})
    check_settings({"bootstrap": 40})
    with pytest.raises(ValueError, match="expected a whole number of at least 40, or 0, found 39"):
        check_settings({"bootstrap": 39})


@pytest.mark.parametrize(
    "values",
    [
        {"loss_options": {"gamma_negative": -1}},
        {"training": {"max_epochs": 1.5}},
        {"primary": {"margin": -0.1}},
    ],
)
def test_nested_settings_are_checked_too(values):
    ((outer, inner),) = values.items()
    with pytest.raises(ValueError, match=f"^{outer}: {next(iter(inner))}: not allowed"):
        check_settings(values)


def test_a_decimal_comma_is_explained():
    with pytest.raises(ValueError, match=r"found '1,5e-4'; write numbers with a decimal point"):
        check_settings({"learning_rate": "1,5e-4"})


def test_bounds_expressions_and_unknown_keys_pass():
    check_settings({"learning_rate": 0, "flip_probability": 1, "max_epochs": 1, "limit": None, "sizes": [None, 4]})
    check_settings({"image_size": "$@base.image_size", "inputs": ["@dataset_dir"], "batch_size": "@n", "other": -1})
    check_settings({"device": "cpu", "gain": None, "gains": [0.5, 1], "warmup_epochs": 0.5})
