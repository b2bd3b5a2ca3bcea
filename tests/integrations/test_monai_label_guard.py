"""The guard by itself: what its settings allow, other computers, slow bodies; metadata of a model folder."""

import asyncio
import json
import sys

import pytest

from .label_server import INTEGRATION

pytest.importorskip("starlette")


@pytest.fixture
def guard(monkeypatch):
    """``guard(**settings)`` -> what it answers to a client's address, path, headers and chunks of a body."""
    monkeypatch.syspath_prepend(str(INTEGRATION / "app"))
    for name in [name for name in sys.modules if name == "lib" or name.startswith("lib.")]:
        monkeypatch.delitem(sys.modules, name)
    from lib import guard as module

    async def app(scope, receive, send):
        body = b""
        while (message := await receive()).get("more_body"):
            body += message["body"]
        await send({"type": "passed", "status": 200, "body": body})

    def make(**settings):
        for key, value in settings.items():
            monkeypatch.setenv(key, value)
        guarded = module.Guard(app, {"model": ("cxr",)}, lambda: ["Edema"])

        def ask(client="127.0.0.1", method="GET", path="/info/", chunks=(b"",), **headers):
            sent = []
            messages = iter(chunks)

            async def receive():
                chunk = next(messages)
                if chunk is None:
                    await asyncio.sleep(60)
                return {"type": "http.request", "body": chunk, "more_body": chunk != b""}

            async def send(message):
                sent.append(message)

            raw = [
                (key.replace("_", "-").encode(), value.encode())
                for key, value in {"host": "localhost", **headers}.items()
            ]
            scope = {"type": "http", "method": method, "path": path, "query_string": b"", "headers": raw}
            asyncio.run(guarded({**scope, "client": (client, 1)}, receive, send))
            return sent[0]["status"], sent[-1]["body"]

        return ask

    make.module = module
    return make


def test_another_computer_is_answered_only_when_names_are_allowed(guard):
    status, body = guard()(client="10.0.0.7")
    assert status == 403 and b"CXR_LABEL_ALLOWED_HOSTS" in body
    ask = guard(CXR_LABEL_ALLOWED_HOSTS="label.hospital, 10.0.0.1")
    assert ask(client="10.0.0.7", host="label.hospital:8000")[0] == 200
    assert ask(client="10.0.0.7", host="10.0.0.1")[0] == 200
    assert ask(client="10.0.0.7", host="evil.example")[0] == 403


def test_a_page_of_an_allowed_origin_is_answered_and_no_other(guard):
    ask = guard(CXR_LABEL_ALLOWED_ORIGINS="https://viewer.hospital")
    assert ask(origin="https://viewer.hospital", sec_fetch_site="cross-site")[0] == 200
    assert ask(origin="http://viewer.hospital")[0] == 403
    assert ask(origin="https://viewer.hospital.evil.example")[0] == 403


def test_a_body_that_does_not_end_is_given_up(guard, monkeypatch):
    monkeypatch.setattr(guard.module, "BODY_S", 0.05)
    found = guard()(method="POST", path="/train/cxr", chunks=(b"{", None), content_type="application/json")
    assert found[0] == 408


def test_what_passes_is_written_anew_from_the_checked_values(guard):
    body = b'{"seed": 7, "seed": 3, "device": "cuda"}'
    status, passed = guard()(method="POST", path="/train/cxr", chunks=(body, b""), content_type="application/json")
    assert status == 200
    assert json.loads(passed) == {"max_epochs": 10, "batch_size": 16, "learning_rate": 1e-4, "seed": 3}
