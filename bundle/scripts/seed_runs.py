"""Runs a workflow once per seed: ``run training --seeds 3`` trains in ``seed_0``, ``seed_1``, ``seed_2``.

Each seed is an ordinary run in its own folder, so that it is checked and continued as any other: the same command goes
on with an interrupted set, leaves finished trainings as they are, and rejects other settings or images. Calibration and
evaluation find the seeds in the folder. With ``--base_dir``, the evaluation ends with the comparison over all seeds.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from .common.printable import quoted
from .common.setting_checks import check_settings
from .evaluation.seed_folders import check_seeds_agree, seed_folder, seed_folders
from .overrides import Expression  # noqa: TID251 - reads typed values
from .path_settings import folder_setting, is_path, plain
from .tracking import default_uri
from .workflow import lock_output, merged_config, run_workflow
from .workflow_settings import TRAININGS

logger = logging.getLogger(__name__)


def run_seeds(
    workflow: str,
    *,
    seeds: int | None = None,
    overlays: Sequence[str] = (),
    overrides: Mapping[str, Any] | None = None,
) -> None:
    """Run a workflow, for each of several seeds where there are several.

    Args:
        workflow: one of ``workflow_settings.SEEDED``.
        seeds: number K of trainings, with the seeds ``seed`` to ``seed`` + K - 1; ``None`` is a single training. In
            calibration and evaluation ``None`` takes the seeds that are in the output folder.
        overlays: see :func:`.workflow.run_workflow`.
        overrides: see :func:`.workflow.run_workflow`; ``output_dir`` is the folder above those of the seeds.

    Raises:
        FileNotFoundError: a seed has no finished training to evaluate.
        ValueError: the folder has a single training or other seeds, or those of ``base_dir`` differ; or see
            :func:`.workflow.run_workflow`.
    """
    overrides = dict(overrides or {})
    check_settings({} if seeds is None else {"seeds": seeds})
    settings = {key: Expression(value) for key, value in merged_config(workflow, overlays).items()} | overrides
    found = seed_folders(plain(settings["output_dir"])) if is_path(settings["output_dir"]) else {}
    if seeds is None and (not found or "model_dir" in overrides):
        run_workflow(workflow, overlays=overlays, overrides=overrides)
        return
    group = folder_setting(settings, "output_dir", "seeds")
    rank = int(os.environ.get("RANK", 0))
    shared = {"cache_dir": group / "cache", "tracking_uri": default_uri(group)} | overrides
    with lock_output(group, workflow, rank):
        if workflow in TRAININGS:
            _train(workflow, _numbers(settings, seeds, group), group, settings, overlays, shared)
        else:
            _check_evaluated_set(found, seeds, group)
            _measure(workflow, found, group, settings, overlays, shared, rank)


def _train(
    workflow: str,
    numbers: Sequence[int],
    group: Path,
    settings: Mapping[str, Any],
    overlays: Sequence[str],
    overrides: Mapping[str, Any],
) -> None:
    """Train one network per seed, each beside the base of the same seed if the workflow has one."""
    if (kept := plain(overrides.get("keep", "last"))) != "last":
        raise ValueError(
            f"keep: trainings of several seeds are compared by their last epoch, because the best one is chosen by "
            f"chance; expected last, found {quoted(kept)}; leave it out"
        )
    base = folder_setting(settings, "base_dir", "seeds") if "base_dir" in settings else None
    if base is not None and sorted(seed_folders(base)) != list(numbers):
        raise ValueError(
            f"base_dir: {base}: other seeds; expected {_listed(numbers)} as in this training, found "
            f"{_listed(seed_folders(base))}; train the base with the same --seeds"
        )
    for number in numbers:
        logger.info("seed %d of %s", number, _listed(numbers))
        own: dict[str, Any] = {"keep": "last"} | dict(overrides)
        own |= {"output_dir": seed_folder(group, number), "seed": number}
        if base is not None:
            own["base_dir"] = seed_folder(base, number)
        run_workflow(workflow, overlays=overlays, overrides=own)


def _measure(
    workflow: str,
    found: Mapping[int, Path],
    group: Path,
    settings: Mapping[str, Any],
    overlays: Sequence[str],
    overrides: Mapping[str, Any],
    rank: int,
) -> None:
    """Calibrate or evaluate the network of each seed, and compare those of two arms."""
    from .evaluation.comparing import compare_and_record

    base = folder_setting(settings, "base_dir", "seeds") if plain(settings.get("base_dir")) is not None else None
    if base is not None:
        check_seeds_agree(base, group)
    own = {key: value for key, value in overrides.items() if key != "base_dir"}
    own |= {key: settings[key] for key in ("bootstrap", "seed") if key in settings}
    resolved: dict[str, Any] = {}
    for number, folder in found.items():
        logger.info("seed %d of %s", number, _listed(found))
        resolved = run_workflow(workflow, overlays=overlays, overrides={**own, "output_dir": folder})
    if base is not None and rank == 0:
        compare_and_record(base, group, **{key: resolved[key] for key in ("bootstrap", "seed", "tracking_uri")})


def _numbers(settings: Mapping[str, Any], seeds: int | None, group: Path) -> list[int]:
    """Seeds to train.

    Raises:
        ValueError: the folder holds a single training, or seeds that are not among them.
    """
    if seeds is None:
        raise ValueError(
            f"output_dir: {group}: holds {_listed(seed_folders(group))}; expected the folder of a single training; add "
            "--seeds to continue them, or set another --output_dir"
        )
    if (group / "checkpoint.pt").exists() or (group / "model").exists():
        raise ValueError(
            f"output_dir: {group}: holds a single training; expected folders seed_0, seed_1, … or an empty folder; set "
            "another --output_dir"
        )
    first = plain(settings["seed"])
    if not isinstance(first, int):
        raise ValueError(f"seed: expected a number with --seeds, found {quoted(first)}; write the number")
    numbers = list(range(first, first + seeds))
    others = sorted(set(seed_folders(group)) - set(numbers))
    if others:
        raise ValueError(
            f"output_dir: {group}: also holds {_listed(others)}; expected only {_listed(numbers)}; raise --seeds, or "
            "set another --output_dir"
        )
    return numbers


def _check_evaluated_set(found: Mapping[int, Path], seeds: int | None, group: Path) -> None:
    """Check that the folder has the seeds that were asked for, with finished trainings.

    Raises:
        FileNotFoundError: a training is not finished.
        ValueError: the number of seeds is another one.
    """
    if seeds is not None and seeds != len(found):
        raise ValueError(
            f"output_dir: {group}: expected {seeds} trainings, found {_listed(found) if found else 'none'}; train with "
            f"--seeds {seeds}, the command continues an interrupted set"
        )
    for folder in found.values():
        if not any((folder / "model").glob("*.safetensors")):
            raise FileNotFoundError(
                f"{folder}: training not finished; expected a model folder, found none; run the training again, it "
                "continues"
            )


def _listed(numbers: Sequence[int] | Mapping[int, Path]) -> str:
    """Seeds as text."""
    return f"seeds {', '.join(map(str, sorted(numbers)))}" if numbers else "no seeds"
