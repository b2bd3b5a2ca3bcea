import pytest
from scripts.common.choices import check_choice, check_keys


def test_a_name_that_exists_passes():
    check_choice("pool", "cls", ["cls", "cls_mean"])


def test_another_one_is_named_beside_the_choices_and_the_nearest():
    with pytest.raises(ValueError, match=r"pool: not known; expected one of cls, label_tokens, found .clss.; .*cls"):
        check_choice("pool", "clss", ["cls", "label_tokens"])


@pytest.mark.parametrize("value", [None, 3, ["cls"], "x\ny" * 1000])
def test_a_value_of_any_kind_is_quoted_on_one_short_line(value):
    with pytest.raises(ValueError, match="pool: not known") as error:
        check_choice("pool", value, ["cls"])
    assert "\n" not in str(error.value) and len(str(error.value)) < 200


def test_many_choices_are_not_listed():
    with pytest.raises(ValueError, match="expected a name that exists, found 'k99'; did you mean 'k9'"):
        check_choice("--k", "k99", (f"k{number}" for number in range(50)))


def test_keys_of_nested_settings():
    check_keys("architecture", {}, [])
    check_keys("architecture", {"hidden_size": 48}, ["hidden_size", "patch_size"])
    message = r"architecture: key: not known; .* found 'hidden_siz'; did you mean 'hidden_size'\?"
    with pytest.raises(ValueError, match=message):
        check_keys("architecture", {"hidden_siz": 48}, ["hidden_size", "patch_size"])


@pytest.mark.parametrize("value", ["hidden_size", ["hidden_size"], 3, None])
def test_nested_settings_are_keys_and_values(value):
    with pytest.raises(ValueError, match="architecture: not nested settings"):
        check_keys("architecture", value, ["hidden_size"])
