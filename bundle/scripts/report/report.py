"""``report.html``: one self-contained file that states whether the enhancement helped, and with what certainty.

The page begins with the verdict, shows it in pictures, and folds the tables. It has no script and loads nothing. Steps
that were not run are listed at its end. ``report.md`` beside it is a summary for pasting.
"""

from __future__ import annotations

import json
from pathlib import Path

from ..common.atomic import atomic_write
from ..evaluation.seed_folders import seed_folders
from ..tracking import attach_artifact
from .figures import picture_uri
from .films_section import films_section
from .forest import difference_forest
from .gather import ABLATION_FOLDER, SR_FOLDER, ReportInputs, gather
from .map_section import map_section
from .not_run import steps_not_run
from .region_section import region_section
from .report_figures import draw_figures
from .report_format import environment, flatten, report_style
from .report_summary import summary_text
from .report_tables import class_rows, epoch_rows, fidelity_rows
from .sr_sections import sections
from .verdict_section import training_sentence, verdict_section

_MAX_EXAMPLES = 12
# Results of the paper (Tables 1 and 2), for comparison.
_PAPER_EPOCHS = {
    "base": "The paper's Table 1: epoch 1: loss 1.45, 41.96 %; epoch 5: 0.57, 90.39 %; epoch 19: 0.34, 96.01 %.",
    "retrained": "The paper's Table 2: epoch 1: loss 1.69, 41.05 %; epoch 5: 0.63, 83.19 %; epoch 16: 0.31, 98.23 %.",
}


def _write_report(run_dir: str | Path, out: str | Path | None = None, *, synthetic: bool = False) -> Path:
    """Write the report of a run folder, and beside it its summary with the suffix ``.md``.

    Args:
        run_dir: folder with those of ``base/``, ``enhanced/`` and ``retrained/`` that were run, see :mod:`.gather`.
        out: path of the report; default ``run_dir/report.html``.
        synthetic: whether the report has a banner for synthetic data; ``"synthetic": true`` in ``run_report.json`` has
            the same effect.

    Returns:
        Path of the report.

    Raises:
        FileNotFoundError: the folder contains no results.
        ValueError: a result file is damaged.
    """
    inputs = gather(run_dir)
    path = Path(out) if out is not None else inputs.run_dir / "report.html"
    synthetic = synthetic or bool((inputs.run_report or {}).get("synthetic"))
    for target, text in ((path, _render(inputs, synthetic)), (path.with_suffix(".md"), _summary(inputs, synthetic))):
        with atomic_write(target) as file:
            file.write(text.encode("utf-8"))
    return path


def publish_report(run_dir: str | Path, *, synthetic: bool = False, tracking_uri: str | None = None) -> Path:
    """Write the report and its summary, and attach both to the run folder's MLflow runs.

    Args:
        run_dir: folder with those of ``base/``, ``enhanced/`` and ``retrained/`` that were run, see :mod:`.gather`.
        synthetic: whether the report has a banner for synthetic data.
        tracking_uri: MLflow tracking URI, see :func:`..tracking.attach_artifact`.

    Returns:
        Path of the report.

    Raises:
        FileNotFoundError: the folder contains no results.
        ValueError: a result file is damaged.
    """
    path = _write_report(run_dir, synthetic=synthetic)
    for stage in ("base", "enhanced", "retrained"):
        folder = Path(run_dir) / stage
        for tracked in (folder, *seed_folders(folder).values()):
            for file in (path, path.with_suffix(".md")):
                attach_artifact(tracked, file, tracking_uri, group=folder)
    return path


def _summary(inputs: ReportInputs, synthetic: bool) -> str:
    """Markdown of the summary."""
    models = {"Base model": inputs.base.metrics, "Re-trained model": inputs.retrained.metrics}
    verdict = verdict_section(inputs.comparison)
    return summary_text(verdict, inputs.comparison, models, steps_not_run(inputs), synthetic=synthetic)


def _render(inputs: ReportInputs, synthetic: bool) -> str:
    """HTML of the report.

    Args:
        inputs: results of the run.
        synthetic: whether the report has a banner for synthetic data.
    """
    run_report = inputs.run_report or {}
    models = {"base": inputs.base, "retrained": inputs.retrained}
    template = environment().get_template("report.html.j2")
    figures = draw_figures(inputs)
    return template.render(
        **report_style(),
        synthetic=synthetic,
        models=models,
        comparison=inputs.comparison,
        verdict=verdict_section(inputs.comparison),
        training=training_sentence(run_report),
        forest=difference_forest(inputs.comparison),
        films=films_section(inputs.comparison, inputs.run_dir),
        regions=region_section(inputs.regions, inputs.run_dir / "enhanced" / "examples"),
        not_run=steps_not_run(inputs),
        epochs={name: epoch_rows(model.history, model.epoch) for name, model in models.items()},
        paper_epochs=_PAPER_EPOCHS,
        classes=class_rows(inputs.class_distribution),
        fidelity=fidelity_rows(inputs.manifest),
        enhancers=sorted({str(record["enhancer"]) for record in inputs.manifest if "enhancer" in record}),
        sr=sections(inputs.super_resolution, inputs.run_dir / SR_FOLDER) if inputs.super_resolution else None,
        ablation=inputs.ablation,
        ablation_figure=picture_uri(inputs.run_dir / ABLATION_FOLDER / "ablation.png") if inputs.ablation else None,
        maps=map_section(inputs.explanation) if inputs.explanation else None,
        figures=figures,
        curves=[key for key in figures if key.startswith(("ROC", "Precision"))],
        overlays=[picture_uri(path) for path in inputs.overlays[:_MAX_EXAMPLES]],
        panels=[picture_uri(path) for path in inputs.panels[:_MAX_EXAMPLES]],
        warnings={name: (model.metrics or {}).get("warnings", []) for name, model in models.items()},
        provenance=list(flatten({key: value for key, value in run_report.items() if key != "config"})),
        config=json.dumps(run_report["config"], indent=2) if run_report.get("config") else None,
    )
