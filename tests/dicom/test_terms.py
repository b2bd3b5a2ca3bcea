import pytest
from scripts.dicom import read_header
from scripts.dicom.terms import (
    _BODY_PART_TERMS,
    PHOTOMETRIC_TERMS,
    modality_terms,
    shown_body_part,
    shown_number,
    shown_terms,
    shown_uid,
    shown_view,
)
from scripts.dicom.words import CHEST_WORDS

from .synthetic import make_dataset, picture, save


def test_terms_are_quoted():
    assert [shown_terms(value, modality_terms()) for value in ("DX", "CT", "RTPLAN", "SC", "PR")] == [
        "DX", "CT", "RTPLAN", "SC", "PR",
    ]  # fmt: skip
    assert shown_terms("PALETTE COLOR", PHOTOMETRIC_TERMS) == "PALETTE COLOR"
    assert [shown_view(value) for value in ("PA", "LL", "AP AXIAL", "['PA', 'LL']", None)] == [
        "PA", "LL", "AP AXIAL", "['PA', 'LL']", None,
    ]  # fmt: skip
    assert [shown_body_part(value) for value in ("CHEST", "KNEE", "THORAX PA/LAT", None)] == [
        "CHEST", "KNEE", "THORAX PA/LAT", None,
    ]  # fmt: skip
    assert set(CHEST_WORDS) <= _BODY_PART_TERMS


@pytest.mark.parametrize(
    "name", ["MUELLER^ANNA", "DOE JOHN", "SMITH", "19500101", "PA MUELLER", "CHEST OF J. DOE", "^^", "PA 19500101"]
)
def test_nothing_else_is_quoted(name):
    shown = [shown_terms(name, modality_terms()), shown_view(name), shown_body_part(name), shown_uid(name)]
    assert not any(part in text for text in filter(None, shown) for part in ("MUELLER", "DOE", "SMITH", "1950", "^"))


def test_what_the_gate_goes_by_is_left_of_a_longer_text():
    assert (shown_view("PA MUELLER"), shown_body_part("MUELLER, CHEST")) == ("PA", "CHEST")


def test_numbers_and_uids():
    assert [shown_number(value) for value in (16, 1.5, None, "DOE JOHN", [8, 16])] == [
        "16", "1.5", "none", "no number", "no number",
    ]  # fmt: skip
    assert shown_uid("1.2.840.10008.5.1.4.1.1.2") == "CT Image Storage" and "1.2.3" not in shown_uid("1.2.3.4")


def test_meta_of_a_huge_value_is_short(tmp_path):
    huge = make_dataset(picture(), ViewPosition="X" * 60_000, BodyPartExamined="PA " * 20_000)
    meta, _ = read_header(save(huge, tmp_path / "x.dcm"))
    assert len(str(meta)) < 600
