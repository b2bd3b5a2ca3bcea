"""Classifier compiled by OpenVINO; faster than torch on Intel and AMD processors, in fp32 and in bf16.

One traced network returns logits, maps and features: the last-layer CLS map, or the maps of label tokens or of a patch
head. Other attention methods need gradients or several passes, which OpenVINO does not offer; they use the backend
``torch``.
"""

from __future__ import annotations

import importlib.util
import sys
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from torch import nn

from ..attention import Attention
from ..attention.label_token_attention import LabelTokens
from ..attention.last_layer import LastCLS, WithAttention
from ..attention.output import AttentionOutput
from ..attention.patch_logits import PatchLogits
from ..attention.with_maps import module_with_maps
from ..common.choices import check_choice
from ..networks.ensemble import Ensemble, Network
from ..networks.head_inputs import head_inputs
from ..networks.vit_multilabel import ViTMultilabel
from ..networks.zoom import ZoomViT
from ..training.precision import AutocastInferer
from ..zoom.crops import make_zoomer
from .classifier import Classified, Classifier
from .zoom_classifier import ZoomClassifier

_PRECISIONS = {torch.float32: "f32", torch.bfloat16: "bf16"}


class OpenVINOClassifier(Classifier):
    """:class:`.classifier.Classifier` on OpenVINO; several threads may use one, one after another.

    Args:
        network: network on the CPU, in evaluation mode.
        attention: ``last_cls``, ``label_tokens`` or ``patch_logits``, without artifact suppression or body mask.
        inferer: holds the precision, fp32 or bf16.
        device: the CPU.

    Raises:
        ValueError: OpenVINO is not installed, another attention method, another device, or fp16.
    """

    def __init__(
        self, network: ViTMultilabel, attention: Attention, inferer: AutocastInferer, device: torch.device | str
    ) -> None:
        super().__init__(network, attention, inferer, device)
        openvino = import_openvino()
        if not isinstance(attention, LastCLS | LabelTokens | PatchLogits):
            raise ValueError(
                f"backend: openvino has no attention method {attention.name}; expected last_cls, label_tokens or "
                "patch_logits without cleaning; set --attention_method to one of them, or --backend torch"
            )
        if torch.device(device).type != "cpu" or inferer.dtype not in _PRECISIONS:
            raise ValueError(
                f"backend: openvino runs on the CPU in fp32 or bf16; expected these, found {device} and "
                f"{inferer.dtype}; set --backend torch"
            )
        self.compiled = _compile_network(openvino, network, attention, _PRECISIONS[inferer.dtype])

    @torch.no_grad()
    def __call__(self, images: torch.Tensor, sources: Sequence[torch.Tensor] = ()) -> Classified:
        """Classify (B, 1, S, S) images in [0, 1]."""
        plain = images.as_tensor() if hasattr(images, "as_tensor") else images
        with self.lock:
            outputs = self.compiled(plain.float().contiguous().numpy(), share_inputs=True)
            logits, maps, features = (torch.from_numpy(outputs[index].copy()) for index in range(3))
        located = self.attention.located if isinstance(self.attention, PatchLogits) else None
        return Classified(logits, AttentionOutput(logits, maps, located), features)


class Traced(nn.Module):
    """The module to compile: images (B, 1, S, S) in [0, 1] -> logits (B, C), maps, and features (B, D).

    The maps are (B, h, w), or (B, C, h, w) for an attention method with a map per label.

    Args:
        network: the classifier, in evaluation mode.
        attention: method whose maps are returned.
    """

    def __init__(self, network: ViTMultilabel, attention: Attention) -> None:
        super().__init__()
        self.network = network
        self.explained = module_with_maps(network, attention.name)

    def forward(self, image: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Return logits, maps and features of one forward pass."""
        with head_inputs(self.network) as features:
            logits, maps = self.explained(image)
        return logits, maps, features[0]


def _compile_network(openvino: ModuleType, network: ViTMultilabel, attention: Attention, precision: str) -> Callable:
    """Compile the network for any batch size, for this processor and the number of threads that torch uses.

    Args:
        openvino: the imported package.
        network: network in evaluation mode.
        attention: method whose maps the compiled network returns.
        precision: precision of matrix products, ``f32`` or ``bf16``.
    """
    traced = Traced(network, attention).eval()
    model = convert_to_openvino(openvino, traced, network.image_size)
    if isinstance(traced.explained, WithAttention):
        traced.explained.remove_hooks()
    settings = {"INFERENCE_PRECISION_HINT": precision, "INFERENCE_NUM_THREADS": torch.get_num_threads()}
    return openvino.compile_model(model, "CPU", settings)


def convert_to_openvino(openvino: ModuleType, module: nn.Module, size: int) -> Any:
    """OpenVINO model of a module that takes images (B, 1, S, S), for any size of a batch.

    Args:
        openvino: the imported package.
        module: module in evaluation mode.
        size: S.
    """
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore", torch.jit.TracerWarning)  # of checks of the image's shape, which is fixed
        # A batch of one would be traced as a constant.
        return openvino.convert_model(module, example_input=torch.zeros(2, 1, size, size), input=[-1, 1, size, size])


def import_openvino() -> ModuleType:
    """Import OpenVINO without its telemetry, which it otherwise sends at each import.

    Raises:
        ValueError: OpenVINO is not installed.
    """
    if importlib.util.find_spec("openvino") is None:
        raise ValueError(
            "openvino: cannot be used; expected the package openvino, found none; pip install openvino, or set "
            "--backend torch or another --format"
        )
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]  # then OpenVINO takes its own stub
    import openvino

    return openvino


def make_classifier(
    backend: str,
    network: Network,
    attention: Attention,
    inferer: AutocastInferer,
    device: torch.device | str,
    enhancer_folder: str | Path = ".",
) -> Classifier:
    """Make the classifier of ``inference.yaml``.

    Args:
        backend: ``torch`` or ``openvino``.
        network: on ``device``, in evaluation mode.
        attention: attention method, bound to ``network``.
        inferer: runs the network at its precision.
        device: device that images are moved to.
        enhancer_folder: weights of the enhancer, for a network that reads super-resolved crops.

    Raises:
        ValueError: the backend does not exist, or cannot run this network, attention method, device or precision.
    """
    kinds = {"torch": Classifier, "openvino": OpenVINOClassifier}
    check_choice("backend", backend, kinds)
    if isinstance(network, Ensemble):
        if backend != "torch":
            raise ValueError(
                f"backend: cannot run several networks or test-time views; expected torch, found {backend!r}; leave "
                "--backend out, or give one model"
            )
        return Classifier(network, attention, inferer, device)
    if isinstance(network, ZoomViT):
        if backend != "torch":
            raise ValueError(f"backend: cannot run a network that reads crops; expected torch, found {backend!r}")
        return ZoomClassifier(network, attention, inferer, device, make_zoomer(network, enhancer_folder, device))
    return kinds[backend](network, attention, inferer, device)
