"""Who is answered: this computer, its own page, and who knows the token."""

import pytest

from .conftest import TOKEN, client_of

HOST = {"Host": "127.0.0.1:8765"}


def test_page_is_shown_with_a_policy_that_admits_nothing_from_elsewhere(client):
    answer = client.get("")
    assert answer.status_code == 200 and "Drop films here" in answer.text
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy and "frame-ancestors 'none'" in policy and "http" not in policy
    assert answer.headers["Cache-Control"] == "no-store" and answer.headers["Referrer-Policy"] == "no-referrer"


@pytest.mark.parametrize(
    "path",
    ["/", "", f"/{TOKEN[:-1]}/", f"/{TOKEN}x/", f"/{TOKEN}", "/x/batches", f"//{TOKEN}/", "/ü/"],
    ids=["root", "nothing", "shorter", "longer", "no slash", "other", "two slashes", "not ascii"],
)
def test_without_the_token_nothing_is_known(queue, path):
    answer = client_of(queue, base_url="http://127.0.0.1:8765").get(path)
    assert answer.status_code == 404 and "serve printed" in answer.json()["detail"]


def test_another_computer_is_refused(queue):
    answer = client_of(queue, client=("10.0.0.7", 5000)).get("")
    assert answer.status_code == 403 and "another computer" in answer.json()["detail"]


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8765", "127.0.0.1@evil.example", "0.0.0.0:8765", "", "["]
)
def test_another_host_name_is_refused(client, host):
    answer = client.get("", headers={"Host": host})
    assert answer.status_code == 421 and answer.json()["detail"].startswith("Host: not served")


@pytest.mark.parametrize("host", ["localhost:8765", "127.0.0.1:9000", "[::1]:8765", "127.0.0.1"])
def test_names_of_this_computer_are_served_so_that_a_tunnel_works(client, host):
    assert client.get("", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://127.0.0.1:9999", "https://127.0.0.1:8765"])
def test_another_page_cannot_send_a_film(client, origin):
    answer = client.post("batches", headers={**HOST, "Origin": origin})
    assert answer.status_code == 403 and "Origin" in answer.json()["detail"]


def test_own_page_can_send_a_film(client):
    headers = {**HOST, "Origin": "http://127.0.0.1:8765", "Sec-Fetch-Site": "same-origin"}
    assert client.post("batches", headers=headers).status_code == 201


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_another_page_cannot_show_this_one(client, site):
    assert client.get("", headers={**HOST, "Sec-Fetch-Site": site}).status_code == 403


def test_header_that_is_given_twice_is_refused(client):
    answer = client.get("", headers=[("Host", "127.0.0.1"), ("Origin", "http://127.0.0.1"), ("Origin", "http://evil")])
    assert answer.status_code == 400 and "given twice" in answer.json()["detail"]


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"])
def test_other_methods_are_refused_as_json(client, method):
    answer = client.request(method, "batches")
    assert (answer.status_code, answer.json()["detail"]) == (405, "Method Not Allowed")


def test_unknown_address_is_refused_as_json(client):
    assert client.get("nothing").status_code == 404 and "detail" in client.get("nothing").json()


def test_error_inside_is_one_line_without_names(client, queue, monkeypatch, caplog):
    def fail(*arguments):
        raise OSError("Ann Example.dcm")

    monkeypatch.setattr(queue, "create", fail)
    answer = client.post("batches")
    assert (answer.status_code, answer.json()["detail"]) == (500, "failed inside; see the log")
    assert "OSError" in caplog.text and "Ann" not in caplog.text
