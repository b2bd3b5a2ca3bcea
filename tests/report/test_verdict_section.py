import json
import shutil

import numpy as np
from scripts.evaluation.comparing import compare
from scripts.evaluation.evaluate import write_evaluation
from scripts.report.report import _write_report
from scripts.report.verdict_section import verdict_section

LABELS = ["Edema", "Mass"]


def run_with_seeds(folder, seeds=3):
    """Base and re-trained model, evaluated on forty patients with several seeds, and compared."""
    rng = np.random.default_rng(0)
    targets = (rng.random((40, 2)) < 0.4).astype(float)
    items = [{"image": f"{number}.png", "patient_id": str(number)} for number in range(40)]
    for arm in ("base", "retrained"):
        for seed in range(seeds):
            out = folder / arm / f"seed_{seed}"
            logits = targets + rng.normal(size=(40, 2))
            write_evaluation(out, LABELS, items, logits, targets, bootstrap=20, model_hash=str(out))
            (out / "run_report.json").write_text(json.dumps({"settings": {"seed": seed}}), encoding="utf-8")
    return compare(folder / "base", folder / "retrained", folder / "comparison.json", bootstrap=50)


def test_the_report_shows_verdict_control_and_every_seed(tmp_path):
    comparison = run_with_seeds(tmp_path)
    text = _write_report(tmp_path).read_text(encoding="utf-8")
    assert comparison["sentence"] in text and comparison["control_sentence"] in text
    assert (
        text.index(comparison["sentence"]) < text.index(comparison["control_sentence"]) < text.index('id="difference"')
    )
    for row in comparison["seeds"]:
        assert f'<tr><th scope="row">{row["seed"]}</th><td>{row["base"]:.3f}</td>' in text
    assert "over seeds and patients" in text and "are those of seed 0" in text
    assert "Each model was trained once" not in text


def test_a_comparison_of_an_earlier_version_has_no_verdict(tmp_path):
    comparison = run_with_seeds(tmp_path, seeds=1)
    old = {key: value for key, value in comparison.items() if key not in ("interval_covers", "seeds", "control")}
    old |= {"verdict": "worse", "sentence": "Not supported: the re-trained model ranked these cases worse (…)."}
    (tmp_path / "comparison.json").write_text(json.dumps(old), encoding="utf-8")
    text = _write_report(tmp_path).read_text(encoding="utf-8")
    assert "No verdict: the chance of training was not measured" in text and "ranked these cases worse" not in text


def test_models_that_were_not_compared_have_no_answer(tmp_path):
    run_with_seeds(tmp_path, seeds=1)
    (tmp_path / "comparison.json").unlink()
    shutil.rmtree(tmp_path / "retrained")
    assert "No answer yet" in _write_report(tmp_path).read_text(encoding="utf-8")
    assert verdict_section(None)["seeds"] == []
