"""The subcommand ``run``, whose help and completion list the settings of each workflow; neither imports torch."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from typer.core import TyperCommand

from .workflow_settings import SEEDED, WORKFLOWS, overlay_names, settings_help, workflow_name, workflow_settings

try:
    from typer.core import CompletionItem
except ImportError:  # typer uses the installed click up to version 0.25, and a copy of its own since then
    from click.shell_completion import CompletionItem  # type: ignore[assignment]

# What is no option of ``run`` is a setting of the workflow. Its --help needs the name of the workflow.
RUN_CONTEXT: dict[str, Any] = {"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []}


class RunCommand(TyperCommand):
    """Command that also completes the settings of the workflow that is already typed."""

    def shell_complete(self, ctx: typer.Context, incomplete: str) -> list[CompletionItem]:  # type: ignore[override]
        """Return the options of ``run`` and the settings of the workflow that begin with ``incomplete``."""
        found = super().shell_complete(ctx, incomplete)
        try:
            settings = workflow_settings(ctx.params.get("workflow") or "")
        except ValueError:  # no workflow yet, or one that does not exist
            return found
        typed = incomplete.replace("-", "_")
        return found + [
            CompletionItem(f"--{setting.key}", help=setting.meaning)
            for setting in settings
            if f"__{setting.key}".startswith(typed)
        ]


def run(
    context: typer.Context,
    workflow: Annotated[
        str | None,
        typer.Argument(
            help=f"one of {', '.join(WORKFLOWS)}", autocompletion=lambda: list(WORKFLOWS), show_default=False
        ),
    ] = None,
    overlay: Annotated[
        list[str],
        typer.Option(
            help="paper, demo or multi_gpu, or an experiment of ablating; may be repeated",
            autocompletion=lambda: overlay_names("ablating"),
        ),
    ] = [],  # noqa: B006
    tracking: Annotated[str, typer.Option(help="mlflow (sqlite beside the output), none, or an MLflow URI")] = "mlflow",
    help_wanted: Annotated[
        bool, typer.Option("--help", help="list the settings of the workflow with default and meaning, and exit")
    ] = False,
) -> None:
    """Run a workflow of the bundle; any configuration key can be set with --key value.

    run WORKFLOW --help lists the settings of a workflow. With --seeds 3, training, retraining and zooming train one
    network for each of three seeds. Evaluating them with --base-dir compares base and re-trained networks with the
    chance of training taken into account. With --folds 3, training trains three networks, each without a third of the
    patients; --fold 1 trains only the second of them. They predict as one, see predict --model, and choose regions, see
    --fold-dir of enhancing and zooming.
    """
    if help_wanted or workflow is None:
        print(settings_help(workflow) if workflow else context.get_help())
        return
    from .fold_runs import holds_folds, measure_folds, run_folds
    from .overrides import Expression, parse_overrides  # noqa: TID251 - what the user typed
    from .seed_runs import run_seeds
    from .workflow import run_workflow

    workflow = workflow_name(workflow)
    overrides: dict[str, Any] = {} if tracking == "mlflow" else {"tracking_uri": tracking}
    typed = parse_overrides(context.args)
    seeds = typed.pop("seeds", None) if workflow in SEEDED else None
    folds, fold = (typed.pop(name, None) if workflow == "training" else None for name in ("folds", "fold"))
    if seeds is not None and folds is not None:
        raise ValueError("folds: cannot be used with --seeds; expected one of them, found both; leave one out")
    if fold is not None and folds is None:
        raise ValueError("fold: expected --folds beside it, found none; give the number of folds of the set too")
    overrides |= {key: Expression(value) for key, value in typed.items()}
    if folds is not None:
        run_folds(folds, fold=fold, overlays=overlay, overrides=overrides)
    elif holds_folds(workflow, overlays=overlay, overrides=overrides):
        measure_folds(workflow, overlays=overlay, overrides=overrides)
    elif workflow in SEEDED:
        run_seeds(workflow, seeds=seeds, overlays=overlay, overrides=overrides)
    else:
        run_workflow(workflow, overlays=overlay, overrides=overrides)
