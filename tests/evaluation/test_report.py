from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from scripts.evaluation import figures
from scripts.evaluation.calibration import Calibration, LabelCalibration
from scripts.evaluation.evaluate import compare, write_evaluation
from scripts.evaluation.report import (
    class_rows,
    epoch_rows,
    fidelity_rows,
    interval,
    number,
    p_value,
    percent,
    signed,
    write_report,
)

LABELS = ["Edema", "<b>Fracture & co</b>"]
HISTORY = "epoch,train_loss,val_loss,val_macro_auroc,val_accuracy,val_accuracy_all_negative,lr,seconds\n" + "".join(
    f"{epoch},0.5,0.4,0.{auroc},0.9{epoch},0.9,0.001,3\n" for epoch, auroc in enumerate([5, 6, 7, 9, 8, 8, 7], 1)
)


class Outline(HTMLParser):
    """Every start tag with its attributes, and proof that the tags nest."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict]] = []

    def handle_starttag(self, tag: str, attrs: list) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in ("meta", "img", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.fixture
def run_dir(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    targets = (rng.random((60, 2)) < 0.4).astype(float)
    logits = targets + rng.normal(size=(60, 2))
    for name, values in (("base", logits), ("retrained", logits + targets)):
        items = [{"image": f"/{name}/{i}.png", "patient_id": f"secret-{i}", "sex": "FM"[i % 2]} for i in range(60)]
        calibration = Calibration({label: LabelCalibration(0.7, 0.1, 0.42, "platt") for label in LABELS}, "", "youden")
        novelty = np.linspace(0, 1, 60)
        write_evaluation(
            tmp_path / name, LABELS, items, values, targets, bootstrap=50, calibration=calibration, novelty=novelty
        )
        (tmp_path / name / "history.csv").write_text(HISTORY, encoding="utf-8")
    compare(tmp_path / "base", tmp_path / "retrained", tmp_path / "comparison.json", bootstrap=50)
    figure = figures.attention_overlay(np.zeros((8, 8)), np.zeros((8, 8)))
    figures.save_png(figure, tmp_path / "enhanced" / "examples" / "attention_0.png", dpi=30)
    figures.save_png(figure, tmp_path / "enhanced" / "examples" / "panel_0.png", dpi=30)
    record = {"image": "0.png", "enhancer": "ldm", "fidelity": {"psnr_input_full": 46.58, "ssim_input_full": 0.9879}}
    (tmp_path / "enhanced" / "manifest.jsonl").write_text(json.dumps(record) + "\n", encoding="utf-8")
    counts = {"positive": 24, "negative": 30, "uncertain": 2, "missing": 4}
    classes = [{"label": label, "split": split, **counts} for label in LABELS for split in ("training", "test")]
    (tmp_path / "class_distribution.json").write_text(json.dumps(classes), encoding="utf-8")
    (tmp_path / "sr-evaluation").mkdir()
    summary = {"native": {"ldm": {"psnr_truth_region": {"images": 3, "mean": 31.25, "difference": 0.4}}}}
    rows = [{"size": "native", "enhancer": "ldm", "patient": 0, "figures": {"regions": 4}}]
    super_resolution = {"settings": {"bootstrap": 9}, "summary": summary, "rows": rows}
    (tmp_path / "sr-evaluation" / "sr_evaluation.json").write_text(json.dumps(super_resolution), encoding="utf-8")
    settings = {"settings": {"seed": 7, "note": "<script>alert(1)</script>"}, "config": {"lr": 0.1}}
    (tmp_path / "run_report.json").write_text(json.dumps(settings), encoding="utf-8")
    return tmp_path


def read(path: Path) -> tuple[str, Outline]:
    text = path.read_text(encoding="utf-8")
    outline = Outline()
    outline.feed(text)
    assert outline.open == []
    return text, outline


def test_complete_report_is_one_self_contained_escaped_file(run_dir: Path) -> None:
    path = write_report(run_dir)
    assert path == run_dir / "report.html"
    text, outline = read(path)
    # Enhancers against a known truth and the experiment are runs of their own, with tests of their own.
    assert all(re.search("sr_evaluation|ablation", step) for step in re.findall(r"Not run: (.*?)</p>", text))
    assert "SYNTHETIC" not in text
    assert not {"script", "link", "iframe", "b"} & {tag for tag, _ in outline.tags}
    sources = [attributes["src"] for tag, attributes in outline.tags if tag == "img"]
    assert len(sources) >= 7 and all(source.startswith("data:image/") for source in sources)
    assert all(attributes["alt"] for tag, attributes in outline.tags if tag == "img")
    assert not re.search(r"""(?:src|href)=["'](?!data:|#)""", text)
    assert "&lt;script&gt;" in text and "&lt;b&gt;Fracture &amp; co" in text
    assert "46.58" in text and "Similarity to the input is not quality" in text
    assert "Enhancers against a known truth" in text and "31.25<div" in text
    assert "Supported for these two runs" in text and "one seed each" in text
    assert "Reliability (base)" in text and "0.420" in text and "Sex: F, M" in text
    assert "Novelty: 1 of 60 images" in text
    assert "4 (selected)" in text and "secret-" not in text


@pytest.mark.parametrize(("keep", "missing"), [("base", 5), ("enhanced", 12)])
def test_what_was_not_run_is_said(run_dir: Path, keep: str, missing: int) -> None:
    for path in run_dir.rglob("*"):
        if path.is_file() and path.parts[len(run_dir.parts)] != keep:
            path.unlink()
    text, _ = read(write_report(run_dir, run_dir / "other.html"))
    assert text.count("Not run") >= missing - 2
    assert "No answer yet" in text


def test_a_model_without_calibration_is_said_to_have_none(run_dir: Path) -> None:
    items = [{"image": f"{i}.png"} for i in range(60)]
    write_evaluation(run_dir / "base", LABELS, items, np.zeros((60, 2)), np.eye(60)[:, :2], bootstrap=0)
    text, _ = read(write_report(run_dir))
    assert "Not run: calibration" in text and "names no sex, age, view or source" in text


def test_synthetic_is_said_first(run_dir: Path) -> None:
    text, _ = read(write_report(run_dir, synthetic=True))
    assert text.index("SYNTHETIC DATA") < text.index("<h1>")
    (run_dir / "run_report.json").write_text('{"synthetic": true}', encoding="utf-8")
    assert "SYNTHETIC DATA" in write_report(run_dir).read_text(encoding="utf-8")


def test_models_judged_on_other_cases_get_separate_curves(run_dir: Path) -> None:
    items = [{"image": f"{i}.png"} for i in range(4)]
    write_evaluation(run_dir / "retrained", LABELS, items, np.zeros((4, 2)), np.eye(4)[:, :2], bootstrap=0)
    text = write_report(run_dir).read_text(encoding="utf-8")
    assert "ROC (base)" in text and "ROC (re-trained)" in text


def test_epoch_rows_show_first_fifth_selected_and_last() -> None:
    history = {"epoch": [1, 2, 3, 4, 5, 6], "val_macro_auroc": [None, 0.6, 0.9, 0.8, 0.8, 0.7]}
    history |= {"val_accuracy": [0.8] * 6, "val_accuracy_all_negative": [0.9] * 6}
    rows = epoch_rows(history)
    assert [(row["epoch"], row["selected"]) for row in rows] == [(1, False), (3, True), (5, False), (6, False)]
    assert rows[0]["gain"] == pytest.approx(-0.1)
    assert epoch_rows(None) == []


def test_class_rows_add_the_splits_and_shares_sum_to_one() -> None:
    parts = [("a", "training", 2, 5), ("a", "test", 1, 2), ("b", "training", 1, 0), ("c", "training", 0, 0)]
    columns = ("label", "split", "positive", "negative")
    rows = class_rows([dict(zip(columns, part, strict=True)) | {"uncertain": 1, "missing": 0} for part in parts])
    assert [row["share"] for row in rows] == [0.75, 0.25, 0.0]
    assert [row["prevalence"] for row in rows] == [0.3, 1.0, None]
    assert (rows[0]["uncertain"], rows[0]["splits"]) == (2, {"training": 2, "test": 1})
    assert class_rows(None) == []


def test_fidelity_rows_hold_only_what_was_measured() -> None:
    manifest = [{"fidelity": {"psnr_truth_region": value, "psnr_input_full": None}} for value in (30.0, 32.0, 34.0)]
    (row,) = fidelity_rows([*manifest, {"image": "without"}])
    assert (row["area"], row["images"], row["psnr"], row["ssim"]) == ("regions only", 3, (32.0, 31.0, 33.0), None)


def test_figures_in_text() -> None:
    assert (number(None), signed(-0.0123), percent(0.1234), p_value(0.0001)) == ("–", "−0.012", "12.3 %", "< 0.001")
    assert (interval(None), interval([0.1, 0.2]), interval([-0.1, 0.2], sign=True)) == (
        "–",
        "0.100–0.200",
        "−0.100 to +0.200",
    )
