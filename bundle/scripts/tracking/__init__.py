"""MLflow runs of workflows: by default in an SQLite database beside the outputs, with links to the source runs.

An output folder, and the database beside it, may come from somebody else. Their contents never decide where files are
sent. A server is used only if the caller configured it, and artifacts of a database beside an output folder go only to
the folder ``mlruns`` beside the database.

``recorded_config``  configuration of the workflow that is running
``store``            where runs are kept: the database beside an output folder, and its folder of artifacts
``run_file``         ``mlflow_runs.json``: the runs that wrote to an output folder
``log_text``         names and messages that MLflow and the log accept
``tracker``          the run of a workflow
``attaching``        copies a file into finished runs
"""

from ..common.lazy_names import lazy_names

__getattr__ = lazy_names(
    __name__,
    recorded_config="config_as_run",
    store="default_uri ui_command",
    tracker="Tracker",
    attaching="attach_artifact",
)
