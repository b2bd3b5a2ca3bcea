"""Attention-guided super-resolution for multilabel chest-radiograph classification.

Use the installed package as a library (``import cxr_attention_sr as cas``) or through the command
``cxr-attention-sr``. The same code is a MONAI bundle.

A name is imported when it is first used, so that ``import cxr_attention_sr`` takes milliseconds and a program that only
computes metrics never loads torch. The code behind the names is ``cxr_attention_sr.scripts``; a package ``scripts`` of
your own is never touched (``scripts/components.py`` says how).

Images: ``load_radiograph``, ``RefusedInput`` (a file that cannot be used), ``find_refusal``.
Models: ``load_model``, ``load_enhancer``, ``load_predictor``, ``Predictor``, ``StudyPrediction``.
One image: ``predict``, ``attention_map``, ``enhance``, ``EnhanceSettings``.
MONAI: ``LoadRadiographd``, ``FitSquared``, ``AttentionGuidedSuperResolutiond``, ``RadiographReader`` (for
``LoadImage``), ``run_workflow``.
Metrics: ``metrics_report``.
"""

import json
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .scripts.common.refusal import RefusedInput, find_refusal
    from .scripts.dicom.read.image_reader import RadiographReader
    from .scripts.inference.predictor import Predictor
    from .scripts.inference.study_prediction import StudyPrediction
    from .scripts.library import attention_map, enhance, load_enhancer, load_model, load_predictor, predict
    from .scripts.metrics.classification import metrics_report
    from .scripts.super_resolution.region_enhancer import EnhanceSettings
    from .scripts.super_resolution.transform import AttentionGuidedSuperResolutiond
    from .scripts.transforms.fit_square import FitSquared
    from .scripts.transforms.load_radiograph import LoadRadiographd, load_radiograph
    from .scripts.workflow import run_workflow

__all__ = [
    "AttentionGuidedSuperResolutiond",
    "EnhanceSettings",
    "FitSquared",
    "LoadRadiographd",
    "Predictor",
    "RadiographReader",
    "RefusedInput",
    "StudyPrediction",
    "attention_map",
    "enhance",
    "find_refusal",
    "load_enhancer",
    "load_model",
    "load_predictor",
    "load_radiograph",
    "metrics_report",
    "predict",
    "run_workflow",
]
__version__: str = json.loads((Path(__file__).parent / "configs" / "metadata.json").read_text())["version"]

_MODULES = {
    "AttentionGuidedSuperResolutiond": "super_resolution.transform",
    "EnhanceSettings": "super_resolution.region_enhancer",
    "FitSquared": "transforms.fit_square",
    "LoadRadiographd": "transforms.load_radiograph",
    "Predictor": "inference.predictor",
    "RadiographReader": "dicom.read.image_reader",
    "RefusedInput": "common.refusal",
    "StudyPrediction": "inference.study_prediction",
    "attention_map": "library",
    "enhance": "library",
    "find_refusal": "common.refusal",
    "load_enhancer": "library",
    "load_model": "library",
    "load_predictor": "library",
    "load_radiograph": "transforms.load_radiograph",
    "metrics_report": "metrics.classification",
    "predict": "library",
    "run_workflow": "workflow",
}


if not TYPE_CHECKING:  # a type checker would accept any name

    def __getattr__(name: str) -> Any:
        """Import a public name when it is first used (PEP 562)."""
        if name not in _MODULES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(import_module(f".scripts.{_MODULES[name]}", __name__), name)


def __dir__() -> list[str]:
    """Public names, for completion in a shell."""
    return sorted([*globals(), *__all__])
