import logging

import pytest
from scripts.data.label_aliases import _ALIASES, _plain, canonical, match_labels

NIH = ["Atelectasis", "Effusion", "Pleural_Thickening", "Infiltration"]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Effusion", "Pleural Effusion"),
        ("pleural_effusion", "Pleural Effusion"),
        ("Lesion", "Lung Lesion"),
        ("Airspace Opacity", "Lung Opacity"),
        ("Pulmonary fibrosis", "Fibrosis"),
        ("Nodule/Mass", "Nodule/Mass"),  # neither Nodule nor Mass
        ("Rib fracture", "Rib fracture"),  # narrower than Fracture
    ],
)
def test_synonyms_have_one_name_and_narrower_terms_their_own(name, expected):
    assert canonical(name) == expected


def test_no_name_of_the_table_stands_for_two_findings():
    names = [_plain(name) for known, others in _ALIASES.items() for name in (known, *others)]
    assert len(names) == len(set(names))


def test_columns_of_another_data_set_are_found_and_the_alias_is_logged(caplog):
    with caplog.at_level(logging.INFO, "scripts.data.label_aliases"):
        assert match_labels(["Pleural Effusion", "Pleural Thickening", "Atelectasis"], NIH, "NIH") == [1, 2, 0]
    assert [record.getMessage() for record in caplog.records] == [
        "labels: 'Effusion' of NIH is used for 'Pleural Effusion'",
        "labels: 'Pleural_Thickening' of NIH is used for 'Pleural Thickening'",
    ]


def test_a_label_that_the_data_lack_names_the_nearest():
    with pytest.raises(ValueError, match=r"NIH: labels: .* found 'Atelectases'; did you mean 'Atelectasis'\?"):
        match_labels(["Atelectases"], NIH, "NIH")


def test_its_own_name_wins_over_a_synonym():
    assert match_labels(["Effusion"], ["Pleural Effusion", "Effusion"], "both") == [1]


def test_two_columns_of_one_meaning_are_ambiguous():
    with pytest.raises(ValueError, match="'Effusion' and 'Pleural Effusion'; name one"):
        match_labels(["pleural effusion"], ["Effusion", "Pleural Effusion"], "both")


def test_one_column_under_two_names_is_refused():
    with pytest.raises(ValueError, match="expected each label once"):
        match_labels(["Effusion", "Pleural Effusion"], NIH, "NIH")
