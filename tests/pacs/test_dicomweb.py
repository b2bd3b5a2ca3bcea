from datetime import date

import pydicom
import pytest
from scripts.dicom import RefusedInput, read_radiograph
from scripts.dicom.objects.derived_image import write_enhanced
from scripts.pacs import dicomweb, exchange, session
from scripts.pacs.dicomweb import DicomWeb
from scripts.pacs.session import Server

from ..dicom.objects.conformant import cr
from ..dicom.synthetic import save
from .conftest import film


def code_of(call, *arguments):
    with pytest.raises(RefusedInput) as refusal:
        call(*arguments)
    assert "Secret" not in str(refusal.value) and "127.0.0.1" not in str(refusal.value)
    return refusal.value.code


def test_films_are_fetched_as_they_are_stored_under_names_of_our_own(fake, web, tmp_path):
    fake.add(film(0, 1))
    fake.add(film(0, 2))
    fake.add(film(0, 3, Modality="CT", SeriesInstanceUID="1.2.0.8"))
    fake.add(film(0, 4, SeriesDescription=dicomweb.SERIES_DESCRIPTION, SeriesInstanceUID="1.2.0.9"))
    assert web.fetch("1.2.0", tmp_path) == []
    assert sorted(path.name for path in tmp_path.iterdir()) == ["000001.dcm", "000002.dcm"]
    expected = read_radiograph(save(film(0, 1), tmp_path / "x.dcm")).image
    assert (read_radiograph(tmp_path / "000001.dcm").image == expected).all()


def test_search_reads_every_page_and_ends_when_a_server_cannot_page(fake, web, monkeypatch):
    monkeypatch.setattr(dicomweb, "_PAGE", 2)
    for study in range(5):
        fake.add(film(study))
    assert web.studies(date.today()) == {f"1.2.{study}": 1 for study in range(5)}
    search = fake.search
    monkeypatch.setattr(
        fake, "search", lambda *levels: search(*levels[:3], {k: v for k, v in levels[3].items() if k != "offset"})
    )
    assert len(web.studies(date.today())) == 2
    monkeypatch.undo()
    monkeypatch.setattr(dicomweb, "_MAX_RESULTS", 4)
    assert code_of(web.studies, date.today()) == "PACS_RESPONSE"


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


def test_film_of_another_study_is_not_taken_for_this_one(fake, web, tmp_path):
    fake.add(film(0))
    fake.add(film(1))
    fake.stored["1.2.0.7.1"].content = fake.stored["1.2.1.7.1"].content
    assert code_of(web.fetch, "1.2.0", tmp_path) == "PACS_RESPONSE" and list(tmp_path.iterdir()) == []


def test_enhanced_image_is_not_taken_for_a_film_whatever_the_pacs_calls_it(fake, web, tmp_path):
    film_file, enhanced = save(film(0), tmp_path / "film.dcm"), tmp_path / "enhanced.dcm"
    image = read_radiograph(film_file).image
    write_enhanced(film_file, image[0], enhanced, description="test", software="test")
    renamed = pydicom.dcmread(enhanced)
    renamed.SeriesDescription = "Chest"
    fake.add(renamed)
    (tmp_path / "films").mkdir()
    assert code_of(web.fetch, "1.2.0", tmp_path / "films") == "OWN_RESULT"
    fake.add(film(0))
    (failure,) = web.fetch("1.2.0", tmp_path / "films")
    assert failure.code == "OWN_RESULT" and len(list((tmp_path / "films").iterdir())) == 1


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
