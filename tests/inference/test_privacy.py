"""Canaries in every attribute that can hold text, in the identifiers and in the path: only DICOM objects may sing."""

import csv
import re
from pathlib import Path

import numpy as np
import pydicom
import pytest
from PIL import Image
from pydicom.datadict import DicomDictionary, keyword_for_tag
from pydicom.dataset import Dataset
from pydicom.uid import UID
from scripts.data.sources import read_folder_items
from scripts.workflow import run_workflow

from ..dicom.synthetic import make_dataset, picture, save, window

WORD = "ZQXCANARY"
TEXT = {"PN", "LO", "SH", "LT", "ST", "UT", "UC", "AE"}
# Their values decide how the file is read; they identify nobody.
FUNCTIONAL = {"RescaleType", "PixelIntensityRelationship", "PatientSpeciesDescription"}
SECRET_UID = "1.2.826.0.1.3680043.8.498.9988776655"
BIRTH_DATE, STUDY_TIME = "19017531", "235759.97531"
SECRETS = [WORD, SECRET_UID, BIRTH_DATE, STUDY_TIME]


def canary(**attributes) -> Dataset:
    """Chest film whose every text attribute, identifier, sequence and private tag holds a canary."""
    dataset = make_dataset(picture(), **window())
    keywords = [
        keyword_for_tag(tag)
        for tag, entry in DicomDictionary.items()
        if entry[0] in TEXT and 0x00080000 <= tag < 0x00500000
    ]
    filled = [word for word in keywords if word and word not in FUNCTIONAL and word not in dataset]
    for number, keyword in enumerate([*filled, "PatientName", "PatientID"]):
        setattr(dataset, keyword, f"{WORD}{number}")
    dataset.PatientName = f"{WORD}^{WORD * 20}"  # longer than a name may be: libraries like to quote such values
    dataset.InstitutionName = WORD * 20
    dataset.PatientBirthDate, dataset.StudyTime, dataset.PatientAge = BIRTH_DATE, STUDY_TIME, "62"
    for number, keyword in enumerate(("SOPInstanceUID", "SeriesInstanceUID", "StudyInstanceUID")):
        setattr(dataset, keyword, UID(f"{SECRET_UID}.{number}"))
    item = Dataset()
    item.RequestedProcedureDescription = item.PatientComments = WORD
    dataset.RequestAttributesSequence = [item]
    dataset.private_block(0x0011, WORD, create=True).add_new(1, "LO", WORD)
    for keyword, value in attributes.items():
        setattr(dataset, keyword, value)
    return dataset


@pytest.fixture
def folder(tmp_path):
    """Films that are read, and some that are refused at different stages, below a folder named after the patient."""
    folder = tmp_path / f"{WORD}^PATH"
    folder.mkdir()
    films = {
        "good": canary(),
        "lateral": canary(ViewPosition="LL"),
        "rescale": canary(RescaleSlope="1e308"),
        "no_pixels": canary(),
        "no_identity": canary(),
        "half": canary(),
        "header": canary(),
    }
    for number, (name, film) in enumerate(films.items()):
        film.StudyInstanceUID = "" if name == "no_identity" else f"{SECRET_UID}.{number}.1"
        film.SOPInstanceUID = f"{SECRET_UID}.{number}.2"
    del films["no_pixels"].PixelData
    paths = {name: save(film, folder / f"{name}.dcm") for name, film in films.items()}
    for name, kept in (("half", -5000), ("header", 700)):
        paths[name].write_bytes(paths[name].read_bytes()[:kept])
    return folder


CODED = ("Modality", "ViewPosition", "BodyPartExamined", "PhotometricInterpretation", "SOPClassUID")
NUMERIC = ("BitsAllocated", "BitsStored", "PixelRepresentation", "SamplesPerPixel", "NumberOfFrames", "Rows")


@pytest.fixture(params=["name", "huge"])
def misplaced(request, tmp_path):
    """Films with a patient's name, or with 60 kB of it, where a code, a UID or a number should be."""
    secret = f"{WORD} JANE" if request.param == "name" else WORD * 6000
    folder = tmp_path / "films"
    folder.mkdir()
    for keyword in CODED:
        film = canary(**{keyword: secret})
        if keyword == "SOPClassUID":
            del film.PixelData
        save(film, folder / keyword)
    for keyword in NUMERIC:
        film = canary()
        film.pop(keyword, None)
        film.add_new(keyword, "LO", secret)
        save(film, folder / keyword)
    syntax = save(canary(), folder / "TransferSyntaxUID")
    syntax.write_bytes(syntax.read_bytes().replace(b"1.2.840.10008.1.2.1\0", WORD.ljust(20).encode()))
    save(canary(BodyPartExamined=f"CHEST {secret}", ViewPosition=f"PA {secret}"), folder / "good")
    return folder


def leaks(text: str, folder: Path) -> list[str]:
    """Secrets in a text, leaving out the path of the input as it was given."""
    text = text.replace(str(folder), "")
    return [secret for secret in SECRETS if re.search(re.escape(secret), text, re.IGNORECASE)]


def searchable(path: Path) -> str:
    """Bytes of a file; of a PNG also its text chunks, which may be compressed."""
    text = path.read_bytes().decode("latin-1")
    if path.suffix == ".png":
        with Image.open(path) as image:
            text += str(image.info)
    return text


def test_canaries_would_be_found(folder, tmp_path):
    path = tmp_path / "x.png"
    from PIL.PngImagePlugin import PngInfo

    info = PngInfo()
    info.add_text("Comment", WORD, zip=True)
    Image.fromarray(np.zeros((4, 4), np.uint8)).save(path, pnginfo=info)
    assert leaks(searchable(path), folder) == [WORD]
    assert leaks(f"{folder}/good.dcm", folder) == [] and leaks(f"{SECRET_UID}.2", folder) == [SECRET_UID]


@pytest.mark.usefixtures("as_a_command")
def test_no_output_but_dicom_objects_tells_who_it_was(folder, model_dir, tmp_path, caplog, capfd, recwarn):
    out = tmp_path / "runs" / "out"
    overrides = {"inputs": [str(folder)], "output_dir": str(out), "model_dir": str(model_dir), "enhancer": "bicubic"}
    with caplog.at_level("DEBUG"):
        run_workflow("inferring", overrides={**overrides, "dicom": True})
    with (out / "predictions.csv").open() as file:
        status = {Path(row["image"]).name: row["status"] for row in csv.DictReader(file)}
    assert status["good.dcm"] == status["no_identity.dcm"] == "ok"
    assert "ok" not in {status[name] for name in status if name not in ("good.dcm", "no_identity.dcm")}
    assert len(list(out.glob("dicom/*/*.dcm"))) == 5

    files = [path for path in (tmp_path / "runs").rglob("*") if path.is_file() and path.suffix != ".dcm"]
    assert {"predictions.csv", "predictions.json", "failures.csv"} <= {path.name for path in files}
    found = {str(path): leaks(searchable(path), folder) for path in files}
    found |= {path.name: leaks(str(path.relative_to(tmp_path)), folder) for path in (tmp_path / "runs").rglob("*")}
    streams = capfd.readouterr()
    found |= {"stdout": leaks(streams.out, folder), "stderr": leaks(streams.err, folder)}
    found |= {f"log {record.name}": leaks(record.getMessage(), folder) for record in caplog.records}
    found |= {f"warning {number}": leaks(str(one.message), folder) for number, one in enumerate(recwarn)}
    assert not any(found.values()), {name: secrets for name, secrets in found.items() if secrets}


def test_dicom_objects_do_tell_it_and_the_file_names_do_not(folder, model_dir, tmp_path):
    overrides = {"inputs": [str(folder / "good.dcm")], "output_dir": str(tmp_path), "model_dir": str(model_dir)}
    run_workflow("inferring", overrides={**overrides, "enhancer": "bicubic", "tracking_uri": "none", "dicom": True})
    objects = sorted((tmp_path / "dicom" / "00000_good").iterdir())
    kinds = ["attention", "attention_map", "enhanced", "findings", "regions"]
    assert [path.stem for path in objects] == kinds
    for path in objects:
        dataset = pydicom.dcmread(path)
        assert str(dataset.PatientName).startswith(WORD), path.name
        assert WORD not in str([element for element in dataset if element.tag.is_private])


@pytest.mark.usefixtures("as_a_command")
def test_identity_that_stands_where_a_code_should_be_is_not_quoted(
    misplaced, model_dir, tmp_path, caplog, capfd, recwarn
):
    out = tmp_path / "runs" / "out"
    overrides = {"inputs": [str(misplaced)], "output_dir": str(out), "model_dir": str(model_dir), "enhance": False}
    with caplog.at_level("DEBUG"):
        run_workflow("inferring", overrides={**overrides, "tracking_uri": "none"})
        items, failures = read_folder_items(misplaced)
    with (out / "failures.csv").open() as file:
        rows = {Path(row["path"]).name: row["reason"] for row in csv.DictReader(file)}
    assert {*CODED, *NUMERIC, "TransferSyntaxUID"} - {"NumberOfFrames"} <= rows.keys() and "good" not in rows
    files = [path for path in (tmp_path / "runs").rglob("*") if path.is_file()]
    found = {path.name: leaks(searchable(path), misplaced) for path in files}
    streams = capfd.readouterr()
    found |= {"stdout": leaks(streams.out, misplaced), "stderr": leaks(streams.err, misplaced)}
    found |= {f"log {record.name}": leaks(record.getMessage(), misplaced) for record in caplog.records}
    found |= {f"warning {number}": leaks(str(one.message), misplaced) for number, one in enumerate(recwarn)}
    found |= {"datalist": leaks(f"{items}{failures}", misplaced)}
    assert not any(found.values()), {name: secrets for name, secrets in found.items() if secrets}
    assert "Modality: expected one of CR, DX, RG, found a value of" in rows["Modality"]
    assert max(map(len, rows.values())) < 600 + len(str(misplaced))
