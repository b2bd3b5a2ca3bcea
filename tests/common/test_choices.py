import pytest
from scripts.common.choices import check_choice


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
