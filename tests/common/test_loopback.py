import pytest
from scripts.common.loopback import host_name, is_loopback


@pytest.mark.parametrize("name", ["127.0.0.1", "127.8.0.1", "::1", "localhost"])
def test_this_computer(name):
    assert is_loopback(name)


@pytest.mark.parametrize("name", ["10.0.0.1", "::ffff:10.0.0.1", "pacs", "localhost.example", "127.0.0.1.example", ""])
def test_other_computers(name):
    assert not is_loopback(name)


@pytest.mark.parametrize(
    ("host", "name"),
    [("127.0.0.1:8000", "127.0.0.1"), ("[::1]:8000", "::1"), ("pacs", "pacs"), ("user@127.0.0.1", ""), ("[::1", "")],
)
def test_host_name(host, name):
    assert host_name(host) == name
