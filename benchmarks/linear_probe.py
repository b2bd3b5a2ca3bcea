"""Logistic regression on the features of a frozen backbone: what fine-tuning has to beat.

    python benchmarks/linear_probe.py DATASET_DIR --backbone FOLDER

CLS beside the mean of the patch tokens, standardised; the strength of the penalty is the one that is best on the
validation split. Prints the AUROC per label on the test split.
"""

from __future__ import annotations

import argparse
import sys
import warnings
from pathlib import Path

import numpy as np
import torch
from monai.transforms import Compose
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "bundle"))

from scripts.data.datalist import load_datalist  # noqa: E402
from scripts.data.dataset import RadiographDataset  # noqa: E402
from scripts.metrics.classification import auroc  # noqa: E402
from scripts.networks import ViTMultilabel  # noqa: E402
from scripts.transforms import FitSquared, LoadRadiographd  # noqa: E402

PENALTIES = (0.0003, 0.001, 0.003, 0.01, 0.03)


@torch.inference_mode()
def features(network: ViTMultilabel, dataset: RadiographDataset) -> tuple[np.ndarray, np.ndarray]:
    """Features (N, 2 D) and labels (N, C) of a split."""
    loader = torch.utils.data.DataLoader(dataset, batch_size=32)
    batches = [(network.features(batch["image"]), batch["label"]) for batch in loader]
    return torch.cat([x for x, _ in batches]).numpy(), torch.cat([y for _, y in batches]).numpy()


def probe(train: tuple, test: tuple, penalty: float) -> list[float]:
    """AUROC per label."""
    scaler = StandardScaler().fit(train[0])
    values = []
    for label in range(train[1].shape[1]):
        annotated = np.isin(train[1][:, label], (0, 1))
        model = LogisticRegression(C=penalty, max_iter=300)
        model.fit(scaler.transform(train[0][annotated]), train[1][annotated, label])
        value = auroc(test[1][:, label], model.decision_function(scaler.transform(test[0])))
        values.append(float("nan") if value is None else value)
    return values


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dataset_dir", type=Path)
    parser.add_argument("--backbone", required=True)
    parser.add_argument("--image_size", type=int, default=224)
    parser.add_argument("--cache_dir", type=Path, default=Path("outputs/probe"))
    arguments = parser.parse_args()
    warnings.simplefilter("ignore", ConvergenceWarning)
    datalist = load_datalist(arguments.dataset_dir / "datalist.json", check_files=True)
    network = ViTMultilabel(
        arguments.backbone, num_labels=len(datalist.labels), image_size=arguments.image_size, pool="cls_mean"
    ).eval()
    preprocessing = Compose([LoadRadiographd(keys="image"), FitSquared(keys="image", size=arguments.image_size)])
    train, validation, test = (
        features(network, RadiographDataset(items, preprocessing, cache_dir=arguments.cache_dir))
        for items in datalist.splits.values()
    )
    on_validation = {penalty: np.nanmean(probe(train, validation, penalty)) for penalty in PENALTIES}
    best = max(on_validation, key=on_validation.__getitem__)
    values = probe(train, test, best)
    for label, value in zip(datalist.labels, values, strict=True):
        print(f"{label:28s} {value:.3f}")
    print(f"macro-AUROC: validation {on_validation[best]:.3f}, test {np.nanmean(values):.3f} (C = {best})")


if __name__ == "__main__":
    main()
