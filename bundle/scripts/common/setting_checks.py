"""Allowed values of the settings in ``bundle/configs``, checked before a workflow starts.

Every number, flag and list among the settings has an entry in ``SETTINGS``, so that a value out of range is rejected
with its key instead of failing, or having an unexpected effect, in the middle of a run. Names such as that of an
enhancer are checked by the code that knows them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from os import PathLike
from typing import Any

from .choices import check_choice
from .printable import quoted
from .value_kinds import Flag, Listed, Number

_CODE = ("$", "@", "%")  # first characters of values that MONAI's parser evaluates

Check = Number | Flag | Listed | Callable[[str, Any], None]

_FRACTION = Number(0, 1)
_DECAY = Number(0, 1, below=True)
_COUNT = Number(1, whole=True)
_COUNT_OR_NONE = Number(0, whole=True)
_OPTIONAL_COUNT = replace(_COUNT, optional=True)
_POSITIVE = Number(0, above=True)
_REPLICATES = Number(40, whole=True, or_zero=True)  # with fewer, no replicate lies outside an interval of 95 %


def _check_split(key: str, value: Any) -> None:
    check_choice(key, value, ("training", "validation", "test"))


def _check_keep(key: str, value: Any) -> None:
    check_choice(key, value, ("best", "last"))


def _check_model(key: str, value: Any) -> None:
    """Check that a model is one path or hub id, or a list of them.

    Raises:
        ValueError: it is neither.
    """
    several = isinstance(value, list | tuple) and len(value) > 0
    if not all(isinstance(one, str | PathLike) for one in (value if several else [value])):
        raise ValueError(
            f"{key}: expected a model folder or hub id, or a list of them, found {quoted(value)}; name one or more"
        )


def _check_device(key: str, value: Any) -> None:
    """Check that a device exists.

    Raises:
        ValueError: the name is not that of a device, or this machine does not have the device.
    """
    import torch

    available = ["cpu", *(f"cuda:{number}" for number in range(torch.cuda.device_count()))]
    try:
        device = torch.device(value)
    except (RuntimeError, TypeError):
        device = None
    missing = device is not None and device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count()
    if device is None or missing:
        raise ValueError(
            f"{key}: not available; expected one of {', '.join(available)}, found {quoted(value)}; set --{key} to one "
            "of them, or leave it out"
        )


SETTINGS: dict[str, Check] = {
    # data
    "image_size": _COUNT,
    "batch_size": _COUNT,
    "num_workers": _COUNT_OR_NONE,
    "loader_workers": _COUNT_OR_NONE,
    "limit": _OPTIONAL_COUNT,
    "max_images": _COUNT,
    "split": _check_split,
    "seed": Number(0, 2**32 - 1, whole=True),
    "inputs": Listed(),
    "model_dir": _check_model,
    "test_time_shift": Number(0, 0.2),
    "test_time_scale": Number(0, 0.2),
    # processes
    "device": _check_device,
    "rank": _COUNT_OR_NONE,
    "world_size": _COUNT,
    "timeout_minutes": _POSITIVE,
    # network and training
    "label_blocks": _COUNT_OR_NONE,
    "conv_branch": Flag(),
    "patch_head": Flag(),
    "patch_weight": Number(0),
    "mass_weight": Number(0),
    "drop_path": _DECAY,
    "frozen_blocks": _COUNT_OR_NONE,
    "max_epochs": _COUNT,
    "val_interval": _COUNT,
    "learning_rate": _FRACTION,
    "layer_decay": Number(0, 1, above=True),
    "weight_decay": Number(0),
    "warmup_epochs": Number(0),
    "ema_decay": _DECAY,
    "keep": _check_keep,
    "patience": _COUNT,
    "mix_findings": _FRACTION,
    "compile": Flag(),
    "flip_probability": _FRACTION,
    "rotate_degrees": Number(0, 180),
    "translate_fraction": _FRACTION,
    "scale_fraction": _DECAY,
    # evaluation and calibration
    "bootstrap": _REPLICATES,
    "policy_target": Number(0, 1, above=True),
    "novelty_images": _COUNT_OR_NONE,
    # attention
    "attention_layer": _OPTIONAL_COUNT,
    "suppress_artifacts": Flag(),
    "mask_body": Flag(),
    "occluder": _COUNT,
    "occluder_stride": _COUNT,
    "methods": Listed(),
    "dicom_objects": Listed(),
    "tolerance": Number(0),
    "area": Number(0, 1, above=True),
    "region_counts": Listed(_COUNT),
    "curve_steps": _COUNT_OR_NONE,
    "sanity_images": _COUNT_OR_NONE,
    "examples": _COUNT_OR_NONE,
    # enhancement
    "steps": _COUNT,
    "eta": _FRACTION,
    "data_consistency": Flag(),
    "gain": replace(_FRACTION, optional=True),
    "region_count": _COUNT,
    "window": _COUNT,
    "working_size": _OPTIONAL_COUNT,
    "feather": _COUNT_OR_NONE,
    "region_batch": _COUNT,
    "dry_run": Flag(),
    "enhance": Flag(),
    "dicom": Flag(),
    # zoom
    "zoom_count": _COUNT,
    "zoom_window": _COUNT,
    "zoom_size": _COUNT,
    "zoom_working_size": _OPTIONAL_COUNT,
    # evaluation of enhancers
    "enhancers": Listed(),
    "gains": Listed(_FRACTION, optional=True),
    "gain_margin": Number(),
    "sizes": Listed(Number(4, whole=True, optional=True)),
    "seeds": _COUNT,  # also the option of run training
    "folds": Number(2, whole=True),  # option of run training
    "fold": _COUNT_OR_NONE,  # option of run training
    # experiment
    "larger_size": _COUNT,
    "source_size": _OPTIONAL_COUNT,
    "fine_labels": Listed(),
    "large_labels": Listed(),
    "noise_seeds": _COUNT,
    "probe_folds": Number(2, whole=True, optional=True),
    "probe_c": _POSITIVE,
    "attention_folds": Number(2, whole=True),
    "leave_out": Listed(),
    "lesion_pairs": _COUNT_OR_NONE,
    # training of enhancers
    "stages": Listed(),
    "regression_minutes": _POSITIVE,
    "task_minutes": _POSITIVE,
    "task_weight": Number(0),
    "autoencoder_minutes": _POSITIVE,
    "diffusion_minutes": _POSITIVE,
    "resshift_minutes": _POSITIVE,
    "guided_minutes": _POSITIVE,
    "max_steps": _OPTIONAL_COUNT,
    "crop_size": Number(32, whole=True),
    "guided_crop_size": Number(32, whole=True),
    "average_decay": _DECAY,
    "ceiling_margin": Number(optional=True),
    "latent_channels": _COUNT,
    "codes": Number(2, whole=True),
    "regression_width": _COUNT,
    "regression_blocks": _COUNT,
    "autoencoder_width": _COUNT,
    "autoencoder_blocks": _COUNT,
    "unet_channels": Listed(Number(16, whole=True)),
    "crops_per_megapixel": _POSITIVE,
    "radiographic": _FRACTION,
    "blur": Listed(Number(0), count=2, ascending=True),
    "photons": Listed(_POSITIVE, count=2, ascending=True),
    "electronic": Number(0),
    # settings within loss_options and primary
    "gamma_positive": Number(0),
    "gamma_negative": Number(0),
    "margin": _DECAY,
    "tau": Number(0),
    "worthwhile": _FRACTION,
    # settings of an arm
    "retrain": Flag(),
}
_NESTED = ("loss_options", "training", "primary")  # settings that are mappings of settings


def check_settings(values: Mapping[str, Any], within: str = "") -> None:
    """Check all settings that have an entry in ``SETTINGS``; expressions of MONAI's parser are not evaluated.

    Args:
        values: settings by key. The last part of a nested key such as ``train::trainer::max_epochs`` counts.
        within: setting that contains these settings, for the message.

    Raises:
        ValueError: a value is not allowed; the message names the key.
    """
    for key, value in values.items():
        last = key.replace("#", "::").rpartition("::")[2]
        name = f"{within}: {key}" if within else key
        if last in _NESTED and isinstance(value, Mapping):
            check_settings(value, name)
        check = SETTINGS.get(last)
        if check is None or _is_code(value):
            continue
        if not isinstance(check, Number | Flag | Listed):
            check(name, value)
        elif not check.allows(value):
            comma = "; write numbers with a decimal point" if isinstance(value, str) and "," in value else ""
            raise ValueError(
                f"{name}: not allowed; expected {check}, found {quoted(value)}{comma}; set an allowed value"
            )


def _is_code(value: Any) -> bool:
    """Whether a value is an expression, a reference or a component of a configuration, or a list that contains one."""
    if isinstance(value, list | tuple):
        return any(_is_code(one) for one in value)
    if isinstance(value, Mapping):
        return "_target_" in value
    return isinstance(value, str) and value.startswith(_CODE)
