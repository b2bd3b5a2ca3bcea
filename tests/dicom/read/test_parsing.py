import numpy as np
import pytest
from pydicom.encaps import encapsulate
from scripts.dicom import RefusedInput, read_radiograph
from scripts.dicom.decode.samples import decode
from scripts.dicom.header import complete_header
from scripts.dicom.read import parsing as module
from scripts.dicom.read.parsing import load_dataset

from ..cases import STORED, encode
from ..synthetic import SHARED_DICOM, make_dataset, picture, save, window

LARGE = np.random.default_rng(0).integers(0, 4096, (960, 640)).astype(np.uint16)
SYNTAXES = ["1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.1.99"]


def in_syntax(syntax):
    dataset = make_dataset(STORED, **window())
    dataset.file_meta.TransferSyntaxUID = syntax
    return dataset


@pytest.mark.parametrize("syntax", SYNTAXES)
@pytest.mark.parametrize("cut", [0, 128, 132])
def test_with_and_without_preamble(tmp_path, syntax, cut):
    path = save(in_syntax(syntax), tmp_path / "IM0001")
    path.write_bytes(path.read_bytes()[cut:])
    dataset = load_dataset(path)
    assert dataset.file_meta.TransferSyntaxUID == syntax
    assert dataset.PatientOrientation == ["L", "F"]
    np.testing.assert_allclose(read_radiograph(path).image[0], STORED / 4095, atol=1e-7)


def test_character_set_of_the_file(tmp_path):
    dataset = make_dataset(STORED, SpecificCharacterSet="ISO_IR 100", SeriesDescription="Röntgen")
    assert load_dataset(save(dataset, tmp_path / "x.dcm")).SeriesDescription == "Röntgen"


def test_no_transfer_syntax(tmp_path):
    path = save(make_dataset(STORED), tmp_path / "x.dcm")
    path.write_bytes(path.read_bytes().replace(b"1.2.840.10008.1.2.1\0", bytes(20)))
    with pytest.raises(RefusedInput) as refusal:
        load_dataset(path)
    assert refusal.value.code == "NO_TRANSFER_SYNTAX"


@pytest.mark.parametrize("compressed", [True, False])
def test_large_values_stay_in_the_file(tmp_path, compressed):
    dataset = make_dataset(LARGE)
    if compressed:
        dataset.compress("1.2.840.10008.1.2.5", encoding_plugin="pydicom")
    loaded = load_dataset(save(dataset, tmp_path / "x.dcm"))
    assert loaded.get_item("PixelData", keep_deferred=True).value is None
    complete_header(loaded)
    np.testing.assert_array_equal(decode(loaded), LARGE)


def test_large_values_of_a_deflated_file_are_there(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "_MAX_VALUE_BYTES", 1000)
    loaded = load_dataset(save(in_syntax(SYNTAXES[2]), tmp_path / "x.dcm"))
    complete_header(loaded)
    np.testing.assert_array_equal(decode(loaded), STORED)


def encapsulated(syntax="1.2.840.10008.1.2.4.90"):
    dataset = in_syntax(syntax)
    frame = encode("90", STORED)
    dataset.add_new("PixelData", "OB", encapsulate([frame + bytes(len(frame) % 2)]))
    return dataset


def shown(path):
    return read_radiograph(path).image[0]


@pytest.mark.parametrize("syntax", SYNTAXES[:2])
@pytest.mark.parametrize("surplus", [b"\xff" * 100, b"\0" * 7, b"\xfe\xff\xdd\xe0\0\0\0\0", b"any bytes"])
def test_bytes_after_the_pixels_make_no_difference(tmp_path, syntax, surplus):
    path = save(in_syntax(syntax), tmp_path / "x.dcm")
    path.write_bytes(path.read_bytes() + surplus)
    np.testing.assert_allclose(shown(path), STORED / 4095, atol=1e-7)


@pytest.mark.parametrize("instead", [b"", b"\xff" * 100, b"\0" * 100, b"\xfe\xff"])
def test_the_sequence_delimiter_may_be_missing(tmp_path, instead):
    path = save(encapsulated(), tmp_path / "x.dcm")
    content = path.read_bytes()
    assert content.endswith(b"\xfe\xff\xdd\xe0\0\0\0\0")
    path.write_bytes(content[:-8] + instead)
    np.testing.assert_allclose(shown(path), STORED / 4095, atol=1e-7)


def test_an_odd_fragment_with_an_uncounted_padding_byte(tmp_path):
    path = save(encapsulated(), tmp_path / "x.dcm")
    frame = encode("90", STORED)
    even = frame + bytes(1 - len(frame) % 2)  # of odd length
    content = path.read_bytes()
    start = content.rindex(b"\xfe\xff\x00\xe0")
    item = b"\xfe\xff\x00\xe0" + len(even).to_bytes(4, "little") + even + b"\0"
    path.write_bytes(content[:start] + item + content[-8:])
    np.testing.assert_allclose(shown(path), STORED / 4095, atol=1e-7)


@pytest.mark.parametrize(
    ("tag", "found"), [(b"\x28\x00\x10\x00US", "(0028,0004)"), (b"\x18\x00\x15\x00CS", "(0010,0030)")]
)
def test_a_header_that_stops_names_the_place(tmp_path, tag, found):
    path = save(in_syntax(SYNTAXES[1]), tmp_path / "x.dcm")
    content = path.read_bytes()
    position = content.index(tag)
    path.write_bytes(content[: position + 9])  # its value has 2 bytes or more
    with pytest.raises(RefusedInput) as refusal:
        shown(path)
    assert refusal.value.code == "PARSE"
    assert f"the end of the file after element {found}, at byte {position}" in str(refusal.value)
    assert "no image" not in str(refusal.value) and "Secret" not in str(refusal.value)


@pytest.mark.parametrize("keep", [0, 3, 8, 11])
def test_a_file_that_ends_before_its_pixels_says_so(tmp_path, keep):
    path = save(in_syntax(SYNTAXES[1]), tmp_path / "x.dcm")
    content = path.read_bytes()
    path.write_bytes(content[: content.index(b"\xe0\x7f\x10\x00O") + keep])
    with pytest.raises(RefusedInput, match=r"\(0028,1051\)") as refusal:
        shown(path)
    assert refusal.value.code == ("PARSE" if keep >= 8 else "NO_PIXELS") and "no image" not in str(refusal.value)


@pytest.mark.parametrize(
    "damage", [b"\x28\x00\x10\x00SQ\0\0\xff\xff\xff\xff", b"\x28\x00\x10\x00OB\0\0\xff\xff\xff\xff"]
)
def test_a_value_without_end_names_the_place(tmp_path, damage):
    path = save(in_syntax(SYNTAXES[1]), tmp_path / "x.dcm")
    content = path.read_bytes()
    position = content.index(b"\x28\x00\x10\x00US")
    path.write_bytes(content[:position] + damage + content[position + len(damage) :])
    with pytest.raises(RefusedInput, match="after element") as refusal:
        shown(path)
    assert refusal.value.code == "PARSE"


def test_a_length_beyond_the_file_names_the_place(tmp_path):
    path = save(in_syntax(SYNTAXES[1]), tmp_path / "x.dcm")
    content = path.read_bytes()
    position = content.index(b"\x28\x00\x00\x01US")
    for length in (60_000, 0xFFFF):
        path.write_bytes(content[: position + 6] + length.to_bytes(2, "little") + content[position + 8 :])
        with pytest.raises(RefusedInput, match=f"at byte {position}"):
            shown(path)


@pytest.mark.skipif(not (SHARED_DICOM / "field").exists(), reason="the shared files from the field are not here")
@pytest.mark.parametrize(
    "name",
    [
        "encapsulated_no_sequence_delimiter",
        "garbage_ff_after_pixels",
        "jpeg_lossless_200_zeros_after_eoi",
        "rle_trailing_zeros",
    ],
)
def test_files_from_the_field(name):
    path = SHARED_DICOM / "field" / f"{name}.dcm"
    dataset = load_dataset(path)
    complete_header(dataset)
    np.testing.assert_array_equal(decode(dataset), picture())
