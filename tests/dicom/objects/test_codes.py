import pytest
from pydicom.sr import _concepts_dict
from scripts.dicom.objects.codes import _FINDING_CODES, PRIVATE_SCHEME, finding_code


def published(scheme: str) -> dict[str, set[str]]:
    """Code value -> meanings, as pydicom has them from PS3.16."""
    meanings: dict[str, set[str]] = {}
    for codes in _concepts_dict.concepts[scheme].values():
        for value, (meaning, _) in codes.items():
            meanings.setdefault(value, set()).add(meaning)
    return meanings


@pytest.mark.parametrize("code", _FINDING_CODES.values(), ids=lambda code: code.meaning)
def test_code_that_dicom_publishes_has_its_published_meaning(code):
    meanings = published(code.scheme_designator)
    assert code.meaning in meanings.get(code.value, {code.meaning})


def test_these_findings_have_codes_of_ps3_16():
    in_dicom = {label for label, code in _FINDING_CODES.items() if code.value in published(code.scheme_designator)}
    assert in_dicom == {"Edema", "Infiltration", "Lung Opacity", "Mass", "Nodule", "Pleural Effusion", "Pneumothorax"}


def test_snomed_codes_have_a_right_check_digit():
    """SCTIDs end with a Verhoeff check digit: a mistyped code shows."""
    for code in _FINDING_CODES.values():
        if code.scheme_designator == "SCT":
            assert verhoeff(code.value) == 0, code


def verhoeff(digits: str) -> int:
    """0 when the last digit checks the others (dihedral group of order 10)."""
    permutation = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]
    step = [1, 5, 7, 6, 2, 8, 3, 0, 9, 4]
    check = 0
    for digit in reversed(digits):
        check = dihedral(check, permutation[int(digit)])
        permutation = [step[value] for value in permutation]
    return check


def dihedral(left: int, right: int) -> int:
    """Product in the dihedral group D5."""
    if left < 5:
        return (left + right) % 5 + (0 if right < 5 else 5)
    return (left - right) % 5 + (5 if right < 5 else 0)


def test_unknown_label_gets_a_private_code():
    code = finding_code("Enlarged Cardiomediastinum")
    assert (code.value, code.scheme_designator) == ("enlarged-cardiomediastinum", PRIVATE_SCHEME)
    assert finding_code("No Finding").scheme_designator == finding_code("Pleural Thickening").scheme_designator
    assert finding_code("No Finding").scheme_designator == PRIVATE_SCHEME
