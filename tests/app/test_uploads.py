"""What is received: films and archives within limits, under harmless names."""

import asyncio
import io
import os
import zipfile

import pytest
from scripts.app import uploads
from scripts.app.server import make_app
from scripts.dicom.gate import archives

from .conftest import TOKEN, send, wait_for


def upload(client, name="film.dcm", content=b"film", **options):
    key = client.post("batches").json()["batch"]
    return client.post(f"batches/{key}/files", params={"name": name}, content=content, **options)


def detail(answer):
    return answer.json()["detail"]


def packed(**members):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as content:
        for name, data in members.items():
            content.writestr(name, data)
    return buffer.getvalue()


def test_film_is_predicted_under_its_name_and_removed(client, predictor, tmp_path):
    predictor.waits = False
    names = ["film.dcm", "film.dcm", "IM 0001", "Röntgen 胸部.PNG", "..dots..dcm", 'a<b>"&c.jpg']
    key = send(client, *names[:1])
    assert wait_for(client, key, "done")["used"] == 1
    assert predictor.seen == [{"film.dcm": b"film"}]
    key = send(client, *names[1:], content=b"other")
    wait_for(client, key, "done")
    assert predictor.seen[1] == dict.fromkeys(names[1:], b"other")
    assert client.get(f"batches/{key}/view/predictions.html").text == ", ".join(names[1:])
    assert not list((tmp_path / "private").rglob("uploads/*"))


def test_uploads_are_private_and_their_names_on_disk_are_harmless(client, tmp_path):
    upload(client, 'x"<|>:*?.exe')
    upload(client, "CON.dcm")
    files = sorted((tmp_path / "private").rglob("uploads/*"), key=lambda path: path.name)
    assert [path.name for path in files] == ["00000_CON.dcm", "00000_x_______"]
    for path in (*files, *(file.parent for file in files)):
        assert path.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    "name",
    ["", "..", ".", "../film.dcm", "a/film.dcm", "a\\film.dcm", "/etc/passwd", "C:\\film.dcm", "C:film.dcm",
     "a\nb.dcm", "a\0b.dcm", "a\x1b[2J.dcm", "a\x7f.dcm", "a\x85.dcm", "x" * 256],
)  # fmt: skip
def test_tricks_with_names_are_refused(client, tmp_path, name):
    answer = upload(client, name)
    assert answer.status_code == 400 and detail(answer).startswith("name: ")
    assert not list((tmp_path / "private").rglob("uploads/*"))


def test_name_must_be_given_once(client):
    key = client.post("batches").json()["batch"]
    assert client.post(f"batches/{key}/files", content=b"film").status_code == 400
    assert client.post(f"batches/{key}/files?name=a&name=b", content=b"film").status_code == 400


def test_file_above_the_limit_is_refused_before_it_is_read(client, monkeypatch, tmp_path):
    monkeypatch.setattr(uploads, "MAX_FILE_BYTES", 1000)
    answer = upload(client, content=b"x" * 1001)
    assert answer.status_code == 413 and detail(answer).startswith("file: too large")
    assert not list((tmp_path / "private").rglob("uploads/*"))


def test_file_that_is_larger_than_announced_is_refused(client, tmp_path):
    answer = upload(client, content=b"x" * 100, headers={"Content-Length": "99"})
    assert answer.status_code == 413 and "larger than announced" in detail(answer)
    assert not list((tmp_path / "private").rglob("uploads/*"))


def test_file_without_a_length_is_refused(client):
    answer = upload(client, content=iter([b"film"]))
    assert answer.status_code == 411 and "Content-Length" in detail(answer)


def test_batch_above_the_limits_is_refused_and_what_it_has_stays(client, predictor, monkeypatch):
    monkeypatch.setattr(uploads, "MAX_FILES", 2)
    predictor.waits = False
    key = client.post("batches").json()["batch"]
    codes = [client.post(f"batches/{key}/files?name={name}", content=b"film").status_code for name in "abc"]
    assert codes == [201, 201, 413]
    client.post(f"batches/{key}/start")
    assert wait_for(client, key, "done")["used"] == 2
    monkeypatch.setattr(uploads, "MAX_BATCH_BYTES", 3)
    assert detail(upload(client)).startswith("batch: too large")


def test_body_that_stops_is_given_up(queue, monkeypatch, tmp_path):
    monkeypatch.setattr(uploads, "_FILE_S", 0.05)
    key, sent = queue.create(), []
    messages = iter([{"type": "http.request", "body": b"half", "more_body": True}])

    async def receive():
        if (message := next(messages, None)) is None:
            await asyncio.sleep(60)
        return message

    async def keep(message):
        sent.append(message)

    scope = {
        "type": "http",
        "method": "POST",
        "path": f"/{TOKEN}/batches/{key}/files",
        "query_string": b"name=film.dcm",
    }
    scope |= {"client": ("127.0.0.1", 1), "headers": [(b"host", b"127.0.0.1"), (b"content-length", b"8")]}
    asyncio.run(make_app(queue, TOKEN)(scope, receive, keep))
    assert sent[0]["status"] == 408 and b"not complete" in sent[1]["body"]
    assert not list((tmp_path / "private").rglob("uploads/*"))


def test_full_disk_is_named(client, monkeypatch):
    monkeypatch.setattr(uploads, "_FREE_BYTES", 10**18)
    answer = upload(client)
    assert answer.status_code == 507 and "free some space" in detail(answer)


def test_archive_with_an_image_is_accepted(client):
    assert upload(client, "studies.ZIP", packed(**{"a/b.dcm": b"film", "sub\\c.dcm": b"film"})).status_code == 201


@pytest.mark.parametrize(
    "name", ["../evil.dcm", "/evil.dcm", "a/../evil.dcm", "a\\..\\evil.dcm", "C:\\evil.dcm", "a\nb.dcm"]
)
def test_archive_with_tricks_in_its_names_is_refused(client, name):
    answer = upload(client, "a.zip", packed(**{"good.dcm": b"film", name: b"film"}))
    assert answer.status_code == 400 and detail(answer).startswith("archive: the name of file 2 is not accepted")


def test_archive_that_is_none_or_has_no_image_is_refused(client, tmp_path):
    for content, reason in ((b"PK no more", "cannot be opened"), (packed(**{"notes.txt": b"x"}), "no image")):
        answer = upload(client, "a.zip", content)
        assert answer.status_code == 400 and reason in detail(answer)
    assert not list((tmp_path / "private").rglob("uploads/*"))


def test_zip_bombs_are_refused_before_they_are_unpacked(client, monkeypatch):
    monkeypatch.setattr(archives, "_SMALL_BYTES", 1000)
    bomb = packed(**{"a.dcm": os.urandom(5000), "b.dcm": bytes(3_000_000)})
    answer = upload(client, "a.zip", bomb)
    assert answer.status_code == 413 and "zip bomb" in detail(answer)
    noise = packed(**{"a.dcm": os.urandom(5000), "b.dcm": os.urandom(5000)})
    for name, value, reason in (
        ("_MAX_MEMBERS", 1, "at most 1 files, found 2"),
        ("_MAX_UNPACKED_BYTES", 9999, "unpacked"),
    ):
        with monkeypatch.context() as patch:
            patch.setattr(uploads, name, value)
            answer = upload(client, "a.zip", noise)
        assert answer.status_code == 413 and reason in detail(answer), name
    monkeypatch.setattr(archives, "_MAX_READ_BYTES", 64)
    answer = upload(client, "a.zip", noise)
    assert answer.status_code == 413 and "list of the archive's members is too long" in detail(answer)
    monkeypatch.undo()
    assert upload(client, "a.zip", noise).status_code == 201
