"""Exports a classifier for other programs: logits and attention maps in one pass, for any size of a batch.

A file is checked before it gets its name: it is loaded again by the program that reads such files, and its results for
films are compared with those of PyTorch. Exported are the weights in float32 and the normalisation of the pixels; the
preparation of the film is described in the file.
"""

from __future__ import annotations

import importlib.util
import json
import shutil
import tempfile
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from ..attention import WithAttention, default_method
from ..attention.with_maps import module_with_maps
from ..calibration.calibration_file import load_calibration
from ..calibration.scale import sigmoid
from ..common.atomic import explained_full_disk, make_folder, replace
from ..common.choices import check_choice
from ..common.geometry import fit_square
from ..inference.analysis import software_version
from ..inference.inputs import find_images
from ..inference.openvino_classifier import convert_to_openvino, import_openvino
from ..networks.loading import load_vit_multilabel, weights_sha256
from ..networks.model_folder import find_model_folder
from ..networks.vit_multilabel import ViTMultilabel
from ..networks.zoom import ZoomViT
from ..phantom import write_phantom_studies
from ..transforms.load_radiograph import load_radiograph
from .exported_model import DESCRIPTION, SUFFIXES, ExportedModel

_TOLERANCE = 1e-4  # of a probability
_MAP_TOLERANCE = 1e-3  # of the largest value of a map
_PREPARATION = (
    "one frontal chest radiograph, displayed polarity (air dark, bone bright), window applied, grey values scaled to "
    "[0, 1]; padded with 0 to a centred square, then resized to size x size by bilinear interpolation with "
    "antialiasing; normalised inside the model"
)
_FILMS = 3  # phantoms that are drawn for the check


@dataclass(frozen=True)
class ExportCheck:
    """What the comparison with PyTorch found.

    Attributes:
        path: exported file.
        n_films: number of films.
        probability_error: largest difference of a probability.
        map_error: largest difference in a map, as a share of its largest value.
    """

    path: Path
    n_films: int
    probability_error: float
    map_error: float


def export_model(source: str | Path, out: str | Path, *, form: str, films: Sequence[str | Path] = ()) -> ExportCheck:
    """Export the classifier of a model folder, and check the file.

    Args:
        source: model folder or hub id.
        out: file to write, which ends as its format does: ``.onnx``, ``.pt`` (TorchScript) or ``.xml`` (OpenVINO, with
            a ``.bin`` file beside it).
        form: ``onnx``, ``torchscript`` or ``openvino``.
        films: radiographs, or folders of studies, for the check; without any, phantoms are drawn.

    Raises:
        FileNotFoundError: there is no such model or film.
        ValueError: the format is unknown or needs a package, the file has another suffix, the network reads crops, or
            the results differ from those of PyTorch; nothing is written then.
    """
    check_choice("--format", form, SUFFIXES)
    out = Path(out)
    if out.suffix != SUFFIXES[form]:
        raise ValueError(f"{out}: expected a name that ends with {SUFFIXES[form]} for {form}, found {out.suffix!r}")
    folder = find_model_folder(source)
    network = load_vit_multilabel(folder)
    if isinstance(network, ZoomViT):
        raise ValueError(f"{folder}: cannot be exported; expected a plain classifier, found a network that reads crops")
    make_folder(out.parent)
    with explained_full_disk(out), tempfile.TemporaryDirectory(dir=out.parent, prefix=".export-") as temporary:
        module = module_with_maps(network, default_method(network)).eval()
        images = _read_films(films, network.image_size) if films else _drawn_films(Path(temporary), network.image_size)
        with torch.inference_mode():
            expected = [values.numpy() for values in module(images)]
        fresh = Path(temporary) / out.name
        write = {"onnx": _write_onnx, "torchscript": _write_torchscript, "openvino": _write_openvino}[form]
        write(module, network.image_size, _describe(network, folder), fresh)
        if isinstance(module, WithAttention):
            module.remove_hooks()
        check = _compare(ExportedModel(fresh), images.numpy(), expected, out)
        # The weights first: OpenVINO reads them by the name of the model.
        for path in (fresh.with_suffix(".bin"), fresh):
            if path.is_file():
                replace(path, out.with_name(path.name))
    return check


def _describe(network: ViTMultilabel, folder: Path) -> dict[str, Any]:
    """Description that is stored in an exported file, as JSON values.

    Args:
        network: classifier of the folder.
        folder: model folder.
    """
    calibration = load_calibration(folder, network.labels)
    per_label = network.patch_head is not None
    rules = {} if calibration is None else calibration.by_label
    return {
        "labels": network.labels,
        "input": {
            "name": "image",
            "shape": ["batch", 1, network.image_size, network.image_size],
            "type": "float32",
            "range": [0, 1],
            "size": network.image_size,
            "preparation": _PREPARATION,
        },
        "outputs": {
            "logits": "(batch, labels); the sigmoid is a probability that is not calibrated",
            "attention": f"({'batch, labels' if per_label else 'batch'}, rows, columns) in the grid of the patches, "
            "which covers the padded square; only the values of one map can be compared",
        },
        "attention_method": default_method(network),
        "located_labels": network.located_labels if per_label else None,
        "calibration": {
            "formula": "sigmoid(scale * logit + offset), positive from the threshold on",
            "labels": {
                name: {"scale": rule.scale, "offset": rule.offset, "threshold": rule.threshold}
                for name, rule in rules.items()
            },
        },
        "model_sha256": weights_sha256(folder),
        "software": f"cxr-attention-sr {software_version()}",
        "use": "research only",
    }


def _read_films(inputs: Sequence[str | Path], size: int) -> torch.Tensor:
    """Read the films below some paths.

    Args:
        inputs: radiographs or folders of studies.
        size: side of the result, in pixels.

    Returns:
        (B, 1, size, size) float32 in [0, 1].

    Raises:
        FileNotFoundError: a path does not exist, or there is no film below any.
        RefusedInput: a film cannot be used.
    """
    films = [load_radiograph(item["image"]) for item in find_images(inputs)]
    return torch.stack([fit_square(torch.as_tensor(film).as_subclass(torch.Tensor), size) for film in films])


def _drawn_films(folder: Path, size: int) -> torch.Tensor:
    """Phantoms (B, 1, size, size), drawn in a folder."""
    write_phantom_studies(folder / "phantoms", n_patients=_FILMS, size=256)
    films = _read_films(sorted((folder / "phantoms").rglob("image.dcm")), size)
    shutil.rmtree(folder / "phantoms")
    return films


def _compare(model: ExportedModel, images: np.ndarray, expected: list[np.ndarray], out: Path) -> ExportCheck:
    """Compare an exported file with PyTorch, all films at once and the first alone.

    Raises:
        ValueError: a result differs by more than the tolerance.
    """
    logits, maps = expected
    probability_error = map_error = 0.0
    for count in (len(images), 1):
        found_logits, found_maps = model(images[:count])
        probability_error = max(probability_error, float(abs(sigmoid(found_logits) - sigmoid(logits[:count])).max()))
        largest = maps[:count].max(axis=(-2, -1), keepdims=True)
        map_error = max(map_error, float((abs(found_maps - maps[:count]) / largest).max()))
    if not (probability_error <= _TOLERANCE and map_error <= _MAP_TOLERANCE):
        raise ValueError(
            f"{out}: not written; expected the results of PyTorch within {_TOLERANCE:g} of a probability and "
            f"{_MAP_TOLERANCE:g} of a map, found differences of {probability_error:.2g} and {map_error:.2g}; choose "
            "another --format, and please report it"
        )
    return ExportCheck(out, len(images), probability_error, map_error)


def _write_onnx(module: nn.Module, size: int, description: dict[str, Any], path: Path) -> None:
    """Write an ONNX model.

    Raises:
        ValueError: a package is missing.
    """
    for package in ("onnx", "onnxscript", "onnxruntime"):
        if importlib.util.find_spec(package) is None:
            raise ValueError(
                f"--format onnx: expected the packages onnx, onnxscript and onnxruntime, found no {package}; "
                "pip install 'WHEEL[onnx]', or set another --format"
            )
    program = torch.onnx.export(
        module,
        (torch.zeros(2, 1, size, size),),
        input_names=["image"],
        output_names=["logits", "attention"],
        dynamic_shapes=({0: torch.export.Dim("batch", min=1)},),
        dynamo=True,
        verbose=False,
    )
    assert program is not None
    program.model.metadata_props[DESCRIPTION] = json.dumps(description)
    program.save(path)


def _write_torchscript(module: nn.Module, size: int, description: dict[str, Any], path: Path) -> None:
    """Write a TorchScript archive."""
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of checks of the image's shape, which is fixed, and of TorchScript's age
        traced = torch.jit.trace(module, torch.zeros(2, 1, size, size), check_trace=False)
        torch.jit.save(traced, str(path), _extra_files={DESCRIPTION: json.dumps(description)})


def _write_openvino(module: nn.Module, size: int, description: dict[str, Any], path: Path) -> None:
    """Write an OpenVINO model: ``.xml``, and ``.bin`` with the weights.

    Raises:
        ValueError: the package is missing.
    """
    openvino = import_openvino()
    model = convert_to_openvino(openvino, module, size)
    model.input(0).get_tensor().set_names({"image"})
    for output, name in zip(model.outputs, ("logits", "attention"), strict=True):
        output.get_tensor().set_names({name})
    model.set_rt_info(json.dumps(description), [DESCRIPTION])
    openvino.save_model(model, path, compress_to_fp16=False)
