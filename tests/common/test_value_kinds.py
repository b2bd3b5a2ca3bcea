from scripts.common.value_kinds import Listed, Number


def test_an_expected_value_is_described():
    assert str(Number(0, 1, below=True)) == "a number of at least 0 and below 1"
    assert str(Number(0, above=True)) == "a number above 0"
    assert str(Number(1, whole=True, optional=True)) == "a whole number of at least 1 or null"
    assert str(Listed(Number(0), count=2, ascending=True)).startswith(
        "a list of 2 entries, each a number of at least 0"
    )
