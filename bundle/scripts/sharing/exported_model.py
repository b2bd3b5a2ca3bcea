"""Runs an exported model: ONNX, TorchScript or OpenVINO. Each file describes its input, outputs and calibration.

The description is JSON under the name ``cxr_attention_sr``: in the metadata of an ONNX model, among the extra files of
a TorchScript archive, and in the runtime information of an OpenVINO model.
"""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from ..common.choices import check_choice
from ..common.printable import quoted

DESCRIPTION = "cxr_attention_sr"
SUFFIXES = {"onnx": ".onnx", "torchscript": ".pt", "openvino": ".xml"}
_Runner = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]


class ExportedModel:
    """An exported model, on the CPU.

    Args:
        path: file that :func:`.exporting.export_model` wrote; of OpenVINO the one that ends with ``.xml``.

    Attributes:
        description: labels, size and preparation of the image, outputs, calibration, hash of the weights.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file is not such a model, or the package that runs it is not installed.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        check_choice("format", self.path.suffix, SUFFIXES.values())
        if not self.path.is_file():
            raise FileNotFoundError(f"{path}: no such file; expected an exported model; write it with export")
        open_file = {".onnx": _open_onnx, ".pt": _open_torchscript, ".xml": _open_openvino}[self.path.suffix]
        try:
            self._run, text = open_file(self.path)
            self.description: dict[str, Any] = json.loads(text)
            self.size = int(self.description["input"]["size"])
        except (KeyError, TypeError, RuntimeError, json.JSONDecodeError) as error:
            reason = (str(error).strip() or type(error).__name__).splitlines()[0]
            raise ValueError(
                f"{path}: not a model that export wrote; expected its description, found {quoted(reason)}; export again"
            ) from error

    @property
    def labels(self) -> list[str]:
        """Names of the C outputs."""
        return list(self.description["labels"])

    def __call__(self, images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Run the model.

        Args:
            images: (B, 1, S, S) float32 in [0, 1].

        Returns:
            Logits (B, C), and maps (B, h, w) or, for a method with a map per label, (B, C, h, w).

        Raises:
            ValueError: the images have another shape.
        """
        if images.ndim != 4 or images.shape[1:] != (1, self.size, self.size):
            raise ValueError(
                f"{self.path}: image: wrong shape; expected (B, 1, {self.size}, {self.size}), found {images.shape}; "
                "prepare the images as its description says, or export a model of that size"
            )
        return self._run(np.ascontiguousarray(images, dtype=np.float32))


def _open_onnx(path: Path) -> tuple[_Runner, str]:
    """Runner and description of an ONNX model."""
    if importlib.util.find_spec("onnxruntime") is None:
        raise ValueError("onnx: the check needs the package onnxruntime, found none; pip install 'WHEEL[onnx]'")
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    text = session.get_modelmeta().custom_metadata_map[DESCRIPTION]

    def run(images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        logits, maps = session.run(["logits", "attention"], {"image": images})
        return logits, maps

    return run, text


def _open_torchscript(path: Path) -> tuple[_Runner, str]:
    """Runner and description of a TorchScript archive."""
    import torch

    extra = {DESCRIPTION: ""}
    module = torch.jit.load(str(path), map_location="cpu", _extra_files=extra)

    @torch.inference_mode()
    def run(images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        logits, maps = module(torch.from_numpy(images))
        return logits.numpy(), maps.numpy()

    return run, extra[DESCRIPTION]


def _open_openvino(path: Path) -> tuple[_Runner, str]:
    """Runner and description of an OpenVINO model."""
    from ..inference.openvino_classifier import import_openvino

    openvino = import_openvino()
    model = openvino.Core().read_model(path)
    text = str(model.get_rt_info([DESCRIPTION]).astype(str))
    compiled = openvino.compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})

    def run(images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        outputs = compiled(images)
        return outputs["logits"].copy(), outputs["attention"].copy()

    return run, text
