import os
import struct
import zipfile

import pytest
from scripts.dicom.gate import archives
from scripts.dicom.gate.archives import extract_members

from ..synthetic import make_dataset, picture, save


def pack(path, **members):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as content:
        for name, data in members.items():
            content.writestr(name, data)
    return path


def codes(archive):
    return [member.refusal.code if member.refusal else None for member in extract_members(archive)]


def test_members_keep_their_content_and_lose_their_names(tmp_path):
    film = save(make_dataset(picture()), tmp_path / "film")
    archive = pack(tmp_path / "a.zip", **{"b/IM1": film.read_bytes(), "a/x.NII.GZ": b"x", "notes.txt": b"", ".h": b""})
    first, second = extract_members(archive)
    assert (first.name, second.name) == (f"{archive}/a/x.NII.GZ", f"{archive}/b/IM1")
    assert (first.path.name, second.path.name) == ("000000.nii.gz", "000001")
    assert second.path.read_bytes() == film.read_bytes()
    assert first.path.parent.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("name", ["../../evil.dcm", "/evil.dcm", "a/../../evil.dcm", "C:\\evil.dcm"])
def test_no_name_leads_out_of_the_folder(tmp_path, name, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "deep" / "temp"))
    (tmp_path / "deep" / "temp").mkdir(parents=True)
    (member,) = extract_members(pack(tmp_path / "a.zip", **{name: b"x"}))
    assert member.path.parent.parent == tmp_path / "deep" / "temp"
    written = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert sorted(written) == sorted([tmp_path / "a.zip", member.path])
    assert not os.path.exists("/evil.dcm")


def test_bombs_are_refused_before_they_are_inflated(tmp_path, monkeypatch):
    monkeypatch.setattr(archives, "_SMALL_BYTES", 1000)
    bomb = pack(tmp_path / "a.zip", **{"a.dcm": bytes(1_000_000), "b.dcm": os.urandom(2000), "c.dcm": bytes(900)})
    assert codes(bomb) == ["ARCHIVE_SIZE", None, None]
    monkeypatch.setattr(archives, "_MAX_ARCHIVE_BYTES", 1_000_000)
    assert codes(bomb) == ["ARCHIVE_SIZE"]


def test_list_of_members_that_would_fill_the_memory_is_not_read(tmp_path, monkeypatch):
    many = pack(tmp_path / "a.zip", **{f"{number:04}.dcm": b"" for number in range(200)})
    monkeypatch.setattr(archives, "_MAX_READ_BYTES", 9000)
    assert codes(many) == ["ARCHIVE_SIZE"]
    monkeypatch.setattr(archives, "_MAX_READ_BYTES", 12_000)
    assert codes(many) == [None] * 200


def test_member_that_lies_about_its_size_is_cut_there(tmp_path):
    path = pack(tmp_path / "a.zip", **{"a.dcm": bytes(100_000)})
    content = bytearray(path.read_bytes())
    for signature, offset in ((b"PK\x01\x02", 24), (b"PK\x03\x04", 22)):
        start = content.index(signature)
        content[start + offset : start + offset + 4] = struct.pack("<I", 10)
    path.write_bytes(content)
    assert codes(path) == ["ARCHIVE_MEMBER"]


def test_one_bad_member_costs_no_other(tmp_path):
    path = pack(tmp_path / "a.zip", **{"a.dcm": os.urandom(5000), "b.zip": b"x", "c.dcm": b"good"})
    content = bytearray(path.read_bytes())
    content[200] ^= 0xFF
    path.write_bytes(content)
    members = list(extract_members(path))
    assert [member.refusal and member.refusal.code for member in members] == ["ARCHIVE_MEMBER", "ARCHIVE_NESTED", None]
    assert members[0].refusal.file == f"{path}/a.dcm" and members[2].path.read_bytes() == b"good"


def test_encrypted_and_rare_compressions_are_refused(tmp_path):
    path = pack(tmp_path / "a.zip", **{"a.dcm": b"x"})
    content = bytearray(path.read_bytes())
    for signature, offset in ((b"PK\x01\x02", 8), (b"PK\x03\x04", 6)):
        content[content.index(signature) + offset] |= 1
    path.write_bytes(content)
    assert codes(path) == ["ARCHIVE_MEMBER"]
    with zipfile.ZipFile(tmp_path / "b.zip", "w", zipfile.ZIP_LZMA) as lzma:
        lzma.writestr("a.dcm", b"x")
    assert codes(tmp_path / "b.zip") == ["ARCHIVE_MEMBER"]


def test_what_is_no_archive_is_one_refusal(tmp_path):
    (tmp_path / "a.zip").write_bytes(b"PK\x03\x04 no more")
    assert codes(tmp_path / "a.zip") == ["ARCHIVE"]
