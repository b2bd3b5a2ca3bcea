import itertools
import shutil
import socket
import struct
import threading
import time
from collections import namedtuple

import pydicom
import pytest
from pydicom.uid import DeflatedExplicitVRLittleEndian
from pynetdicom import AE
from scripts.dicom import RefusedInput, budget
from scripts.pacs import dimse, limited_socket, listener, receive
from scripts.pacs.dimse import Peer, send
from scripts.pacs.journal import Journal
from scripts.pacs.listener import listen
from scripts.pacs.receive import CLASSES, Inbox

from ..dicom.synthetic import save
from .conftest import film

WAIT_S = 20  # for what happens within one


@pytest.fixture
def start(tmp_path):
    """Start to listen with some settings; the inbox, whose ``address`` is where."""
    with Journal(tmp_path / "out") as journal:
        servers = []

        def run(**settings):
            inbox = Inbox(tmp_path / "out", journal, Peer("PACS", "127.0.0.1", 9))
            servers.append(listen(inbox, ("127.0.0.1", 0), **settings))
            inbox.address = Peer("CXRASR", *servers[0].server_address)
            return inbox

        yield run
        servers[0].shutdown()


@pytest.fixture
def one_film(tmp_path):
    return save(film(0), tmp_path / "film.dcm")


@pytest.fixture
def connect():
    """Open connections, or associations, which are closed at the end."""
    opened = []

    def run(inbox, *, associate=False, source="127.0.0.1"):
        address = inbox.address.host, inbox.address.port
        if not associate:
            opened.append(socket.create_connection(address, timeout=WAIT_S))
            return opened[-1]
        entity = AE("SENDER")
        entity.add_requested_context(CLASSES[0])
        association = entity.associate(*address, ae_title="CXRASR", bind_address=(source, 0))
        if association.is_established:
            opened.append(association)
        return association

    yield run
    for one in opened:
        one.close() if isinstance(one, socket.socket) else one.abort()


def films(inbox):
    return list(inbox.folder.rglob("*.dcm"))


def fragment(size, control=0):
    """P-DATA-TF with a fragment that is not the last one, of a data set (0) or a command (1)."""
    return struct.pack(">BBLLBB", 4, 0, size + 6, size + 2, 1, control) + bytes(size)


def sent_until_cut_off(line, pieces):
    """Bytes that a server took before it closed a connection; it fails when it took all of them."""
    taken = 0
    try:
        for piece in pieces:
            line.sendall(piece)
            taken += len(piece)
        line.settimeout(WAIT_S)
        while line.recv(1 << 16):
            pass
    except TimeoutError:
        pytest.fail("the server goes on waiting")
    except OSError:
        pass
    return taken


def test_request_that_states_400_mb_is_not_read(start, connect, one_film):
    inbox = start()
    head = struct.pack(">BBL", 1, 0, 400_000_000)
    taken = sent_until_cut_off(connect(inbox), itertools.chain([head], itertools.repeat(bytes(1 << 16), 500)))
    assert taken < 30_000_000
    send([one_film], inbox.address)
    assert len(films(inbox)) == 1


def test_connections_that_say_nothing_do_not_keep_an_honest_sender_out(start, connect, one_film):
    inbox = start()
    lines = [connect(inbox) for _ in range(50)]
    send([one_film], inbox.address)
    assert len(films(inbox)) == 1 and len(lines) == 50


@pytest.mark.parametrize("drips", [False, True])
def test_connection_without_a_request_ends_soon(drips, start, connect, monkeypatch):
    monkeypatch.setattr(listener, "REQUEST_S", 0.5)
    line = connect(start())

    def drip():
        yield struct.pack(">BBL", 1, 0, 1000)
        for _ in range(200 * drips):
            yield b"a"
            time.sleep(0.05)

    assert sent_until_cut_off(line, drip()) < 150


def test_one_address_leaves_room_for_others_and_associations_stay(start, connect):
    inbox = start(max_connections=4)
    kept = [connect(inbox, associate=True) for _ in range(2)]
    assert not connect(inbox, associate=True).is_established
    for _ in range(5):
        connect(inbox)
    assert connect(inbox, associate=True, source="127.0.0.2").is_established
    assert all(one.is_established for one in kept)


def test_only_titles_of_the_list_may_send(start, one_film):
    inbox = start(calling=["MODALITY1", "MY PACS"])
    with pytest.raises(RefusedInput, match="rejected association"):
        send([one_film], inbox.address, "STRANGER")
    assert films(inbox) == []
    send([one_film], inbox.address, "MY PACS")
    assert len(films(inbox)) == 1


@pytest.mark.parametrize("address", ["0.0.0.0", "", "::", "192.0.2.1", "::ffff:127.0.0.1"])
def test_other_computers_are_heard_only_with_a_list_of_titles(address, tmp_path):
    with Journal(tmp_path) as journal, pytest.raises(ValueError, match="name them with --calling"):
        listen(Inbox(tmp_path, journal, Peer("PACS", "127.0.0.1", 9)), (address, 0))


@pytest.mark.parametrize("title", ["", " A", "A" * 17, "A\\B", "A\n", "\u00c4"])
def test_what_is_no_title_is_said_at_the_start(title, tmp_path):
    with Journal(tmp_path) as journal, pytest.raises(ValueError, match="--calling: not an AE title"):
        listen(Inbox(tmp_path, journal, Peer("PACS", "127.0.0.1", 9)), ("127.0.0.1", 0), calling=[title])


def test_film_is_not_taken_when_the_disk_is_nearly_full(start, one_film, monkeypatch, caplog):
    inbox = start()
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(10**12, 0, inbox.free_bytes + 100))
    with pytest.raises(RefusedInput, match="status 0xA700"):
        send([one_film], inbox.address)
    assert films(inbox) == [] and "expected 1.0 GB free" in caplog.text
    inbox.free_bytes = 0
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(10**12, 0, 10**9))
    send([one_film], inbox.address)


@pytest.mark.parametrize("control", [0, 1], ids=["data set", "command"])
def test_object_without_an_end_is_cut_off(control, start, connect, one_film, monkeypatch):
    monkeypatch.setattr(limited_socket, "MAX_FILE_BYTES", 1_000_000)
    inbox = start()
    line = connect(inbox, associate=True).dul.socket.socket
    copy = line.dup()  # pynetdicom closes its own when it notices
    assert sent_until_cut_off(copy, itertools.repeat(fragment(60_000, control), 400)) < 24_000_000
    copy.close()
    send([one_film], inbox.address)


def test_message_that_is_larger_than_was_agreed_is_cut_off(start, connect):
    line = connect(start(), associate=True).dul.socket.socket.dup()
    head = struct.pack(">BBL", 4, 0, 400_000_000)
    assert sent_until_cut_off(line, itertools.chain([head], itertools.repeat(bytes(1 << 16), 500))) < 30_000_000
    line.close()


def test_object_that_drips_is_cut_off(start, connect, monkeypatch):
    monkeypatch.setattr(limited_socket, "_OBJECT_S", 0.5)
    line = connect(start(), associate=True).dul.socket.socket.dup()

    def drip():
        for _ in range(200):
            yield fragment(2)
            time.sleep(0.05)

    assert sent_until_cut_off(line, drip()) < 150 * len(fragment(2))
    line.close()


def test_who_takes_most_of_the_memory_is_cut_off_and_not_who_comes_last(start, connect, monkeypatch):
    monkeypatch.setattr(listener, "_MAX_WAITING_BYTES", 500_000)
    inbox = start()
    large, small = connect(inbox, associate=True), connect(inbox, associate=True)
    for association, count in ((large, 8), (small, 4)):
        with association.dul.socket.socket.dup() as line:
            line.sendall(fragment(50_000) * count)
    assert sent_until_cut_off(large.dul.socket.socket.dup(), []) == 0
    assert small.is_established


def test_data_set_that_inflates_to_much_more_is_not_taken(start, monkeypatch):
    monkeypatch.setattr(budget, "MAX_INFLATED_BYTES", 1000)
    inbox = start()
    entity = AE("SENDER")
    dataset = film(0)
    entity.add_requested_context(dataset.SOPClassUID, DeflatedExplicitVRLittleEndian)
    association = entity.associate(inbox.address.host, inbox.address.port, ae_title="CXRASR")
    dataset.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    status = association.send_c_store(dataset).Status
    association.release()
    assert status == 0xC000 and films(inbox) == []


def test_study_of_more_films_than_one_has_is_taken_in_part(start, tmp_path, monkeypatch):
    monkeypatch.setattr(receive, "MAX_IMAGES", 1)
    inbox = start()
    first, second = (save(film(0, number), tmp_path / f"{number}.dcm") for number in (1, 2))
    send([first, first], inbox.address)
    with pytest.raises(RefusedInput, match="status 0xA700"):
        send([second], inbox.address)
    monkeypatch.setattr(receive, "_MAX_STUDIES", 1)
    with pytest.raises(RefusedInput, match="status 0xA700"):
        send([save(film(1), tmp_path / "other.dcm")], inbox.address)
    assert len(films(inbox)) == 1 and pydicom.dcmread(films(inbox)[0]).SOPInstanceUID == "1.2.0.7.1"


def test_peer_that_drips_does_not_hold_who_sends_results(one_film, monkeypatch):
    monkeypatch.setattr(dimse, "_ANSWER_S", 0.5)
    seen = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def drip():
            line, _ = server.accept()
            with line:
                line.sendall(struct.pack(">BBL", 2, 0, 10_000))
                try:
                    for _ in range(200):
                        line.sendall(b"a")
                        seen.append(1)
                        time.sleep(0.05)
                except OSError:
                    pass

        thread = threading.Thread(target=drip, daemon=True)
        thread.start()
        with pytest.raises(RefusedInput) as refusal:
            send([one_film], Peer("PACS", *server.getsockname()))
        thread.join(WAIT_S)
    assert refusal.value.code == "PACS_UNAVAILABLE" and len(seen) < 150
