"""The pipeline on one image, for a Python program: ``import cxr_attention_sr as cas``.

Each function is one step and runs on its own. :class:`.inference.predictor.Predictor` predicts files and studies, with
calibration, and reads each image once.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from monai.data import MetaTensor

from .attention import default_method, make_attention
from .calibration.classifier_loading import load_classifier
from .calibration.scale import sigmoid
from .common.geometry import SquareGeometry, fit_square, map_to_source
from .inference.classifier import Classified
from .inference.openvino_classifier import make_classifier
from .inference.predictor import Predictor
from .networks.ensemble import Network
from .super_resolution.enhancers.enhancer import Enhancer
from .super_resolution.enhancers.registry import make_enhancer
from .super_resolution.region_enhancer import EnhanceSettings
from .super_resolution.transform import AttentionGuidedSuperResolutiond
from .training.precision import AutocastInferer
from .workflow_settings import BUNDLE_ROOT, SHIPPED_MODEL

_SR_MODEL = BUNDLE_ROOT / "models" / "ldm-sr-nih"


def load_model(folder: str | Path | Sequence[str | Path] | None = None, labels: Sequence[str] | None = None) -> Network:
    """Load a classifier, in evaluation mode on the CPU.

    The network takes images (B, 1, S, S) in [0, 1] with S = ``network.image_size`` and returns logits (B, C), one for
    each of ``network.labels``. :func:`predict` takes an image of any size.

    Args:
        folder: model folder that training wrote; ``None``: the shipped model of 14 findings. A list of model folders,
            or the output folder of ``run training --folds`` or ``--seeds``, gives a network whose probabilities are the
            means over these models; ``network.member_logits(image)`` returns the logits (B, K, C) of each.
        labels: labels that the model must have, in order; ``None`` accepts any labels.

    Returns:
        Network, a ``torch.nn.Module``.

    Raises:
        FileNotFoundError: the folder is not a model folder.
        ValueError: the labels differ, a setting is out of range, the weights do not fit the architecture, or several
            models are not alike.
    """
    return load_classifier(SHIPPED_MODEL if folder is None else folder, labels)


def load_enhancer(
    name: str = "ldm", folder: str | Path | None = None, *, device: torch.device | str = "cpu"
) -> Enhancer:
    """Load a super-resolution method.

    Args:
        name: ``ldm`` (latent diffusion), ``residual``, ``resshift``, ``inverse`` or ``guided``; or a control:
            ``identity``, ``bicubic``, ``lanczos`` or ``native``.
        folder: folder of the weights that ``run sr_training`` wrote; ``None``: the shipped weights, which ``guided``
            does not have.
        device: device of the weights.

    Returns:
        Enhancer with ``name`` and ``scale`` (output pixels per input pixel, 4).

    Raises:
        FileNotFoundError: a part of the weights is missing.
        ValueError: the name is not known, or the weights do not fit.
    """
    return make_enhancer(name, folder=_SR_MODEL if folder is None else folder, device=device)


def load_predictor(
    model_dir: str | Path | Sequence[str | Path] | None = None, *, device: str | None = None, **settings: Any
) -> Predictor:
    """Load the object that predicts files and studies, as the command ``predict`` does.

    Args:
        model_dir: model folder that training wrote, or several as for :func:`load_model`; ``None``: the shipped model.
        device: ``cpu``, ``cuda``, …; ``None``: a GPU if there is one.
        settings: other keys of ``configs/inference.yaml``, for example ``enhance=False`` or ``enhancer="bicubic"``.
            Values are data and are never evaluated.

    Returns:
        Predictor. ``predict(inputs)`` returns one ``StudyPrediction`` per study and writes nothing;
        ``predict_to_folder(inputs, out_dir)`` writes images and tables.

    Raises:
        FileNotFoundError: there is no such model.
        ValueError: a key is unknown (the message names the nearest), or files do not fit together.
    """
    return Predictor.from_bundle(BUNDLE_ROOT, model_dir=model_dir, device=device, **settings)


def predict(network: Network, image: torch.Tensor) -> dict[str, float]:
    """Predict one image.

    The probabilities are the sigmoids of the logits. They are not calibrated, and follow the prevalences of the
    training images; ``Predictor`` adds calibration and decisions.

    Args:
        network: classifier of :func:`load_model`, in evaluation mode, on any device.
        image: radiograph (1, H, W) float in [0, 1], rows first, bone bright, as :func:`load_radiograph` returns it.

    Returns:
        Probability in [0, 1] by label, in the order of the network's outputs.

    Raises:
        ValueError: the image has another shape, is not finite, or leaves [0, 1].
    """
    classified = _classify(network, image, default_method(network))
    probabilities = sigmoid(classified.logits.numpy()).tolist()
    return dict(zip(_labels(network), probabilities, strict=True))


def attention_map(
    network: Network, image: torch.Tensor, *, method: str | None = None, label: str | None = None
) -> np.ndarray:
    """Map of where the network looks, in pixels of the image.

    Args:
        network: classifier of :func:`load_model`, in evaluation mode, on any device.
        image: radiograph (1, H, W) float in [0, 1].
        method: ``last_cls`` (the paper's), ``rollout``, ``grad_attention``, ``label_tokens``, ``patch_logits``,
            ``grad_cam`` or ``occlusion``; ``None``: ``patch_logits`` for a network with a patch head, ``last_cls`` for
            any other.
        label: finding to explain, with a method that has a map per label; ``None``: the map that chooses regions.

    Returns:
        Map (H, W) float32, 0 or more, without a unit: only the values of one map can be compared.

    Raises:
        ValueError: a wrong image, a method that is unknown or does not suit the network, or a label without a map.
    """
    method = method or default_method(network)
    explained = _classify(network, image, method).explained
    grid = explained.region_maps(network.labels)[0]
    if label is not None:
        labels = _labels(network)
        if not explained.per_label or label not in labels:
            raise ValueError(
                f"label: no map of its own; expected one of {labels} and a method with a map per label, found "
                f"{label!r} and {method}; set method to grad_attention"
            )
        grid = explained.maps[0, labels.index(label)]
    height, width = image.shape[-2:]
    return map_to_source(grid, SquareGeometry(height, width, network.image_size)).numpy()


def enhance(
    network: Network,
    image: torch.Tensor,
    enhancer: Enhancer,
    *,
    method: str | None = None,
    settings: EnhanceSettings | None = None,
) -> MetaTensor:
    """Super-resolve the regions that the network attends to. The added detail is synthetic.

    Args:
        network: classifier of :func:`load_model`, in evaluation mode, on any device.
        image: radiograph (1, H, W) float in [0, 1].
        enhancer: method of :func:`load_enhancer`.
        method: attention method, as in :func:`attention_map`.
        settings: number, size, choice and paste of the regions; ``None``: four windows, pasted back at the original
            size.

    Returns:
        Image (1, H, W) float32 in [0, 1], or larger with ``paste_mode="hr_canvas"``. ``meta["regions"]`` lists the
        boxes [row0, col0, row1, col1], half-open, in pixels of ``image``; ``meta["region_labels"]`` their labels, which
        are ``None`` for an attention method with one map for all labels.

    Raises:
        ValueError: a wrong image, or an attention method that does not suit the network or the selector.
    """
    _check_image(image)
    attention = make_attention(method or default_method(network), network)
    transform = AttentionGuidedSuperResolutiond("image", network, enhancer, settings, attention=attention)
    enhanced: MetaTensor = transform({"image": image})["image"]
    return enhanced


def _classify(network: Network, image: torch.Tensor, method: str) -> Classified:
    """Outputs of the network for one image, without the axis of the batch."""
    _check_image(image)
    device = next(network.parameters()).device
    source = torch.as_tensor(image).as_subclass(torch.Tensor).float().cpu()
    classifier = make_classifier(
        "torch", network, make_attention(method, network), AutocastInferer(), device, _SR_MODEL
    )
    (classified,) = classifier(fit_square(source, network.image_size)[None], [source]).rows()
    return classified


def _check_image(image: torch.Tensor) -> None:
    """Check the shape and the range of an image.

    Raises:
        ValueError: another shape, another type, or values outside [0, 1].
    """
    shape = tuple(image.shape)
    if len(shape) != 3 or shape[0] != 1 or 0 in shape or not image.is_floating_point():
        raise ValueError(
            f"image: expected a float tensor of shape (1, H, W), found {image.dtype} {shape}; use load_radiograph"
        )
    low, high = float(image.min()), float(image.max())
    if not (low >= 0 and high <= 1):
        raise ValueError(f"image: expected values in [0, 1], found {low:g} to {high:g}; use load_radiograph")


def _labels(network: Network) -> list[str]:
    """Names of the outputs; their numbers for a network that was made without names."""
    return list(network.labels or map(str, range(network.num_labels)))
