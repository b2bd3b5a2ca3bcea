"""Training by fine-tuning: the training workflow, in this process, for every arm and seed. Finished models are kept.

The regions of every image come from a model that has not seen its patient, see :mod:`.fold_maps`. All trainings keep
the last epoch of the averaged weights, so that no arm is lucky in the choice of its epoch.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
import yaml

from ...common.atomic import write_json
from ...common.failures import Failure
from ...dicom import RefusedInput
from ...evaluation.predictions import read_predictions
from ...networks.loading import load_vit_multilabel
from ...overrides import Expression  # noqa: TID251 - our own components
from ...super_resolution.mean_region_map import films_sha256
from ...super_resolution.region_enhancer import EnhanceSettings
from ...super_resolution.regions import MEAN_MAP
from ...workflow import run_workflow
from .arms import Arm, View
from .backbones import refuse_seen, weights_of
from .cases import Cases
from .fold_maps import FoldMaps
from .shared_trainings import check_shared
from .train_settings import backbone_of, check_training, default_training
from .view_data import write_cases, write_view
from .views import MakeEnhancer, SourceImage, Viewer, read_source

_PLAIN = View()
_FOLD_SEED = 1000  # seed of the first fold model; no arm uses it
# Settings of the network that zoom.yaml takes from its base.
_STRUCTURE = ("pool", "label_blocks", "conv_branch", "patch_head")
_DECISIVE = ("image", "patient_id", "label", "boxes")  # keys of an item that the trainings depend on


class FinetuneLearner:
    """Scores of arms by fine-tuning the whole network.

    Args:
        folder: folder of the data sets, models and predictions. Experiments on the same cases with the same settings
            may share it, so that an arm that several of them have is trained once.
        training: settings of ``configs/train.yaml`` (backbone, max_epochs, …), the same for every arm.
        fold_training: settings of the fold models that differ from those; their backbone must not have seen the films.
        image_size: side of the network's input for a view without a size of its own, in pixels.
        zoom_size: side of an enlarged region in a zoom, in pixels.
        enhancer_of: function that returns the enhancer of a name.
        regions: number and size of the regions.
        source_size: longer side that images are reduced to before all arms, in pixels; ``None`` does not reduce them.
        seeds: number of trainings of each arm.
        noise_seeds: number of versions of a random view; seed s uses version s mod ``noise_seeds``.
        attention_folds: number K of folds. A fold model with a patch head (``patch_head`` in ``training`` or
            ``fold_training``) chooses the regions by the findings, another by the attention of its last layer.
        tracking_uri: MLflow tracking URI of the trainings.

    Raises:
        ValueError: ``training`` or ``fold_training`` contains a setting that does not exist or that the experiment sets
            itself.
    """

    independent_seeds = True

    def __init__(
        self,
        folder: str | Path,
        training: Mapping[str, Any],
        *,
        image_size: int,
        zoom_size: int,
        enhancer_of: MakeEnhancer,
        regions: EnhanceSettings,
        source_size: int | None,
        seeds: int,
        noise_seeds: int = 1,
        attention_folds: int = 3,
        fold_training: Mapping[str, Any] | None = None,
        tracking_uri: str = "none",
    ) -> None:
        check_training("training", training)
        check_training("fold_training", fold_training or {})
        self.folder, self.image_size, self.zoom_size = Path(folder), image_size, zoom_size
        self.training, self.fold_training = {"keep": "last", **training}, dict(fold_training or {})
        self.enhancer_of, self.regions, self.source_size = enhancer_of, regions, source_size
        self.seeds, self.noise_seeds, self.attention_folds = seeds, noise_seeds, attention_folds
        self.tracking_uri = tracking_uri

    @property
    def settings(self) -> dict[str, Any]:
        """Settings that the scores depend on."""
        names = ("seeds", "noise_seeds", "attention_folds", "source_size", "image_size", "zoom_size")
        own = {name: getattr(self, name) for name in (*names, "training", "fold_training")}
        return {"learn": "finetune", **own, "regions": asdict(self.regions)}

    @property
    def exclusive(self) -> dict[str, Any]:
        """Settings that are set and that only this learner uses."""
        own: dict[str, Any] = {"fold_training": self.fold_training} if self.fold_training else {}
        return own | ({"zoom_size": self.zoom_size} if self.zoom_size != self.image_size else {})

    def check_arms(self, arms: Mapping[str, Arm]) -> None:
        """Check the settings of the training of each arm.

        Raises:
            ValueError: the settings of an arm contain one that does not exist or that the experiment sets itself.
        """
        for name, arm in arms.items():
            check_training(f"arms: {name}: training", arm.training)

    def check_films(self, cases: Cases) -> None:
        """Check that the fold models, which choose the regions, start from a backbone that has not seen the films.

        Raises:
            ValueError: it was trained on some of them.
        """
        # The option replaces all of fold_training, so its example repeats the other settings.
        example = ", ".join(f"{key}: {value}" for key, value in {**self.fold_training, "backbone": "FOLDER"}.items())
        backbone = backbone_of(self.training, self.fold_training)
        refuse_seen("fold_training: backbone", backbone, cases.images, f'--fold_training "{{{example}}}"')

    def prepare(self, cases: Cases, arms: Mapping[str, Arm]) -> list[Failure]:
        """Write the views of all arms; return the images that cannot be read.

        Raises:
            ValueError: the folder holds the trainings of other films, settings, backbones or enhancers.
        """
        self.check_folder(cases, arms)
        failures = self.write_plain(cases)
        cases = cases.without([failure.path for failure in failures])
        write_cases(self.view_folder(_PLAIN, 0), cases)
        views = dict.fromkeys(view for arm in arms.values() for view in (arm.train_view, arm.test_view))
        wanted = [(view, noise) for view in views for noise in range(self.noise_seeds if view.random else 1)]
        maps = {
            case.item["image"]: grid for case, grid in zip(cases.cases, self.fold_maps.of_cases(cases), strict=True)
        }
        mean = cases.mean_map(maps) if any(view.selector == MEAN_MAP for view in views) else None
        for case in cases.cases:
            missing = [
                (view, noise) for view, noise in wanted if not (self.view_folder(view, noise) / case.name).exists()
            ]
            if missing:
                source = read_source(case.item["image"], self.source_size)
                others = None if mean is None else mean.without(case.item["patient_id"])
                viewer = self.viewer(source, maps[case.item["image"]], others)
                for view, noise in missing:
                    write_view(self.view_folder(view, noise), case.name, viewer, view, noise)
        for view, noise in wanted:
            write_cases(self.view_folder(view, noise), cases)
        return failures

    def check_folder(self, cases: Cases, arms: Mapping[str, Arm]) -> None:
        """Check that earlier trainings in the folder were made with the same data and settings, and record these."""
        items = [[case.split, *(case.item.get(key) for key in _DECISIVE)] for case in cases.cases]
        data = hashlib.sha256(json.dumps([cases.labels, items], default=str).encode()).hexdigest()
        views = [view for arm in arms.values() for view in (arm.train_view, arm.test_view) if view.mode != "global"]
        enhancers = {f"{view.enhancer}{'' if view.data_consistency else ' raw'}": view for view in views}
        trainings = [{}, self.fold_training, *(arm.training for arm in arms.values())]
        check_shared(
            self.folder / "shared.json",
            {"cases": data, "films_sha256": films_sha256([case.item for case in cases.cases]), **self.settings},
            {
                "arms": {name: asdict(arm) for name, arm in arms.items()},
                "backbones": weights_of(backbone_of(self.training, own) for own in trainings),
                "enhancers": {name: self.weights_hash(view) for name, view in enhancers.items()},
            },
        )

    def weights_hash(self, view: View) -> str:
        """Hash of the enhancer of a view."""
        return self.enhancer_of(view.enhancer, view.data_consistency).weights_hash

    def write_plain(self, cases: Cases) -> list[Failure]:
        """Write the source images, on which the fold models are trained; return the images that cannot be read."""
        failures = []
        for case in cases.cases:
            if (self.view_folder(_PLAIN, 0) / case.name).exists():
                continue
            try:
                source = read_source(case.item["image"], self.source_size)
            except RefusedInput as refusal:
                failures.append(Failure.of(case.item["image"], refusal))
                continue
            write_view(self.view_folder(_PLAIN, 0), case.name, self.viewer(source, torch.zeros(1, 1)), _PLAIN, 0)
        return failures

    def viewer(self, source: SourceImage, attention: torch.Tensor, mean_map: torch.Tensor | None = None) -> Viewer:
        """Viewer of a case."""
        return Viewer(
            source, attention, self.image_size, self.regions, self.enhancer_of, mean_map, zoom_size=self.zoom_size
        )

    def view_folder(self, view: View, noise: int) -> Path:
        """Folder of the data set of a view."""
        return self.folder / "views" / (f"{view.slug}-n{noise}" if view.random else view.slug)

    @property
    def fold_maps(self) -> FoldMaps:
        """Maps that choose the regions."""

        def train(number: int, datalist: Path) -> Path:
            own = {**self.fold_training, "datalist_file": str(datalist)}
            return self.train(_PLAIN, 0, self.folder / "folds" / str(number), _FOLD_SEED + number, own)

        return FoldMaps(self.folder, self.view_folder(_PLAIN, 0), self.attention_folds, train)

    def evaluated(self, cases: Cases) -> np.ndarray:
        """(N,) bool, the cases that the arms are evaluated on."""
        return cases.splits == "test"

    def scores(self, cases: Cases, arm: Arm) -> np.ndarray:
        """Logits (S, M, C) of the evaluated cases."""
        return np.stack([self.scores_of_seed(arm, seed) for seed in range(self.seeds)])

    def scores_of_seed(self, arm: Arm, seed: int) -> np.ndarray:
        """Logits (M, C) of the model of one seed; an arm that is not re-trained uses one model for all seeds."""
        out = self.folder / "arms" / arm.name / f"seed{seed}"
        if not (out / "evaluated.json").exists():
            own_seed = seed if arm.retrain else self.seeds
            trained = self.folder / "models" / arm.model_slug / f"seed{own_seed}"
            model = self.train(arm.train_view, own_seed, trained, own_seed, arm.training)
            started = time.perf_counter()
            self.run("evaluating", arm.test_view, seed, out, {"model_dir": str(model), "bootstrap": 0})
            write_json(out / "evaluated.json", {"seconds": time.perf_counter() - started})
        _, predictions, _ = read_predictions(out)
        return np.array([prediction.logits for prediction in predictions], dtype=np.float64)

    def train(self, view: View, seed_of_view: int, out: Path, seed: int, overrides: Mapping[str, Any]) -> Path:
        """Train one model, or continue it; return its folder."""
        if not (out / "finished.json").exists():
            workflow = "zooming" if view.mode == "zoom" else "training"
            self.run(workflow, view, seed_of_view, out, {**self.network_of(view), "seed": seed, **overrides})
            write_json(out / "finished.json", {"seed": seed})
        return out / "model"

    def run(self, workflow: str, view: View, seed: int, out: Path, overrides: Mapping[str, Any]) -> None:
        """Run one workflow on the data set of a view, in the version for a seed."""
        data = self.view_folder(view, seed % self.noise_seeds)
        own: dict[str, Any] = {
            "dataset_dir": str(data),
            "datalist_file": str(data / "datalist.json"),
            "cache_dir": str(data / "cache"),
            "output_dir": str(out),
            "tracking_uri": self.tracking_uri,
        }
        if view.mode == "zoom":
            stored = {"_target_": "scripts.experiments.ablation.view_data.StoredCrops", "count": self.regions.count}
            own["crops"] = Expression(stored)
        if workflow == "evaluating":
            given = {key: value for key, value in self.training.items() if key in ("precision", "batch_size", "device")}
        else:
            given = self.training
        run_workflow(workflow, overrides={**given, **own, **overrides})

    def network_of(self, view: View) -> dict[str, Any]:
        """Settings of the network of a view; a zoom network starts from the backbone too, not from a base model."""
        size = view.image_size or self.image_size
        if view.mode != "zoom":
            return {"image_size": size}
        config = default_training()
        structure = {key: self.training.get(key, config[key]) for key in _STRUCTURE}
        return {
            **structure,
            "image_size": size,
            "backbone": backbone_of(self.training),
            "base": Expression(config["network_def"]),
            "zoom_count": self.regions.count,
            "zoom_window": self.regions.window,
            "zoom_size": self.zoom_size,
            "zoom_source": "native",  # crops are those of the view, whose pixels are made; see StoredCrops
            "zoom_selector": view.selector,
            "mean_map": None,
            "settings::base_sha256": None,
        }

    def cost(self, cases: Cases, arm: Arm) -> dict[str, float]:
        """Seconds of evaluation per evaluated image, including loading and decoding, and its number of tokens."""
        seeds = (self.folder / "arms" / arm.name / f"seed{seed}" for seed in range(self.seeds))
        seconds = [yaml.safe_load((out / "evaluated.json").read_text(encoding="utf-8"))["seconds"] for out in seeds]
        own_seed = 0 if arm.retrain else self.seeds
        network = load_vit_multilabel(self.folder / "models" / arm.model_slug / f"seed{own_seed}" / "model")
        rows, columns = network.patch_grid
        tokens = rows * columns + 1
        if arm.test_view.mode == "zoom":
            tokens += self.regions.count * ((self.zoom_size // network.backbone.config.patch_size) ** 2 + 1)
        return {"seconds": float(np.mean(seconds)) / int(self.evaluated(cases).sum()), "tokens": float(tokens)}
