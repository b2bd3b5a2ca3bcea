"""Names of files that forge, rewrite, calculate or break what shows them: they are predicted as any other."""

import csv
import json
import os
import zipfile
from pathlib import Path

import pytest
from scripts.data.sources import read_folder_items
from scripts.workflow import run_workflow

from ..dicom.synthetic import make_dataset, picture, save, window

NAMES = [
    "line\n12:00:00 INFO all is well",
    "clear\x1b[2J\x1b]0;title\x07",
    "return\rerror",
    "\u202egpj.exe",
    "other\udce9\udcff encoding",
    "=HYPERLINK(1)",
    "@SUM(A1)",
    "-1+1",
    "x" * 240,
]


@pytest.fixture
def films(tmp_path, monkeypatch):
    """Films, which are read, and files that are none, below the working folder, each with one of the names."""
    monkeypatch.chdir(tmp_path)
    for number, name in enumerate(NAMES):
        film = make_dataset(picture(), **window(), StudyInstanceUID=f"1.2.{number}", SOPInstanceUID=f"1.3.{number}")
        save(film, f"{name}.dcm")
        Path(f"{name}.x").write_bytes(b"x")
    return [f"{name}.{suffix}" for name in NAMES for suffix in ("dcm", "x")]


def shown(text):
    """Lines of a text, which a terminal shows as they are."""
    lines = text.splitlines()
    assert all(line.replace("\t", " ").isprintable() for line in lines), [
        line for line in lines if not line.isprintable()
    ]
    return lines


def test_no_name_reaches_terminal_log_or_tables_as_it_is_and_all_are_predicted(films, model_dir, capfd, caplog):
    overrides = {"inputs": films, "output_dir": "out", "model_dir": str(model_dir), "enhancer": "bicubic"}
    run_workflow("inferring", overrides={**overrides, "tracking_uri": "none", "dicom": True})
    streams = capfd.readouterr()
    assert not any(line.startswith("12:00:00") for line in shown(streams.out)) and "Logging error" not in streams.err
    shown(streams.err)
    assert all(record.getMessage().isprintable() for record in caplog.records if record.name.startswith("scripts"))

    items = json.loads(Path("out/predictions.json").read_text())["items"]
    assert sorted(item["image"] for item in items) == sorted(films)  # a program finds every file
    assert {item["status"] for item in items if item["image"].endswith(".dcm")} == {"ok"}
    for table in ("predictions.csv", "failures.csv"):
        lines = shown(Path("out", table).read_text(encoding="utf-8"))
        rows = list(csv.reader(lines))
        assert len(rows) == 1 + len(films) // (1 if table == "predictions.csv" else 2)
        assert not any(cell.startswith(("=", "+", "-", "@", "\t", "\r")) for row in rows for cell in row)
    for path in Path("out").rglob("*"):
        assert str(path).isprintable() and len(os.fsencode(path.name)) < 255
    assert len(list(Path("out/overlays").iterdir())) == len(NAMES)


def test_datalist_of_such_names_keeps_them(films):
    from scripts.data.building import build_from_folder
    from scripts.data.datalist import load_datalist, write_datalist

    built, failures = build_from_folder(".")
    write_datalist(built, "lists/datalist.json")
    loaded = load_datalist("lists/datalist.json")
    assert sorted(Path(item["image"]).name for item in loaded.splits["test"]) == sorted(films[::2])
    assert len(failures) == len(NAMES) and read_folder_items(Path("."))[0]


def test_member_of_an_archive_is_called_by_a_short_printable_name(tmp_path):
    from scripts.inference import find_images

    film = save(make_dataset(picture()), tmp_path / "film").read_bytes()
    with zipfile.ZipFile(tmp_path / "in.zip", "w") as archive:
        for name in (f"{'d/' * 20_000}IM1", "x" * 60_000, "a\x1b[2J\nb", "\u202egpj"):
            archive.writestr(name, film)
    names = [item["instance"].name for item in find_images([tmp_path / "in.zip"])]
    assert len(names) == 4 and all(name.isprintable() for name in names)
    assert max(map(len, names)) <= len(f"{tmp_path}/in.zip/") + 255
