import json
import re
from datetime import date

import pytest
from scripts.dicom import read_radiograph
from scripts.pacs import dicomweb, exchange, session
from scripts.pacs.dicomweb import DicomWeb
from scripts.pacs.session import Server

from ..dicom.objects.conformant import cr
from ..dicom.synthetic import save
from .conftest import code_of, film
from .fake_server import PART, FakePacs


def test_films_are_fetched_as_they_are_stored_under_names_of_our_own(fake, web, tmp_path):
    fake.add(film(0, 1))
    fake.add(film(0, 2))
    fake.add(film(0, 3, Modality="CT", SeriesInstanceUID="1.2.0.8"))
    fake.add(film(0, 4, SeriesDescription=dicomweb.SERIES_DESCRIPTION, SeriesInstanceUID="1.2.0.9"))
    assert web.fetch("1.2.0", tmp_path) == []
    assert sorted(path.name for path in tmp_path.iterdir()) == ["000001.dcm", "000002.dcm"]
    expected = read_radiograph(save(film(0, 1), tmp_path / "x.dcm")).image
    assert (read_radiograph(tmp_path / "000001.dcm").image == expected).all()


BROKEN = {
    "empty DS": {"00101030": {"vr": "DS", "Value": [""]}},
    "comma in a DS": {"00101030": {"vr": "DS", "Value": ["1,80"]}},
    "letters in an IS": {"00201208": {"vr": "IS", "Value": ["abc"]}},
    "PN null": {"00100010": {"vr": "PN", "Value": [None]}},
    "a name that is no object": {"00100010": {"vr": "PN", "Value": ["Secret^Person"]}},
    "a Value that is no list": {"0020000D": {"vr": "UI", "Value": "1.2.1"}},
    "no vr": {"0020000D": {"Value": ["1.2.1"]}, "00201208": {"Value": [1]}},
    "padded with NUL": {"0020000D": {"vr": "UI", "Value": ["1.2.1\0"]}},
    "padded with spaces": {"0020000D": {"vr": "UI", "Value": ["1.2.1 "]}},
    "an unknown vr": {"00091001": {"vr": "??", "Value": [1]}},
    "an attribute that is no object": {"00080020": "20200101", "00080030": None},
}


@pytest.mark.parametrize("broken", BROKEN.values(), ids=list(BROKEN))
def test_broken_value_of_a_search_result_costs_neither_its_study_nor_others(broken, fake, web, monkeypatch):
    for study in range(3):
        fake.add(film(study))
    search = fake.search

    def broken_for_the_second(*levels):
        found = search(*levels)
        return [item | broken if "1.2.1" in str(item) else item for item in found]

    monkeypatch.setattr(fake, "search", broken_for_the_second)
    assert list(web.studies(date.today())) == ["1.2.0", "1.2.1", "1.2.2"]


@pytest.mark.parametrize(
    "encode",
    [
        lambda text: b"\xef\xbb\xbf" + text.encode(),
        lambda text: text.replace("Secret", "Sec\x01\tret").encode(),
        lambda text: text.replace("Secret", "M\u00fcller").encode("latin-1"),
    ],
    ids=["byte order mark", "control characters", "another encoding"],
)
def test_search_results_are_read_with_the_faults_of_servers(encode, fake, web):
    for study in range(2):
        dataset = film(study)
        dataset.PatientName = "Secret^Person"
        fake.add(dataset)
    fake.encode = encode
    assert list(web.studies(date.today())) == ["1.2.0", "1.2.1"]


def test_uids_that_are_padded_are_asked_for_without(fake, web, monkeypatch, tmp_path):
    fake.add(film(0))
    search = fake.search

    def padded(*levels):
        text = json.dumps(search(*levels))
        return json.loads(re.sub(r'"(1\.2\.0[.\d]*)"', r'"\1\\u0000"', text))

    monkeypatch.setattr(fake, "search", padded)
    assert list(web.studies(date.today())) == ["1.2.0"]
    assert web.fetch("1.2.0", tmp_path) == [] and len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize("end", ["/", "//", " ", "/ "])
def test_url_may_end_with_a_slash(end, fake, tmp_path):
    fake.add(film(0))
    web = DicomWeb(Server(fake.url + end), attempts=1)
    assert web.fetch("1.2.0", tmp_path) == []
    assert all(path.startswith("/dicom-web/studies") for _, path, _ in fake.requests)


@pytest.mark.parametrize("end", ["?token=x", "#top"])
def test_url_with_a_query_is_no_root(end, fake):
    with pytest.raises(ValueError, match="not a URL"):
        DicomWeb(Server(fake.url + end))


MULTIPART = {
    "quoted": ('multipart/related; boundary="e d;g,e"', b"--e d;g,e", b"--e d;g,e--"),
    "in apostrophes": ("multipart/related; boundary='edge'", b"--edge", b"--edge--"),
    "with dashes": ("multipart/related; boundary=----edge", b"------edge", b"------edge--"),
    "dashes in the header too": ('multipart/related; boundary="--edge"', b"--edge", b"--edge--"),
    "spaces around": ("multipart/related;boundary = edge ; type=x", b"--edge ", b"--edge--"),
    "upper case": ('Multipart/Related; Boundary="Edge"', b"--Edge", b"--Edge--"),
    "type with a semicolon": ('multipart/related; type="application/dicom;x=1"; boundary=edge', b"--edge", b"--edge--"),
    "another in the body": ("multipart/related; boundary=other", b"--edge", b"--edge--"),
    "none in the header": ("multipart/related", b"--edge", b"--edge--"),
    "text before": ("multipart/related; boundary=edge", b"before\r\n--edge", b"--edge--\r\nbehind"),
    "no end": ("multipart/related; boundary=edge", b"--edge", b""),
}


@pytest.mark.parametrize(("kind", "start", "end"), MULTIPART.values(), ids=list(MULTIPART))
def test_film_is_found_whatever_the_boundary(kind, start, end, fake, web, tmp_path):
    fake.add(film(0))
    fake.wado = kind, lambda content: start + PART + content + (b"\r\n" + end if end else b"")
    assert web.fetch("1.2.0", tmp_path) == []
    assert (tmp_path / "000001.dcm").read_bytes() == fake.stored["1.2.0.7.1"].content


def test_film_as_a_single_part_without_carriage_returns_or_without_multipart(fake, web, tmp_path):
    fake.add(film(0))
    part = PART.replace(b"\r", b"")
    fake.wado = "multipart/related; boundary=edge", lambda content: b"--edge" + part + content + b"\n--edge--\n"
    assert web.fetch("1.2.0", tmp_path) == []
    assert (tmp_path / "000001.dcm").read_bytes() == fake.stored["1.2.0.7.1"].content
    fake.wado = "application/dicom", lambda content: content
    assert web.fetch("1.2.0", tmp_path) == []


def failed(*reasons):
    items = [{"00081197": {"vr": "US", "Value": [reason]}} for reason in reasons]
    return {"00081198": {"vr": "SQ", "Value": items}}


STOW = {
    "array": (200, [{"00081199": {"vr": "SQ", "Value": [{}]}}], True),
    "array of a failure": (200, [failed(0xA700)], False),
    "empty": (200, None, True),
    "no failure": (200, {"00081198": {"vr": "SQ", "Value": []}}, True),
    "failure": (202, failed(0x0122), False),
    "duplicate": (202, failed(0x0111), True),
    "conflict of a duplicate": (409, failed(0x0111), True),
    "conflict": (409, failed(0xA700), False),
    "conflict without a reason": (409, None, False),
}


@pytest.mark.parametrize(("status", "answer", "stored"), STOW.values(), ids=list(STOW))
def test_answer_to_a_result_says_whether_it_is_stored(status, answer, stored, fake, web, tmp_path, monkeypatch):
    fake.add(film(0))
    fake.stow = status, b"" if answer is None else json.dumps(answer).encode()
    monkeypatch.setattr(FakePacs, "add", lambda *_: None)  # the answer alone decides
    paths = [
        save(film(0, number, Modality="OT", SeriesInstanceUID="1.2.0.8"), tmp_path / f"{number}.dcm")
        for number in (5, 6)
    ]
    if stored:
        assert web.store("1.2.0", paths) == 2
    else:
        assert code_of(web.store, "1.2.0", paths) == "PACS_REFUSED"
    assert fake.received == ["1.2.0.7.5", "1.2.0.7.6"]  # one that is rejected costs the others nothing


def test_page_of_a_proxy_is_not_taken_for_stored(fake, web, tmp_path, monkeypatch):
    fake.add(film(0))
    path = save(film(0, 5, Modality="OT", SeriesInstanceUID="1.2.0.8"), tmp_path / "x.dcm")
    fake.stow = 200, b"<html>Sign in, Secret^Person</html>"
    assert web.store("1.2.0", [path]) == 1  # the server has it
    fake.stored.pop("1.2.0.7.5")
    monkeypatch.setattr(FakePacs, "add", lambda *_: None)
    assert code_of(web.store, "1.2.0", [path]) == "PACS_REFUSED"


def test_uid_of_odd_form_is_asked_for_and_one_that_is_a_path_is_not(fake, web, tmp_path):
    fake.add(film(0, StudyInstanceUID="1.2.840.0001.05.3"))
    assert web.fetch("1.2.840.0001.05.3", tmp_path) == []
    fake.requests.clear()
    for uid in ("1.2/../3", "..", "1.2?x=1", "1.2#", "%2e%2e", "", "1" * 300):
        assert code_of(web.fetch, uid, tmp_path) == "PACS_RESPONSE"
    assert fake.requests == []


def test_only_recent_studies_are_searched_for(fake, web):
    fake.add(film(0, StudyDate="20000101"))
    fake.add(film(1, StudyDate="29990101"))
    web.since_days = 3
    assert list(web.studies(date.today())) == ["1.2.1"]


@pytest.mark.parametrize(
    ("trouble", "code"),
    [(500, "PACS_UNAVAILABLE"), (429, "PACS_UNAVAILABLE"), ("drop", "PACS_UNAVAILABLE"), (403, "PACS_REFUSED"),
     (404, "NO_STUDY")],
)  # fmt: skip
def test_what_goes_wrong_has_a_code_and_only_what_may_heal_is_tried_again(trouble, code, fake, web, tmp_path):
    fake.trouble = lambda method, path: trouble
    assert code_of(web.fetch, "1.2.0", tmp_path) == code
    assert len(fake.requests) == (web.attempts if code == "PACS_UNAVAILABLE" else 1)


def test_server_that_is_not_there(tmp_path):
    web = DicomWeb(Server("http://127.0.0.1:9/dicom-web"), attempts=2, wait_s=0.001)
    assert code_of(web.fetch, "1.2.0", tmp_path) == "PACS_UNAVAILABLE"


def test_answer_that_comes_at_the_second_attempt_is_taken(fake, web, tmp_path):
    fake.add(film(0))
    seen = set()

    def first_time(method, path):
        return None if path in seen else seen.add(path) or "drop"

    fake.trouble = first_time
    assert web.fetch("1.2.0", tmp_path) == [] and len(list(tmp_path.iterdir())) == 1


def test_study_without_films_unknown_or_too_large(fake, web, tmp_path, monkeypatch):
    assert code_of(web.fetch, "1.2.0", tmp_path) == "NO_STUDY"
    fake.add(film(0, Modality="CT"))
    assert code_of(web.fetch, "1.2.0", tmp_path) == "NO_IMAGE"
    assert code_of(web.fetch, "../etc", tmp_path) == "PACS_RESPONSE"
    monkeypatch.setattr(dicomweb, "MAX_IMAGES", 1)
    for number in (1, 2):
        fake.add(film(1, number))
    assert code_of(web.fetch, "1.2.1", tmp_path) == "STUDY_SIZE"
    assert list(tmp_path.iterdir()) == []


def test_image_that_cannot_be_had_costs_the_others_nothing(fake, web, tmp_path, monkeypatch):
    fake.add(film(0, 1))
    fake.add(film(0, 2))
    fake.stored["1.2.0.7.2"].content = b"no DICOM, Secret^Person"
    (failure,) = web.fetch("1.2.0", tmp_path)
    assert failure.code == "PACS_RESPONSE" and "Secret" not in failure.reason
    assert [path.name for path in tmp_path.iterdir()] == ["000001.dcm"]
    monkeypatch.setattr(exchange, "MAX_FILE_BYTES", len(fake.stored["1.2.0.7.1"].content) - 1)
    fake.stored.pop("1.2.0.7.2")
    assert code_of(web.fetch, "1.2.0", tmp_path) == "FILE_SIZE"


def test_results_are_stored_where_they_are_missing_and_their_study_is_there(fake, web, tmp_path):
    results = [film(0, number, Modality="OT", SeriesInstanceUID="1.2.0.8") for number in (5, 6)]
    paths = [save(one, tmp_path / f"{one.InstanceNumber}-{one.SOPInstanceUID[-1]}.dcm") for one in results]
    assert code_of(web.store, "1.2.0", paths) == "NO_STUDY"
    fake.add(film(0))
    assert web.store("1.2.0", paths[:1]) == 1
    assert web.store("1.2.0", paths) == 1
    assert fake.received == ["1.2.0.7.5", "1.2.0.7.6"]


def test_credentials_come_from_the_environment_and_are_in_no_message(fake, monkeypatch, tmp_path, caplog):
    monkeypatch.setenv(session._TOKEN, "s3cret-token")
    web = DicomWeb(Server(fake.url), attempts=1)
    with caplog.at_level("DEBUG"):
        code_of(web.fetch, "1.2.0", tmp_path)
    assert fake.requests[-1][2] == "Bearer s3cret-token" and "s3cret" not in caplog.text
    monkeypatch.delenv(session._TOKEN)
    monkeypatch.setenv(session._USER, "user")
    with pytest.raises(ValueError, match="expected both or neither"):
        DicomWeb(Server(fake.url))
    monkeypatch.setenv(session._PASSWORD, "word")
    web = DicomWeb(Server(fake.url), attempts=1)
    code_of(web.fetch, "1.2.0", tmp_path)
    assert fake.requests[-1][2] == "Basic dXNlcjp3b3Jk"
    with pytest.raises(ValueError, match="unencrypted; expected https"):
        DicomWeb(Server("http://pacs.example/dicom-web"))
    DicomWeb(Server("https://pacs.example/dicom-web"))


@pytest.mark.parametrize("url", ["pacs.example", "ftp://pacs.example", "https://"])
def test_unusable_address_is_a_setting(url):
    with pytest.raises(ValueError, match="--dicomweb: not a URL"):
        DicomWeb(Server(url))


def test_settings_that_cannot_be_used_stop_at_once(tmp_path):
    with pytest.raises(ValueError, match="credentials in the URL") as error:
        DicomWeb(Server("https://user:hidden@pacs.example/"))
    assert "hidden" not in str(error.value)
    with pytest.raises(ValueError, match=r"--tls-ca: .*no such file"):
        DicomWeb(Server("https://pacs.example/", ca_file=tmp_path / "none.pem"))


def test_proxies_of_the_environment_are_not_used(fake, web, monkeypatch, tmp_path):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    fake.add(film(0))
    assert web.fetch("1.2.0", tmp_path) == []


def test_conformant_film_arrives_whole(fake, web, tmp_path):
    dataset = cr()
    fake.add(dataset)
    web.fetch(str(dataset.StudyInstanceUID), tmp_path)
    (path,) = tmp_path.iterdir()
    assert path.read_bytes()[128:] == fake.stored[str(dataset.SOPInstanceUID)].content[128:]
