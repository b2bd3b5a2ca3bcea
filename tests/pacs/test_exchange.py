import socket
import threading
import time

import pytest
from pydicom.uid import DeflatedExplicitVRLittleEndian
from scripts.dicom import RefusedInput
from scripts.pacs import deadline, exchange
from scripts.pacs import relay as relay_module
from scripts.pacs.exchange import BoundSession, _origin_of

from ..dicom.synthetic import save
from .conftest import film
from .fake_server import FakePacs, Handler, serve, to_bytes
from .test_relay import KINDS, failures, results_of


@pytest.fixture
def other():
    """Another server, which is to have nothing."""
    pacs = FakePacs()
    server = serve(pacs)
    pacs.port = server.server_address[1]
    yield pacs
    server.shutdown()
    server.server_close()


@pytest.fixture
def result(tmp_path):
    return save(film(0, 5, Modality="OT", SeriesInstanceUID="1.2.0.8"), tmp_path / "result.dcm")


def refusal_of(call, *arguments):
    with pytest.raises(RefusedInput) as refusal:
        call(*arguments)
    assert "1.2.0" not in str(refusal.value) and "dicom-web" not in str(refusal.value)
    return refusal.value


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_redirect_to_another_server_sends_nothing_there_and_names_it(
    method, status, fake, other, web, result, tmp_path
):
    fake.add(film(0))
    where = f"http://127.0.0.1:{other.port}"
    fake.trouble = lambda kind, path: (status, where + path) if kind == method else None
    call = [web.fetch, "1.2.0", tmp_path] if method == "GET" else [web.store, "1.2.0", [result]]
    refused = refusal_of(*call)
    assert refused.code == "PACS_REFUSED" and refused.found == where
    assert other.requests == [] and other.received == [] and len(fake.requests) <= 4


@pytest.mark.parametrize(
    "where",
    ["https://127.0.0.1:{own}/x", "http://localhost:{own}/x", "//127.0.0.1:{other}/x", "http://127.0.0.2:{own}/x",
     "http://127.0.0.1:{own}@127.0.0.1:{other}/x",
     "http://127.0.0.1:{own}\\@127.0.0.1:{other}/x", "http://127.0.0.1:{own}:{other}/x", "ftp://127.0.0.1/x"],
)  # fmt: skip
def test_scheme_host_and_port_all_count_however_the_redirect_is_written(where, fake, other, web, tmp_path):
    own = int(fake.url.split(":")[2].split("/")[0])
    fake.trouble = lambda *_: (307, where.format(own=own, other=other.port)) if len(fake.requests) == 1 else 404
    with pytest.raises(RefusedInput):
        web.fetch("1.2.0", tmp_path)
    assert len(fake.requests) == 1 and other.requests == []


def test_redirect_on_the_same_server_is_followed_for_a_search_and_not_for_an_object(fake, web, result, tmp_path):
    fake.add(film(0))

    def detour(method, path):
        if method == "GET" and "detour" not in path:
            return 307, f"{path}{'&' if '?' in path else '?'}fuzzymatching=detour"
        return (307, path + "/again") if method == "POST" else None

    fake.trouble = detour
    assert web.fetch("1.2.0", tmp_path) == []
    refused = refusal_of(web.store, "1.2.0", [result])
    assert refused.code == "PACS_REFUSED" and sum(method == "POST" for method, *_ in fake.requests) == 1
    fake.requests.clear()
    fake.trouble = lambda method, path: (302, path)
    assert refusal_of(web.fetch, "1.2.0", tmp_path).code == "PACS_REFUSED"
    assert len(fake.requests) == exchange._MAX_REDIRECTS + 1


@pytest.mark.parametrize("status", [300, 302, 304])
def test_redirect_that_leads_nowhere_is_not_taken_for_stored(status, fake, web, result):
    fake.add(film(0))
    fake.trouble = lambda method, path: status if method == "POST" else None
    assert refusal_of(web.store, "1.2.0", [result]).code == "PACS_REFUSED"


def test_address_of_another_server_in_an_answer_is_not_asked(other, fake, web):
    with pytest.raises(RefusedInput, match="another address"):
        web.client.retrieve_bulkdata(f"http://127.0.0.1:{other.port}/bulk")
    assert other.requests == []


@pytest.mark.parametrize(
    ("url", "origin"),
    [("https://PACS.example/x?y", "https://pacs.example:443"), ("http://[::1]:80/", "http://[::1]:80"),
     ("http://a\x1b[2J/", "another address"), ("http://a:b/", "another address"),
     (f"http://{99 * 'a'}", "another address")],
)  # fmt: skip
def test_address_is_shown_without_path_query_and_tricks(url, origin):
    assert _origin_of(url) == origin


@pytest.mark.parametrize(
    "start",
    [b"", b"HTTP/1.1 200 OK\r\nServer: ", b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n",
     b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n",
     b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n500\r\n"],
    ids=["status", "header", "body", "body to the end", "chunks"],
)  # fmt: skip
def test_server_that_drips_is_given_up_at_the_deadline_and_not_asked_again_at_once(
    start, fake, web, monkeypatch, tmp_path
):
    monkeypatch.setattr(deadline, "_ANSWER_S", 0.4)
    fake.trouble = lambda *_: "drip"
    drip = Handler.drip
    monkeypatch.setattr(Handler, "drip", lambda self, _: drip(self, start))
    refused = refusal_of(web.fetch, "1.2.0", tmp_path)
    assert refused.code == "PACS_UNAVAILABLE" and "within 0.4 s" in str(refused) and len(fake.requests) == 1


def test_study_whose_film_drips_is_put_off_and_the_others_are_done(fake, relay, monkeypatch, tmp_path):
    monkeypatch.setattr(deadline, "_ANSWER_S", 0.3)
    monkeypatch.setattr(relay_module, "_ATTEMPTS_WITHOUT_ANSWER", 3)
    fake.add(film(0))
    fake.add(film(1))
    fake.trouble = lambda method, path: "drip" if "1.2.0" in path and "/instances/" in path else None
    relay.run(until_idle=True)
    assert failures(tmp_path) == ["PACS_UNAVAILABLE"] and results_of(fake, 1) == KINDS
    assert sum("1.2.0.7/instances/" in path for _, path, _ in fake.requests) == relay_module._ATTEMPTS_WITHOUT_ANSWER


def test_server_that_does_not_take_an_object_is_given_up_at_the_deadline(monkeypatch):
    monkeypatch.setattr(deadline, "_ANSWER_S", 0.4)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/"

        def sip():
            connection, _ = listener.accept()
            for _ in range(100):
                if not connection.recv(1 << 14):
                    return
                time.sleep(0.05)

        threading.Thread(target=sip, daemon=True).start()
        with pytest.raises(RefusedInput) as refusal:
            BoundSession(url).post(url, data=bytes(50_000_000), timeout=deadline.TIMEOUTS_S)
    assert refusal.value.code == "PACS_UNAVAILABLE"


def test_answers_of_too_many_parts_or_too_much_text_are_not_read_to_the_end(fake, web, tmp_path, monkeypatch):
    fake.add(film(0))
    part = b"\r\n--edge\r\n\r\n" + 200 * b"x"
    fake.stored["1.2.0.7.1"].content = 10_000 * part
    assert refusal_of(web.fetch, "1.2.0", tmp_path).code == "PACS_RESPONSE"
    monkeypatch.setattr(exchange, "_MAX_TEXT_BYTES", 100)
    assert refusal_of(web.fetch, "1.2.0", tmp_path).code == "FILE_SIZE"


def test_deflated_film_is_not_inflated_in_memory(fake, web, tmp_path, monkeypatch):
    monkeypatch.setattr("zlib.decompress", lambda *_: pytest.fail("inflated"))
    deflated = film(0, 2)
    deflated.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    fake.add(film(0, 1))
    fake.add(film(0, 2))
    fake.stored["1.2.0.7.2"].content = to_bytes(deflated)
    (failure,) = web.fetch("1.2.0", tmp_path)
    assert failure.code == "PACS_RESPONSE" and "deflated" in failure.reason
    assert [path.name for path in tmp_path.iterdir()] == ["000001.dcm"]
