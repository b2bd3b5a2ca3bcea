import pytest
from scripts.data.attributes import direction_of, is_blank, read_age, read_sex, read_view


@pytest.mark.parametrize(
    ("text", "years"),
    [
        ("58", 58), ("058Y", 58), ("58 years", 58), ("006M", 0.5), ("6 months", 0.5), ("58 Jahre", 58), ("026W", 0.498),
        ("073D", 0.2),
        ("45.5", 45.5), ("45,5", 45.5), ("0", 0), ("120", 120), (" 7y ", 7), ("", None), ("nan", None), ("NA", None),
        ("unknown", None),
    ],
)  # fmt: skip
def test_ages(text, years):
    assert read_age(text) == (None if years is None else pytest.approx(years, abs=1e-3))


@pytest.mark.parametrize("text", ["412", "-5", "414Y", "x", "58Z", "5 8", "1e1", "inf", "1,234.5"])
def test_an_impossible_age_is_no_age(text):
    with pytest.raises(ValueError, match="an age from 0 to 120 years"):
        read_age(text)


def test_sexes():
    assert [read_sex(text) for text in ("m", "male", "M", "f", "Female", " F ", "W", "O", "", "Unknown", "nan")] == [
        "M", "M", "M", "F", "F", "F", "F", None, None, None, None,
    ]  # fmt: skip
    with pytest.raises(ValueError, match="M, male, F"):
        read_sex("1")


@pytest.mark.parametrize(
    ("text", "view"),
    [
        ("PA", "PA"), ("pa", "PA"), ("p.a.", "PA"), ("PA erect", "PA"), ("POSTEROANTERIOR", "PA"), ("AP", "AP"),
        ("AP_horizontal", "AP"), ("AP_SUPINE", "AP"), ("AP AXIAL", "AP"), ("antero-posterior", "AP"),
        ("Frontal", "FRONTAL"), ("LATERAL", "OTHER"), ("LL", "OTHER"), ("AP LLD", "OTHER"), ("PA OBL", "OTHER"),
        ("PALAT", "OTHER"), ("L", "OTHER"), ("", None), ("UNKNOWN", None), ("NONE", None), ("SUPINE", None),
    ],
)  # fmt: skip
def test_views(text, view):
    assert read_view(text) == view
    assert direction_of(text) == (view if view in ("PA", "AP") else None)


def test_blanks():
    assert all(is_blank(text) for text in ("", " ", "NaN", "NA", "n/a", "None", "null"))
    assert not any(is_blank(text) for text in ("0", "-", "unknown", "?"))
