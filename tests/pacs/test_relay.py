import csv
import errno

import pytest
from scripts.dicom import RefusedInput
from scripts.dicom.objects.derived_image import SERIES_DESCRIPTION
from scripts.pacs.relay import _ATTEMPTS

from .conftest import film
from .fake_server import now_and_then

KINDS = {"SR": 1, "OT": 2, "CR": 1}  # OT: overlay and map of the attention


def results_of(fake, study):
    """Number of instances of a study by modality."""
    found = [str(one.Modality) for one in fake.of_study(f"1.2.{study}")]
    return {kind: found.count(kind) for kind in set(found)}


def twice(kinds):
    """Results of two films."""
    return {kind: 2 * number for kind, number in kinds.items()}


def failures(tmp_path):
    with (tmp_path / "out" / "failures.csv").open() as file:
        return [row["code"] for row in csv.DictReader(file)]


def test_each_new_study_gets_its_results_once(fake, relay):
    for study in range(3):
        fake.add(film(study))
    relay.run(until_idle=True)
    relay.run(until_idle=True)
    assert all(results_of(fake, study) == KINDS for study in range(3))
    assert len(fake.received) == len(set(fake.received)) == 9
    assert list(relay.outbox.folder.iterdir()) == list(relay.outbox.work.iterdir()) == []
    fake.add(film(3))
    relay.run(until_idle=True)
    assert results_of(fake, 3) == KINDS and len(fake.received) == 12


def test_study_that_is_still_arriving_is_waited_for(fake, relay):
    fake.add(film(0, 1))
    assert relay.poll() == 1 and fake.received == []
    fake.add(film(0, 2))
    assert relay.poll() == 1 and fake.received == []
    assert relay.poll() == 0 and len(fake.received) == 3


def test_film_that_comes_to_a_finished_study_is_predicted_and_nothing_is_there_twice(fake, relay, tmp_path):
    fake.add(film(0, 1))
    fake.add(film(1))
    relay.run(until_idle=True)
    fake.add(film(0, 2))
    relay.run(until_idle=True)
    assert results_of(fake, 0) == twice(KINDS) and results_of(fake, 1) == KINDS
    assert failures(tmp_path) == ["SECOND_FRONTAL"]
    fake.add(film(0, 3, ViewPosition="LL"))  # the film that is used stays the same: so do its results
    relay.run(until_idle=True)
    assert sorted(failures(tmp_path)) == ["NOT_FRONTAL", "SECOND_FRONTAL"]
    assert results_of(fake, 0) == {**twice(KINDS), "CR": 3} and len(fake.received) == len(set(fake.received)) == 9


def test_results_in_the_pacs_do_not_take_their_study_up_again(fake, relay):
    fake.add(film(0))
    for _ in range(3):
        relay.run(until_idle=True)
    assert sum("/instances/" in path for _, path, _ in fake.requests) == 1
    before = len(fake.requests)
    assert relay.poll() == 0 and len(fake.requests) - before == 3  # the films of CR, the end of CR, and no films of DX


def test_refused_study_is_taken_up_again_for_a_frontal_film(fake, relay, tmp_path):
    fake.add(film(0, 1, ViewPosition="LL"))
    fake.add(film(1, 1, Modality="CR", SeriesDescription=SERIES_DESCRIPTION))  # listed, and has no film
    relay.run(until_idle=True)
    assert sorted(failures(tmp_path)) == ["NOT_FRONTAL", "NO_IMAGE"] and fake.received == []
    fake.add(film(0, 2))
    fake.add(film(1, 2, SeriesInstanceUID="1.2.1.8"))
    relay.run(until_idle=True)
    assert results_of(fake, 0) == results_of(fake, 1) == {**KINDS, "CR": 2} and len(fake.received) == 6


def test_film_that_comes_while_its_study_is_predicted_is_not_missed(fake, relay, monkeypatch):
    fill = relay.outbox.fill

    def fill_while_a_film_comes(*arguments):
        result = fill(*arguments)
        fake.add(film(0, 2))
        return result

    fake.add(film(0, 1))
    monkeypatch.setattr(relay.outbox, "fill", fill_while_a_film_comes)
    relay.run(until_idle=True)
    assert results_of(fake, 0) == {**KINDS, "CR": 2}
    relay.run(until_idle=True)
    assert results_of(fake, 0) == twice(KINDS) and len(fake.received) == len(set(fake.received)) == 6


def test_pacs_that_counts_late_is_not_taken_for_a_growing_study(fake, relay, monkeypatch):
    studies, counts = relay.archive.studies, [{}, {}]

    def late(since):
        counts.append(studies(since))
        return {key: counts[-3].get(key, 1) for key in counts[-1]}

    monkeypatch.setattr(relay.archive, "studies", late)
    fake.add(film(0, 1))
    for _ in range(8):
        relay.poll()
    assert results_of(fake, 0) == KINDS
    assert sum("/instances/" in path for _, path, _ in fake.requests) == 1
    fake.add(film(0, 2))
    for _ in range(8):
        relay.poll()
    assert results_of(fake, 0) == twice(KINDS) and len(fake.received) == len(set(fake.received)) == 6
    assert relay.poll() == 0


def test_finished_study_that_cannot_be_looked_at_holds_up_no_other(fake, relay, tmp_path):
    fake.add(film(0))
    relay.run(until_idle=True)
    fake.add(film(0, 2))
    fake.add(film(1))
    fake.trouble = lambda method, path: 500 if path.startswith("/dicom-web/studies/1.2.0/") else None
    relay.run(until_idle=True)
    assert results_of(fake, 1) == KINDS and failures(tmp_path) == ["PACS_UNAVAILABLE"]
    fake.trouble = lambda method, path: None
    relay.journal.reopen_refused()
    relay.run(until_idle=True)
    assert results_of(fake, 0) == twice(KINDS) and failures(tmp_path) == ["SECOND_FRONTAL"]


def test_unavailable_pacs_costs_nothing_and_nothing_comes_twice(fake, relay):
    for study in range(4):
        fake.add(film(study))
    fake.trouble = now_and_then(0.3, seed=1)
    relay.run(until_idle=True)
    assert all(results_of(fake, study) == KINDS for study in range(4))
    assert len(fake.received) == len(set(fake.received)) == 12


class Killed(BaseException):
    pass


@pytest.mark.parametrize("grown", [False, True])
@pytest.mark.parametrize("stage", ["fetch", "fill", "store", "finish", "remove"])
def test_kill_between_two_steps_leaves_one_result_set(stage, grown, fake, relay, monkeypatch):
    target, name = {
        "fetch": (relay.journal, "begin"),
        "fill": (relay.outbox, "fill"),
        "store": (relay.archive, "send"),  # the first object is stored, the second is not
        "finish": (relay.archive, "store"),
        "remove": (relay.journal, "finish"),
    }[stage]
    call = getattr(target, name)

    def kill_after(*arguments):
        call(*arguments)
        raise Killed

    fake.add(film(0))
    if grown:
        relay.run(until_idle=True)
        fake.add(film(0, 2))
    monkeypatch.setattr(target, name, kill_after)
    with pytest.raises(Killed):
        relay.run(until_idle=True)
    monkeypatch.undo()
    relay.run(until_idle=True)
    assert results_of(fake, 0) == (twice(KINDS) if grown else KINDS)
    assert len(fake.received) == len(set(fake.received)) == (6 if grown else 3)
    assert list(relay.outbox.folder.iterdir()) == []


def test_results_that_wait_are_sent_as_they_are(fake, relay, monkeypatch):
    fake.add(film(0))
    fake.trouble = lambda method, path: 503 if method == "POST" else None
    relay.poll()
    with pytest.raises(RefusedInput):
        relay.poll()
    before = {path.name: path.read_bytes() for path in relay.outbox.folder.glob("*/*.dcm")}
    assert len(before) == 3
    monkeypatch.setattr(relay.outbox, "predictor", None)
    fake.trouble = lambda method, path: None
    relay.run(until_idle=True)
    assert {one.content for one in fake.stored.values()} >= set(before.values())


def test_bad_studies_are_named_and_cost_the_others_nothing(fake, relay, tmp_path):
    fake.add(film(0, ViewPosition="LL"))
    fake.add(film(1, 1))
    fake.add(film(1, 2))
    broken = film(2)
    broken.PixelData = broken.PixelData[:100]
    fake.add(broken)
    fake.add(film(3, Rows=1))
    fake.add(film(4))
    relay.run(until_idle=True)
    assert results_of(fake, 4) == KINDS and results_of(fake, 1) == {**KINDS, "CR": 2}
    assert results_of(fake, 0) == results_of(fake, 2) == {"CR": 1}
    assert sorted(failures(tmp_path)) == ["DECODE", "GEOMETRY", "NOT_FRONTAL", "SECOND_FRONTAL"]
    text = (tmp_path / "out" / "failures.csv").read_text()
    assert "1.2." not in text.replace("1.2.840", "") and str(tmp_path) not in text and "Secret" not in text


def test_study_without_an_answer_is_given_up_and_taken_up_again_on_demand(fake, relay, tmp_path):
    fake.add(film(0))
    fake.add(film(1))
    fake.trouble = lambda method, path: 403 if "/studies/1.2.0/" in path and "/instances/" in path else None
    relay.run(until_idle=True)
    assert failures(tmp_path) == ["PACS_REFUSED"] and results_of(fake, 1) == KINDS
    assert sum("/instances/1.2.0.7.1" in path for _, path, _ in fake.requests) == _ATTEMPTS
    fake.trouble = lambda method, path: None
    relay.run(until_idle=True)
    assert results_of(fake, 0) == {"CR": 1}
    relay.journal.reopen_refused()
    relay.run(until_idle=True)
    assert results_of(fake, 0) == KINDS and len(fake.received) == 6


def test_study_that_always_fails_on_the_server_is_named_in_the_end(fake, relay, tmp_path):
    fake.add(film(0))
    fake.trouble = lambda method, path: 500 if "/instances/" in path else None
    relay.run(until_idle=True)
    assert failures(tmp_path) == ["PACS_UNAVAILABLE"]


def test_error_that_nobody_expected_costs_one_study_and_quotes_nobody(fake, relay, tmp_path, monkeypatch):
    fake.add(film(0))
    fake.add(film(1))
    predict, calls = relay.outbox.predictor.predict, []

    def fail_once(*arguments, **options):
        calls.append(1)
        if len(calls) == 1:
            raise KeyError("Secret^Person")
        return predict(*arguments, **options)

    monkeypatch.setattr(relay.outbox.predictor, "predict", fail_once)
    relay.run(until_idle=True)
    assert failures(tmp_path) == ["INTERNAL"] and len(fake.received) == 3
    text = (tmp_path / "out" / "failures.csv").read_text()
    assert "KeyError" in text and "Secret" not in text


def test_study_that_is_deleted_meanwhile_gets_no_results(fake, relay, tmp_path, monkeypatch):
    fake.add(film(0))
    fill = relay.outbox.fill

    def fill_then_delete(*arguments):
        result = fill(*arguments)
        fake.stored.clear()
        return result

    monkeypatch.setattr(relay.outbox, "fill", fill_then_delete)
    relay.poll()
    relay.poll()
    assert fake.stored == {} and fake.received == [] and failures(tmp_path) == ["NO_STUDY"]
    assert list(relay.outbox.folder.iterdir()) == []


def test_results_of_a_study_that_is_deleted_while_they_wait_do_not_wait_for_ever(fake, relay, tmp_path):
    fake.add(film(0))
    fake.trouble = lambda method, path: 503 if method == "POST" else None
    relay.poll()
    with pytest.raises(RefusedInput):
        relay.poll()
    assert len(relay.outbox.studies()) == 1
    fake.stored.clear()
    fake.trouble = lambda method, path: None
    assert relay.poll() == 0 and relay.outbox.studies() == [] and failures(tmp_path) == ["NO_STUDY"]
    fake.add(film(0))
    relay.run(until_idle=True)
    assert results_of(fake, 0) == KINDS


def test_full_disk_stops_it_and_the_study_is_done_later(fake, relay, monkeypatch):
    fake.add(film(0))

    def fail(*arguments, **options):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch, pytest.raises(OSError, match="No space left"):
        patch.setattr("scripts.inference.dicom_results.write_findings_report", fail)
        relay.run(until_idle=True)
    relay.run(until_idle=True)
    assert results_of(fake, 0) == KINDS


def test_server_that_refuses_the_search_stops_it_at_once(fake, relay):
    fake.trouble = lambda method, path: 401
    with pytest.raises(RefusedInput, match="check the URL, the credentials"):
        relay.run(until_idle=True)


@pytest.mark.usefixtures("as_a_command")
def test_nothing_tells_who_it_was(fake, relay, tmp_path, caplog, capfd):
    fake.add(film(0))
    fake.add(film(1, ViewPosition="LL"))
    fake.trouble = now_and_then(0.2, seed=3)
    with caplog.at_level("DEBUG"):
        relay.run(until_idle=True)
    streams = capfd.readouterr()
    text = "\n".join([*(record.getMessage() for record in caplog.records), streams.out, streams.err])
    text += "".join(path.read_bytes().decode("latin-1") for path in (tmp_path / "out").iterdir() if path.is_file())
    for secret in ("Secret", "ID-12345", "19500101", "1.2.0.7", "1.2.1.7"):
        assert secret not in text, secret
    assert any(" objects" in record.getMessage() for record in caplog.records)
    for path in (tmp_path / "out").iterdir():
        assert path.name == "failures.csv" or path.stat().st_mode & 0o077 == 0, path.name


def test_study_with_an_invalid_uid_is_done_and_costs_the_others_nothing(fake, relay, tmp_path):
    for uid in ("1.2.840.0001.05.3", "1.2.77"):
        fake.add(film(0, StudyInstanceUID=uid, SeriesInstanceUID=f"{uid}.1", SOPInstanceUID=f"{uid}.1.1"))
    relay.run(until_idle=True)
    assert not (tmp_path / "out" / "failures.csv").exists()
    for uid in ("1.2.840.0001.05.3", "1.2.77"):
        assert sorted(one.Modality for one in fake.of_study(uid)) == ["CR", "OT", "OT", "SR"]


def test_unexpected_error_of_one_study_ends_neither_the_watch_nor_the_others(fake, relay, tmp_path, monkeypatch):
    for study in range(3):
        fake.add(film(study))
    store = relay.archive.store

    def fail_for_one(key, paths):
        if key == "1.2.1":
            raise AttributeError("Secret^Person")
        return store(key, paths)

    monkeypatch.setattr(relay.archive, "store", fail_for_one)
    relay.run(until_idle=True)
    assert [results_of(fake, study) for study in range(3)] == [KINDS, {"CR": 1}, KINDS]
    assert failures(tmp_path) == ["INTERNAL"]
    assert "Secret" not in (tmp_path / "out" / "failures.csv").read_text()


def test_study_of_two_patients_has_the_results_of_both(fake, relay):
    fake.add(film(0, 1, PatientID="A"))
    fake.add(film(0, 2, PatientID="B"))
    relay.run(until_idle=True)
    assert results_of(fake, 0) == twice(KINDS)
    assert sorted(str(one.PatientID) for one in fake.of_study("1.2.0") if one.Modality == "SR") == ["A", "B"]
