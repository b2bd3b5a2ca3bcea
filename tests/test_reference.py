"""``docs/reference.md`` lists every setting of the configurations, with its default and its meaning there."""

import re

import pytest
from scripts.workflow_settings import CONFIG_DIR, WORKFLOWS, file_settings

REFERENCE = CONFIG_DIR.parent / "docs" / "reference.md"
FILES = list(dict.fromkeys(files[-1].removesuffix(".yaml") for files in WORKFLOWS.values()))


def settings(name):
    """Settings of a configuration by the name of its file, as (key, default, meaning)."""
    return file_settings(CONFIG_DIR / f"{name}.yaml")


@pytest.mark.parametrize("name", FILES)
def test_every_setting_is_in_the_reference_as_it_is_in_the_configuration(name):
    expected = [f"| `{key}` | `{value}` | {meaning} |" for key, value, meaning in settings(name)]
    assert expected
    section = re.split(r"^## ", REFERENCE.read_text(), flags=re.MULTILINE)
    (text,) = [part for part in section if f"(`configs/{name}.yaml`)" in part]
    assert [line for line in text.splitlines() if line.startswith("| `")] == expected


@pytest.mark.parametrize("workflow", WORKFLOWS)
def test_a_section_of_the_reference_is_headed_by_the_name_of_its_workflow(workflow):
    heading = rf"^## {workflow}\b.*\(`configs/{WORKFLOWS[workflow][-1]}`\)"
    assert re.search(heading, REFERENCE.read_text(), flags=re.MULTILINE)


@pytest.mark.parametrize("name", FILES)
def test_every_hyper_parameter_is_explained(name):
    unexplained = [key for key, _, meaning in settings(name) if not meaning]
    assert not unexplained
