"""``report.html``: one self-contained file that states whether the enhancement helped, and with what certainty.

The file loads no script, font or image. Steps that were not run are marked as missing.
"""

from __future__ import annotations

import json
from pathlib import Path

from ..common.atomic import atomic_write
from ..evaluation.seed_folders import seed_folders
from ..tracking import attach_artifact
from .figures import png_uri
from .gather import ABLATION_FOLDER, SR_FOLDER, ReportInputs, gather
from .map_section import map_section
from .report_figures import draw_figures
from .report_format import environment, flatten
from .report_tables import class_rows, epoch_rows, fidelity_rows
from .sr_sections import sections
from .verdict_section import verdict_section

_MAX_EXAMPLES = 12
# Results of the paper (Tables 1 and 2), for comparison.
_PAPER_EPOCHS = {
    "base": "The paper's Table 1: epoch 1: loss 1.45, 41.96 %; epoch 5: 0.57, 90.39 %; epoch 19: 0.34, 96.01 %.",
    "retrained": "The paper's Table 2: epoch 1: loss 1.69, 41.05 %; epoch 5: 0.63, 83.19 %; epoch 16: 0.31, 98.23 %.",
}


def _write_report(run_dir: str | Path, out: str | Path | None = None, *, synthetic: bool = False) -> Path:
    """Write the report of a run folder.

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
    html = _render(inputs, synthetic=synthetic)
    with atomic_write(path) as file:
        file.write(html.encode("utf-8"))
    return path


def publish_report(run_dir: str | Path, *, synthetic: bool = False, tracking_uri: str | None = None) -> Path:
    """Write the report and attach it to the run folder's MLflow runs.

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
            attach_artifact(tracked, path, tracking_uri, group=folder)
    return path


def _render(inputs: ReportInputs, *, synthetic: bool = False) -> str:
    """HTML of the report.

    Args:
        inputs: results of the run.
        synthetic: whether the report has a banner for synthetic data.
    """
    run_report = inputs.run_report or {}
    models = {"base": inputs.base, "retrained": inputs.retrained}
    template = environment().get_template("report.html.j2")
    return template.render(
        synthetic=synthetic or bool(run_report.get("synthetic")),
        inputs=inputs,
        models=models,
        comparison=inputs.comparison,
        verdict=verdict_section(inputs.comparison),
        epochs={name: epoch_rows(model.history, model.epoch) for name, model in models.items()},
        paper_epochs=_PAPER_EPOCHS,
        classes=class_rows(inputs.class_distribution),
        fidelity=fidelity_rows(inputs.manifest),
        enhancers=sorted({str(record["enhancer"]) for record in inputs.manifest if "enhancer" in record}),
        sr=sections(inputs.super_resolution, inputs.run_dir / SR_FOLDER) if inputs.super_resolution else None,
        ablation=inputs.ablation,
        ablation_figure=png_uri(inputs.run_dir / ABLATION_FOLDER / "ablation.png") if inputs.ablation else None,
        maps=map_section(inputs.explanation) if inputs.explanation else None,
        figures=draw_figures(inputs),
        overlays=[(path.stem, png_uri(path)) for path in inputs.overlays[:_MAX_EXAMPLES]],
        panels=[(path.stem, png_uri(path)) for path in inputs.panels[:_MAX_EXAMPLES]],
        warnings={name: (model.metrics or {}).get("warnings", []) for name, model in models.items()},
        provenance=list(flatten({key: value for key, value in run_report.items() if key != "config"})),
        config=json.dumps(run_report["config"], indent=2) if run_report.get("config") else None,
    )
