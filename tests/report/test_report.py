from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scripts.calibration.calibration_file import Calibration, LabelCalibration
from scripts.common.page_pictures import map_file
from scripts.evaluation.comparing import compare
from scripts.evaluation.evaluate import write_evaluation
from scripts.report.figures import save_png
from scripts.report.image_figures import attention_overlay
from scripts.report.report import _write_report
from scripts.super_resolution.region_pictures import VERSIONS

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
    figure = attention_overlay(np.zeros((8, 8)), np.zeros((8, 8)))
    save_png(figure, tmp_path / "enhanced" / "examples" / "attention_0.png", dpi=30)
    save_png(figure, tmp_path / "enhanced" / "examples" / "panel_0.png", dpi=30)
    regions = [{"label": "<i>Mass</i>", "box": [0.1, 0.2, 0.5, 0.6], "difference": 0.25}, {"label": None}]
    (tmp_path / "enhanced" / "examples" / "regions.json").write_text(json.dumps(regions), encoding="utf-8")
    for name in ("film", *VERSIONS):
        Image.new("L", (16, 16), 90).save(tmp_path / "enhanced" / "examples" / f"region_0_{name}.jpg")
    (tmp_path / "enhanced" / "examples" / "region_0_map.png").write_bytes(map_file(np.eye(4)))
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
    own = {"seed": 7, "max_epochs": 3, "image_size": 112, "frozen_blocks": 8, "note": "<script>alert(1)</script>"}
    settings = {"settings": own, "config": {"lr": 0.1}}
    (tmp_path / "run_report.json").write_text(json.dumps(settings), encoding="utf-8")
    return tmp_path


def read(path: Path) -> tuple[str, Outline]:
    text = path.read_text(encoding="utf-8")
    outline = Outline()
    outline.feed(text)
    assert outline.open == []
    return text, outline


def not_run(text: str) -> list[str]:
    """Lines of the list of what was not run."""
    section = re.search(r'<section id="not-run">(.*?)</section>', text, re.DOTALL)
    return re.findall(r"<li>(.*?)</li>", section[1]) if section else []


def test_complete_report_is_one_self_contained_escaped_file(run_dir: Path) -> None:
    path = _write_report(run_dir)
    assert path == run_dir / "report.html"
    text, outline = read(path)
    # The experiment and the comparison of maps are runs with tests of their own.
    assert all(re.search("ablating|explaining", step) for step in not_run(text))
    assert "SYNTHETIC" not in text
    assert "for at most 3 epochs at 112 pixels, and its first 8 blocks were not trained" in text
    assert not {"script", "link", "iframe", "b"} & {tag for tag, _ in outline.tags}
    sources = [attributes["src"] for tag, attributes in outline.tags if tag == "img"]
    assert len(sources) >= 7 and all(source.startswith("data:image/") for source in sources)
    assert all(attributes["alt"] or attributes["class"] == "map" for tag, attributes in outline.tags if tag == "img")
    assert not re.search(r"""(?:src|href)=["'](?!data:|#)""", text)
    assert "&lt;script&gt;" in text and "&lt;b&gt;Fracture &amp; co" in text
    assert "46.58" in text and "Similarity to the input is not quality" in text
    assert "Enhancers compared with a known truth" in text and "31.25<div" in text
    assert "No verdict: the chance of training was not measured" in text and "Each model was trained once" in text
    assert "Reliability (base)" in text and "0.420" in text and "Sex: F, M" in text
    assert "Novelty: 1 of 60 images" in text
    assert "attention_0" not in text and "Test film 1: radiograph, and the same with the attention map" in text
    assert "4 (selected)" in text and "secret-" not in text


MODEL_STEPS = ["training", "evaluation"]


@pytest.mark.parametrize(
    ("keep", "missing"),
    [
        ("base", [f"{step} of the re-trained model" for step in MODEL_STEPS]),
        (
            "enhanced",
            [f"{step} of the {model}" for model in ("base model", "re-trained model") for step in MODEL_STEPS],
        ),
    ],
    ids=["base", "enhanced"],
)
def test_what_was_not_run_is_one_list(run_dir: Path, keep: str, missing: list[str]) -> None:
    for path in run_dir.rglob("*"):
        if path.is_file() and path.parts[len(run_dir.parts)] != keep:
            path.unlink()
    text, outline = read(_write_report(run_dir, run_dir / "other.html"))
    steps = not_run(text)
    assert [step.partition(" (")[0] for step in steps][: len(missing)] == missing
    assert any("run_report.json" in step for step in steps) and any("paired comparison" in step for step in steps)
    assert "No answer yet" in text
    parts = {attributes.get("id") for tag, attributes in outline.tags if tag in ("details", "section")}
    assert not {"comparison", "results-retrained", "difference", "disagreement", "provenance"} & parts
    assert ("results-base" in parts) == (keep == "base") and ("fidelity" in parts) == (keep == "enhanced")


def test_a_model_without_calibration_is_said_to_have_none(run_dir: Path) -> None:
    items = [{"image": f"{i}.png"} for i in range(60)]
    write_evaluation(run_dir / "base", LABELS, items, np.zeros((60, 2)), np.eye(60)[:, :2], bootstrap=0)
    text, _ = read(_write_report(run_dir))
    assert any(step.startswith("calibration of the base model") for step in not_run(text))
    assert any(step.startswith("subgroups of the base model: the datalist contains no sex") for step in not_run(text))


def test_synthetic_is_said_first(run_dir: Path) -> None:
    text, _ = read(_write_report(run_dir, synthetic=True))
    assert text.index("SYNTHETIC DATA") < text.index('<div class="verdict')
    assert "SYNTHETIC DATA" in (run_dir / "report.md").read_text(encoding="utf-8")
    (run_dir / "run_report.json").write_text('{"synthetic": true}', encoding="utf-8")
    assert "SYNTHETIC DATA" in _write_report(run_dir).read_text(encoding="utf-8")


def test_a_label_that_looks_like_a_formula_does_not_end_the_report(run_dir: Path) -> None:
    classes = [{"label": "$x^$", "split": "test", "positive": 3, "negative": 2, "uncertain": 0, "missing": 0}]
    (run_dir / "class_distribution.json").write_text(json.dumps(classes), encoding="utf-8")
    assert "$x^$" in _write_report(run_dir).read_text(encoding="utf-8")


def test_the_order_is_verdict_difference_films_regions_tables(run_dir: Path) -> None:
    text, outline = read(_write_report(run_dir))
    marks = [
        '<div class="verdict',
        'id="difference"',
        'id="disagreement"',
        'id="regions"',
        'class="parts"',
        'id="limitations"',
    ]
    places = [text.index(mark) for mark in marks]
    assert places == sorted(places)
    folds = [attributes for tag, attributes in outline.tags if tag == "details" and attributes.get("class") == "fold"]
    assert len(folds) >= 10 and not any("open" in attributes for attributes in folds)
    tables = [place for place in range(len(text)) if text.startswith("<table", place)]
    assert min(tables) > text.index('class="parts"')
