"""Novelty: how far an image lies from the training images, as a percentile among validation images.

The distance is the Mahalanobis distance of the image's features (K. Lee et al., NeurIPS 2018, arXiv:1807.03888), with a
single class because findings overlap. The covariance is that of probabilistic PCA (Tipping and Bishop, 1999): the
leading variances are kept, and all others are replaced by their mean. A few hundred images suffice to estimate it, and
it takes 0.2 MB instead of 2 MB. Validation images are the reference because distances of images that the network was
trained on would be too small.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..common.atomic import atomic_write
from ..networks.loading import weights_sha256
from ..networks.model_members import shared_folder

NOVELTY_FILE = "novelty.safetensors"
_COMPONENTS = 64
# Novelty above which an image is flagged: about 1 in 100 images of the training distribution.
FLAG_ABOVE = 0.99
_ARRAYS = ("mean", "components", "variances", "reference")


@dataclass(frozen=True)
class Novelty:
    """Distribution of the training images in feature space.

    Attributes:
        mean: (D,) mean of their features.
        components: (K, D) orthonormal directions of largest variance.
        variances: (K + 1,) variance along each of the components, and along any other direction.
        reference: (M,) distances of the validation images, ascending.
    """

    mean: np.ndarray
    components: np.ndarray
    variances: np.ndarray
    reference: np.ndarray

    def distance(self, features: np.ndarray) -> np.ndarray:
        """Compute the squared Mahalanobis distance.

        Args:
            features: inputs of the network's head, (N, D) or, with one token per label, (N, C, D); label tokens are
                averaged.

        Returns:
            (N,) non-negative.

        Raises:
            ValueError: the features have another size or are not finite.
        """
        features = _pooled(features)
        if features.ndim != 2 or features.shape[1] != len(self.mean) or not np.isfinite(features).all():
            raise ValueError(
                f"features: do not fit {NOVELTY_FILE}; expected finite (N, {len(self.mean)}), found {features.shape}; "
                "run calibration for this model"
            )
        centred = features - self.mean
        along = centred @ self.components.T
        rest = np.maximum((centred**2).sum(1) - (along**2).sum(1), 0.0)
        return (along**2 / self.variances[:-1]).sum(1) + rest / self.variances[-1]

    def score(self, features: np.ndarray) -> np.ndarray:
        """Compute the share of validation images that lie nearer to the training images than each image.

        Args:
            features: (N, D) or (N, C, D), as in :meth:`distance`.

        Returns:
            (N,) in [0, 1].
        """
        return np.searchsorted(self.reference, self.distance(features), side="left") / len(self.reference)


def _pooled(features: np.ndarray) -> np.ndarray:
    """Average label tokens: (N, C, D) -> (N, D); features of shape (N, D) stay as they are."""
    features = np.asarray(features, dtype=np.float64)
    return features.mean(axis=1) if features.ndim == 3 else features


def fit_novelty(training: np.ndarray, validation: np.ndarray, components: int = _COMPONENTS) -> Novelty:
    """Fit the distribution of the training images, and measure the distances of the validation images.

    Args:
        training: (N, D) or (N, C, D) features, as in :meth:`Novelty.distance`.
        validation: (M, D) or (M, C, D) features.
        components: largest number of components K; fewer are kept for few images.

    Raises:
        ValueError: fewer than three training images, or no validation image.
    """
    from sklearn.decomposition import PCA

    if len(training) < 3 or not len(validation):
        raise ValueError(
            f"novelty: expected at least 3 training images and 1 validation image, found {len(training)} and "
            f"{len(validation)}; set --novelty_images 0 to go without"
        )
    training = _pooled(training)
    kept = min(components, len(training) - 2, training.shape[1] - 1)
    pca = PCA(kept, svd_solver="covariance_eigh").fit(training)
    floor = max(float(pca.noise_variance_), 1e-12)
    variances = np.append(np.maximum(pca.explained_variance_, floor), floor)
    unranked = Novelty(pca.mean_, pca.components_, variances, np.empty(0))
    return Novelty(pca.mean_, pca.components_, variances, np.sort(unranked.distance(validation)))


def save_novelty(novelty: Novelty, model_dir: str | Path) -> Path:
    """Write ``novelty.safetensors`` into a model folder, with the hash of the folder's weights.

    Args:
        novelty: novelty of that model.
        model_dir: folder of the weights, or of the trainings of several networks.

    Returns:
        Path of the file.
    """
    from safetensors.numpy import save

    path = Path(model_dir) / NOVELTY_FILE
    arrays = {name: np.ascontiguousarray(getattr(novelty, name), dtype=np.float32) for name in _ARRAYS}
    with atomic_write(path) as file:
        file.write(save(arrays, metadata={"weights_sha256": weights_sha256(model_dir)}))
    return path


def load_novelty(model_dir: str | Path | Sequence[str | Path]) -> Novelty | None:
    """Read the novelty of a model.

    Args:
        model_dir: folder of the weights, or several networks as :func:`..networks.model_members.find_model` gives them.

    Returns:
        The novelty, or ``None`` when the folder has no ``novelty.safetensors``, or the model is a list.

    Raises:
        ValueError: the file is damaged, or was made for other weights.
    """
    from safetensors import SafetensorError, safe_open

    folder = shared_folder(model_dir)
    path = None if folder is None else folder / NOVELTY_FILE
    if path is None or not path.is_file():
        return None
    try:
        with safe_open(path, "numpy") as file:
            made_for = (file.metadata() or {}).get("weights_sha256")
            arrays = {name: file.get_tensor(name).astype(np.float64) for name in _ARRAYS}
    except SafetensorError as error:
        raise ValueError(f"{path}: cannot be read ({error}); run calibration again, or remove the file") from error
    found = weights_sha256(model_dir)
    if made_for != found:
        raise ValueError(
            f"{path}: made for other weights; expected hash {made_for}, found {found} in the folder; "
            "run calibration again, or remove the file to go without"
        )
    return Novelty(**arrays)


def novelty_metrics(scores: np.ndarray) -> dict[str, float | int]:
    """Summarise the novelty of the evaluated images.

    Args:
        scores: (N,) results of :meth:`Novelty.score`.

    Returns:
        ``median`` (near 0.5 for images like those of the validation split), ``n_flagged`` and ``flagged_above``.
    """
    return {
        "median": float(np.median(scores)),
        "n_flagged": int((scores > FLAG_ABOVE).sum()),
        "flagged_above": FLAG_ABOVE,
    }
