from datetime import date

import pytest
from pydicom.uid import (
    ComputedRadiographyImageStorage,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    SecondaryCaptureImageStorage,
    generate_uid,
)
from scripts.dicom import RefusedInput, read_radiograph
from scripts.dicom.objects.derived_image import write_enhanced
from scripts.pacs import receive
from scripts.pacs.dimse import Peer, send
from scripts.pacs.journal import Journal
from scripts.pacs.listener import listen
from scripts.pacs.outbox import Outbox
from scripts.pacs.receive import Inbox
from scripts.pacs.relay import Relay

from ..dicom.synthetic import save
from .conftest import film


@pytest.fixture
def peer():
    """A PACS that only knows C-STORE; its ``status`` is what it answers."""
    from pynetdicom import AE, AllStoragePresentationContexts, evt

    class StorePeer:
        stored: list = []  # noqa: RUF012
        status = 0

        def keep(self, event):
            self.stored.append(event.dataset)
            return self.status

    one = StorePeer()
    one.stored = []
    entity = AE("PACS")
    entity.supported_contexts = AllStoragePresentationContexts
    server = entity.start_server(("127.0.0.1", 0), block=False, evt_handlers=[(evt.EVT_C_STORE, one.keep)])
    one.peer = Peer("PACS", *server.server_address)
    yield one
    server.shutdown()


@pytest.fixture
def relay(peer, predictor, tmp_path):
    out = tmp_path / "out"
    with Journal(out) as journal:
        inbox = Inbox(out, journal, peer.peer)
        server = listen(inbox, ("127.0.0.1", 0))
        inbox.address = Peer("CXRASR", *server.server_address)
        yield Relay(inbox, Outbox(out, predictor), journal, interval_s=0.001)
        server.shutdown()


def give(relay, tmp_path, *datasets):
    paths = [save(dataset, tmp_path / f"{generate_uid()}.dcm") for dataset in datasets]
    send(paths, relay.archive.address)


def test_study_comes_and_its_results_go_to_the_peer(relay, peer, tmp_path):
    give(relay, tmp_path, film(0, 1), film(0, 2), film(1))
    relay.run(until_idle=True)
    assert sorted((str(one.StudyInstanceUID), one.Modality) for one in peer.stored) == [
        *[("1.2.0", "OT")] * 2, ("1.2.0", "SR"), *[("1.2.1", "OT")] * 2, ("1.2.1", "SR"),
    ]  # fmt: skip
    assert list(relay.archive.folder.rglob("*")) == [] and list(relay.outbox.folder.iterdir()) == []
    assert "SECOND_FRONTAL" in (tmp_path / "out" / "failures.csv").read_text()


def test_film_that_is_sent_again_has_the_same_results(relay, peer, tmp_path):
    for _ in range(2):
        give(relay, tmp_path, film(0))
        relay.run(until_idle=True)
    uids = [str(one.SOPInstanceUID) for one in peer.stored]
    assert len(uids) == 6 and uids[:3] == uids[3:]


def test_acknowledged_films_survive_a_kill_and_a_peer_that_is_away(relay, peer, tmp_path):
    give(relay, tmp_path, film(0))
    peer.status = 0xA700
    relay.poll()
    relay.poll()
    assert len(relay.outbox.studies()) == 1 and list(relay.archive.folder.rglob("*.dcm"))
    peer.status, peer.stored[:] = 0, []
    relay.archive.taken.clear()  # as another process would find it: it sends what waits, and then the same again
    relay.run(until_idle=True)
    relay.run(until_idle=True)
    assert len({str(one.SOPInstanceUID) for one in peer.stored}) == 3
    assert list(relay.archive.folder.rglob("*")) == [] and relay.outbox.studies() == []


def test_enhanced_image_that_a_pacs_forwards_is_acknowledged_and_not_predicted(relay, tmp_path):
    source = save(film(0), tmp_path / "film.dcm")
    image = read_radiograph(source).image[0]
    write_enhanced(source, image, tmp_path / "enhanced.dcm", description="test", software="test")
    send([tmp_path / "enhanced.dcm"], relay.archive.address)
    assert list(relay.archive.folder.rglob("*.dcm")) == []


def test_film_that_comes_while_its_study_is_processed_is_not_lost(relay, tmp_path):
    give(relay, tmp_path, film(0, 1))
    (key,) = relay.archive.studies(date.today())
    (tmp_path / "films").mkdir()
    relay.archive.fetch(key, tmp_path / "films")
    give(relay, tmp_path, film(0, 2))
    relay.archive.forget(key)
    assert relay.archive.studies(date.today()) == {key: 1}


def test_what_is_no_film_is_not_acknowledged(relay, tmp_path, monkeypatch):
    broken = film(0)
    broken.StudyInstanceUID = None
    with pytest.raises(RefusedInput, match="status 0xC000"):
        give(relay, tmp_path, broken)
    monkeypatch.setattr(receive, "MAX_FILE_BYTES", 100)
    with pytest.raises(RefusedInput, match="status 0xA700"):
        give(relay, tmp_path, film(0))
    with pytest.raises(RefusedInput, match="a class that it does not take"):
        give(relay, tmp_path, film(0, SOPClassUID="1.2.840.10008.5.1.4.1.1.2"))
    assert list(relay.archive.folder.rglob("*.dcm")) == []


def test_callers_of_another_title_and_absent_peers_are_named(relay, tmp_path):
    path = save(film(0), tmp_path / "film.dcm")
    address = relay.archive.address
    with pytest.raises(RefusedInput, match="rejected association") as refusal:
        send([path], Peer("OTHER", address.host, address.port))
    assert refusal.value.code == "PACS_REFUSED"
    with pytest.raises(RefusedInput, match="no association") as refusal:
        send([path], Peer("NOBODY", "127.0.0.1", 9))
    assert refusal.value.code == "PACS_UNAVAILABLE"


def test_peer_in_words():
    assert Peer.parse("PACS@10.0.0.5:104") == Peer("PACS", "10.0.0.5", 104)
    with pytest.raises(ValueError, match="expected TITLE@HOST:PORT"):
        Peer.parse("10.0.0.5:104")


def test_study_of_two_patients_has_the_results_of_both(relay, peer, tmp_path):
    give(relay, tmp_path, film(0, 1, PatientID="A"), film(0, 1, PatientID="B"))  # even of one SOPInstanceUID
    relay.run(until_idle=True)
    assert sorted((str(one.PatientID), one.Modality) for one in peer.stored) == [
        *[("A", "OT")] * 2, ("A", "SR"), *[("B", "OT")] * 2, ("B", "SR"),
    ]  # fmt: skip


def test_study_with_an_invalid_uid_comes_and_its_results_stay_in_it(relay, peer, tmp_path):
    give(relay, tmp_path, film(0, StudyInstanceUID="1.2.840.0001.05.3"))
    relay.run(until_idle=True)
    assert {str(one.StudyInstanceUID) for one in peer.stored} == {"1.2.840.0001.05.3"} and len(peer.stored) == 3


@pytest.fixture
def picky():
    """Start a peer: which classes it takes, in which encodings, and what it answers for each class."""
    from pynetdicom import AE, evt

    servers = []

    def start(classes, syntaxes, status_of=lambda sop_class: 0):
        stored = []

        def keep(event):
            stored.append(event.dataset)
            stored[-1].file_meta = event.file_meta
            return status_of(event.dataset.SOPClassUID)

        entity = AE("PACS")
        for sop_class in classes:
            entity.add_supported_context(sop_class, syntaxes)
        server = entity.start_server(("127.0.0.1", 0), block=False, evt_handlers=[(evt.EVT_C_STORE, keep)])
        servers.append(server)
        return Peer("PACS", *server.server_address), stored

    yield start
    for server in servers:
        server.shutdown()


CT = "1.2.840.10008.5.1.4.1.1.2"


def files(folder, *datasets):
    return [save(dataset, folder / f"{number}.dcm") for number, dataset in enumerate(datasets)]


def test_peer_that_takes_the_default_encoding_only_gets_converted_objects(picky, relay, tmp_path):
    peer, stored = picky([ComputedRadiographyImageStorage], [ImplicitVRLittleEndian])
    source = film(0)
    send(files(tmp_path, source), peer)
    (found,) = stored
    assert found.file_meta.TransferSyntaxUID == ImplicitVRLittleEndian
    assert found.PixelData == source.PixelData and found.StudyInstanceUID == source.StudyInstanceUID
    assert found.PatientName == source.PatientName


def test_duplicate_instances_and_warnings_count_as_stored(picky, tmp_path):
    for status in (0x0111, 0xB000, 0xB007):
        peer, stored = picky([ComputedRadiographyImageStorage], [ExplicitVRLittleEndian], lambda _, one=status: one)
        send(files(tmp_path, film(0, 1), film(0, 2)), peer)
        assert len(stored) == 2


@pytest.mark.parametrize("how", ["no context", "status"])
def test_class_that_a_peer_lacks_is_named_and_the_others_are_sent(how, picky, tmp_path):
    classes = [ComputedRadiographyImageStorage] + [CT] * (how == "status")
    peer, stored = picky(classes, [ExplicitVRLittleEndian], lambda one: 0x0122 if one == CT else 0)
    paths = files(tmp_path, film(0, 1), film(0, 2, SOPClassUID=CT), film(0, 3))
    with pytest.raises(RefusedInput, match=r"a class that it does not take \(CT Image Storage\)") as refusal:
        send(paths, peer)
    assert refusal.value.code == "PACS_REFUSED"
    assert [str(one.SOPInstanceUID) for one in stored if one.SOPClassUID != CT] == ["1.2.0.7.1", "1.2.0.7.3"]


def test_object_that_a_peer_rejects_costs_the_others_nothing(picky, tmp_path):
    peer, stored = picky(
        [ComputedRadiographyImageStorage, CT], [ExplicitVRLittleEndian], lambda one: 0xA900 if one == CT else 0
    )
    with pytest.raises(RefusedInput, match="found status 0xA900"):
        send(files(tmp_path, film(0, 1, SOPClassUID=CT), film(0, 2)), peer)
    assert len(stored) == 2


def test_study_whose_report_a_peer_does_not_take_is_finished_with_its_name(picky, relay, tmp_path):
    peer, stored = picky([SecondaryCaptureImageStorage], [ImplicitVRLittleEndian])
    relay.archive.peer = peer
    give(relay, tmp_path, film(0), film(1))
    relay.run(until_idle=True)
    assert {str(one.StudyInstanceUID) for one in stored} == {"1.2.0", "1.2.1"}
    table = (tmp_path / "out" / "failures.csv").read_text()
    assert table.count("Comprehensive 3D SR Storage") == 2 and relay.outbox.studies() == []


def test_films_are_copied_where_the_file_system_has_no_links(relay, tmp_path, monkeypatch):
    def without_links(*_):
        raise OSError(1, "Operation not permitted")

    monkeypatch.setattr("scripts.pacs.receive.os.link", without_links)
    inbox = relay.archive
    (inbox.folder / "study").mkdir()
    (inbox.folder / "study" / "film.dcm").write_bytes(b"film")
    (tmp_path / "fetched").mkdir()
    assert inbox.fetch("study", tmp_path / "fetched") == []
    assert (tmp_path / "fetched" / "000000.dcm").read_bytes() == b"film"
    inbox.forget("study")
    assert not (inbox.folder / "study").exists()
