from scripts.evaluation.comparison_table import format_comparison_table
from scripts.report.report import _write_report

from .test_report import run_dir
from .test_verdict_section import run_with_seeds

__all__ = ["run_dir"]


def test_console_page_and_summary_say_the_same_sentences(tmp_path):
    comparison = run_with_seeds(tmp_path)
    page = _write_report(tmp_path).read_text(encoding="utf-8")
    summary = (tmp_path / "report.md").read_text(encoding="utf-8")
    for sentence in (comparison["sentence"], comparison["control_sentence"]):
        assert all(sentence in text for text in (page, summary, format_comparison_table(comparison)))
    assert summary.startswith("# ") and "Research use only" in summary
    row = comparison["labels"]["Edema"]
    assert (
        f"| Edema | {row['n_positive']} / {row['n_negative']} | {row['base']:.3f} | {row['retrained']:.3f} |" in summary
    )


def test_names_are_neither_markup_nor_columns(run_dir):
    _write_report(run_dir)
    summary = (run_dir / "report.md").read_text(encoding="utf-8")
    assert r"| \<b\>Fracture \& co\</b\> |" in summary
    assert "- the experiment with its controls (run ablating)" in summary


def test_a_run_without_a_comparison_has_the_table_of_its_model(run_dir):
    (run_dir / "comparison.json").unlink()
    _write_report(run_dir)
    summary = (run_dir / "report.md").read_text(encoding="utf-8")
    assert "No answer yet" in summary and "## Base model" in summary and "| Edema |" in summary
