import pytest
from pydicom.dataset import Dataset
from scripts.dicom import check_chest_film, read_header
from scripts.dicom.words import names_chest, states_no_body_part, states_no_view, view_of, words_of

from .synthetic import make_dataset, picture, save


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Thorax p.a.", ["THORAX", "PA"]), ("TÓRAX P/A", ["TORAX", "PA"]), ("a. p.", ["AP"]),
        ("AP_SUPINE", ["AP", "SUPINE"]),
        ("Postero-Anterior", ["PA"]), ("antéro postérieur", ["AP"]), ("L.L.", ["LL"]), ("ThoraxPA", ["THORAX", "PA"]),
        ("PA1", ["PA"]), ("schräg", ["SCHRAG"]), ("A B", ["A", "B"]), ("", []), ("12^", []),
    ],
)  # fmt: skip
def test_words(text, words):
    assert words_of(text) == words


FRONTAL = [
    "PA", "AP", "pa", "POSTEROANTERIOR", "ANTEROPOSTERIOR", "POSTERO_ANTERIOR", "FRONTAL", "PA ERECT", "AP_SUPINE",
    "AP-PORTABLE", "AP AXIAL", "AP LORDOTIC", "P.A.", "p. a.", "P/A", "A-P", "Thorax p.a.", "Thorax ap liegend",
    "Thorax d.v.", "Thorax dorsoventral", "THORAX FACE", "Thorax de face debout", "Poumon face", "Tórax frente",
    "Tórax PA de pie", "TORAX AP DECUBITO SUPINO", "Tórax posteroanterior", "Torace PA", "torace antero-posteriore",
    "TORACE FRONTALE", "Tórax AP leito", "Tórax póstero-anterior", "CHEST, PA", "W Chest PA", "RX TORAX PA", "ChestPA",
]  # fmt: skip
OTHER = [
    "LAT", "LATERAL", "LL", "RL", "LLD", "AP LLD", "PA OBL", "PA OBLIQUE", "LAO", "AP DECUBITUS",
    "LEFT LATERAL DECUBITUS",
    "Thorax seitl.", "Thorax seitlich", "Thorax links anliegend lat", "THORAX PROFIL", "Thorax de profil",
    "Tórax perfil",
    "TORAX LATERAL", "Torace LL", "torace latero-laterale", "Tórax em perfil", "Tórax oblícua", "Thorax schräg",
    "AP DECUBITO LATERAL", "decúbito lateral con rayo horizontal",
]  # fmt: skip


@pytest.mark.parametrize("text", FRONTAL)
def test_frontal_views(text):
    assert view_of(text) == "frontal"


@pytest.mark.parametrize("text", OTHER)
def test_other_views(text):
    assert view_of(text) in ("lateral", "other")


@pytest.mark.parametrize(
    "text", ["Thorax p.a. und seitl.", "THORAX FACE + PROFIL", "PA & LAT", "Torace PA e LL", "PA/LAT"]
)
def test_both_views(text):
    assert view_of(text) == "several"


@pytest.mark.parametrize(
    "text",
    [
        "",
        None,
        "PALAT",
        "PALATE",
        "Spatial",
        "CAPTURE",
        "BILATERAL",
        "Papilla",
        "Chest 2 views",
        "LATEX",
        "Thorax",
        "APEX",
    ],
)
def test_words_that_only_contain_a_view(text):
    assert view_of(text) is None


@pytest.mark.parametrize(
    "value", ["UNKNOWN", "NONE", "None", "N/A", "", "-", "OTHER", "Unbekannt", "INCONNU", "ERECT", "CHEST"]
)
def test_values_that_state_no_view(value):
    assert states_no_view(value)


@pytest.mark.parametrize(
    "value", ["UNKNOWN", "OTHER", "NONE", "n.a.", "Sonstige", "AUTRE", "OTRO", "ALTRO", "OUTROS", "PA", "?"]
)
def test_values_that_state_no_body_part(value):
    assert states_no_body_part(value)


@pytest.mark.parametrize(
    "value",
    ["CHEST", "THORAX", "BRUST", "TORAX", "TÓRAX", "TORACE", "CXR", "CXR PA", "POITRINE", "PULMÃO", "LUNGE", "PECHO",
     "CHEST/ABDOMEN",
     "Brustkorb", "LUNGS", "RIBS", "gabbia toracica", "cage thoracique", "POUMONS", "POLMONI", "CHEST_PA"],
)  # fmt: skip
def test_chest(value):
    assert names_chest(value)


@pytest.mark.parametrize(
    "value",
    [
        "DISTRIBUTED",
        "TRIBUNAL",
        "THORACIC SPINE",
        "TSPINE",
        "BRUSTWIRBELSÄULE",
        "BREAST",
        "KNEE",
        "HIP",
        "ABDOMEN",
        "ARRIBA",
        "FACE",
    ],
)
def test_no_chest(value):
    assert not names_chest(value) and not states_no_body_part(value)


def reasons(folder, **attributes):
    meta, _ = read_header(save(make_dataset(picture(), **attributes), folder / "x.dcm"))
    return [reason.code for reason in check_chest_film(meta)]


@pytest.mark.parametrize(
    "view",
    ["POSTEROANTERIOR", "ANTEROPOSTERIOR", "FRONTAL", "UNKNOWN", "NONE", "PA ERECT", "AP_SUPINE", "", "P.A.", "FACE"],
)
def test_views_that_the_header_check_passes(tmp_path, view):
    assert reasons(tmp_path, ViewPosition=view) == []


@pytest.mark.parametrize("view", ["AP LLD", "PA OBL", "PALAT", "PROFIL", "LL", "LAO", "PA LAT", "XYZ"])
def test_views_that_the_header_check_rejects(tmp_path, view):
    assert reasons(tmp_path, ViewPosition=view) == ["NOT_FRONTAL"]


@pytest.mark.parametrize(
    "part", ["caja torácica", "BRUST", "TORAX", "TORACE", "CXR", "UNKNOWN", "OTHER", "", "POITRINE", "cxr pa", "Tórax"]
)
def test_body_parts_that_the_header_check_passes(tmp_path, part):
    assert reasons(tmp_path, BodyPartExamined=part, SpecificCharacterSet="ISO_IR 192") == []


@pytest.mark.parametrize("part", ["DISTRIBUTED", "HIP", "THORACIC SPINE", "BWS", "HAND"])
def test_body_parts_that_the_header_check_rejects(tmp_path, part):
    assert reasons(tmp_path, BodyPartExamined=part) == ["OTHER_BODY_PART"]


@pytest.mark.parametrize(
    "words",
    [
        "Thorax seitl.",
        "THORAX PROFIL",
        "Tórax perfil",
        "Torace LL",
        "Tórax lateral",
        "Chest Lat",
        "Thorax lat. li. anl.",
    ],
)
@pytest.mark.parametrize("keyword", ["SeriesDescription", "StudyDescription", "ProtocolName"])
def test_descriptions_of_a_lateral_film(tmp_path, keyword, words):
    attributes = {"ViewPosition": "UNKNOWN", keyword: words, "SpecificCharacterSet": "ISO_IR 192"}
    assert reasons(tmp_path, **attributes) == ["NOT_FRONTAL"]


def test_the_description_of_the_image_comes_before_that_of_the_study(tmp_path):
    attributes = {"ViewPosition": None, "StudyDescription": "Thorax seitlich", "SeriesDescription": "Thorax p.a."}
    assert reasons(tmp_path, **attributes) == []
    attributes = {"ViewPosition": None, "StudyDescription": "Thorax p.a. + seitl.", "SeriesDescription": "Thorax"}
    assert reasons(tmp_path, **attributes) == []


def test_a_description_does_not_contradict_the_view(tmp_path):
    assert (
        reasons(tmp_path, ViewPosition="PA", SeriesDescription="Chest PA and Lateral", StudyDescription="lateral") == []
    )


@pytest.mark.parametrize(
    ("code", "found"),
    [
        (("399198007", "SCT", "x"), ["NOT_FRONTAL"]),
        (("272479007", "SCT", "seitlich"), []),
        (("R-1", "SRT", "lateral"), ["NOT_FRONTAL"]),
    ],
)
def test_view_codes(tmp_path, code, found):
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = code
    attributes = {"ViewPosition": None, "ViewCodeSequence": [item], "SeriesDescription": "Thorax"}
    assert reasons(tmp_path, **attributes) == found
