from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scripts.report.gather import ModelResults, ReportInputs
from scripts.report.report_figures import draw_figures


def results(cases: int) -> ModelResults:
    rng = np.random.default_rng(cases)
    targets = np.tile([[0.0, 1.0], [1.0, 0.0]], (cases // 2, 1))
    return ModelResults(labels=["Edema", "Fracture"], probabilities=rng.random((cases, 2)), targets=targets)


def inputs(base: ModelResults, retrained: ModelResults) -> ReportInputs:
    return ReportInputs(Path(), base, retrained, None, [], [], [], None, None)


def test_what_was_not_run_is_not_drawn() -> None:
    assert draw_figures(inputs(ModelResults(), ModelResults())) == {}


@pytest.mark.parametrize(
    ("cases", "curves"),
    [
        ((4, 4), {"ROC", "Precision–recall"}),
        ((4, 6), {f"{kind} ({model})" for kind in ("ROC", "Precision–recall") for model in ("base", "re-trained")}),
    ],
)
def test_models_share_curves_only_when_judged_on_the_same_cases(cases: tuple[int, int], curves: set[str]) -> None:
    drawn = draw_figures(inputs(*map(results, cases)))
    assert set(drawn) == curves | {"Reliability (base)", "Reliability (re-trained)"}
    assert all(uri.startswith("data:image/svg+xml;base64,") for uri in drawn.values())
