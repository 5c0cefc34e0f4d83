"""Workflows: the file that has a CI system run the pipeline and the gates, and post what they say.

    workflow("github", [("churn", "champion")])

The commands in it are the ones that anybody runs at a desk. The project folder holds the version
that candidates are compared with; it is kept between runs in the cache of the CI system, which a
runner of your own does not need.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from lite_mlops.errors import Invalid, suggestion

# Where each system looks for its file.
WORKFLOWS: Mapping[str, str] = {
    "github": ".github/workflows/model.yml",
    "gitlab": ".gitlab-ci.yml",
}

_GITHUB = """\
# Written by `lite-mlops ci init github`. Runs the pipeline, then the gates of the new versions.
name: model

on:
  pull_request:
  workflow_dispatch:

permissions:
  contents: read
  pull-requests: write

concurrency:
  group: model-${{ github.ref }}

jobs:
  gate:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v4
      - uses: actions/setup-python@v5
        with:
          python-version: "3.12"
          cache: pip
          cache-dependency-path: "**/pyproject.toml"
      - name: Install
        run: |
          pip install lite-mlops
          if [ -f requirements.txt ]; then pip install -r requirements.txt; fi
      # The versions that are live. On a runner of your own, set LITE_MLOPS_DIR instead.
      - name: Project folder
        uses: actions/cache@v4
        with:
          path: .lite-mlops
          key: lite-mlops-${{ github.run_id }}
          restore-keys: lite-mlops-
      - name: Pipeline
        run: lite-mlops pipe run
      - name: Gates
        run: |
          status=0
{gates}
          exit "$status"
      - name: Report
        if: ${{ !cancelled() }}
        env:
          GH_TOKEN: ${{ github.token }}
          PULL_REQUEST: ${{ github.event.pull_request.number }}
        run: |
          cat gate-*.md >> "$GITHUB_STEP_SUMMARY"
          if [ -n "$PULL_REQUEST" ]; then
            cat gate-*.md > gates.md
            gh pr comment "$PULL_REQUEST" --body-file gates.md
          fi
      - name: Keep the report
        if: ${{ !cancelled() }}
        uses: actions/upload-artifact@v4
        with:
          name: gates
          path: gate-*
"""

_GITLAB = """\
# Written by `lite-mlops ci init gitlab`. Runs the pipeline, then the gates of the new versions.
gate:
  image: python:3.12
  rules:
    - if: $CI_PIPELINE_SOURCE == "merge_request_event"
    - if: $CI_PIPELINE_SOURCE == "web"
  # The versions that are live. On a runner of your own, set LITE_MLOPS_DIR instead.
  cache:
    key: lite-mlops
    paths:
      - .lite-mlops/
    when: always
  before_script:
    - pip install lite-mlops
    - if [ -f requirements.txt ]; then pip install -r requirements.txt; fi
  script:
    - lite-mlops pipe run
    - |
      status=0
{gates}
      exit "$status"
  # Posts the report if the project has a token GATE_TOKEN that may write notes.
  after_script:
    - |
      if [ -n "$GATE_TOKEN" ] && [ -n "$CI_MERGE_REQUEST_IID" ]; then
        cat gate-*.md > gates.md
        curl --fail --silent --show-error --header "PRIVATE-TOKEN: $GATE_TOKEN" \\
          --data-urlencode "body@gates.md" \\
          "$CI_API_V4_URL/projects/$CI_PROJECT_ID/merge_requests/$CI_MERGE_REQUEST_IID/notes"
      fi
  artifacts:
    when: always
    paths:
      - gate-*
    reports:
      junit: gate-*.xml
"""

_FORMS = {"github": (_GITHUB, " " * 10), "gitlab": (_GITLAB, " " * 6)}


def gate_command(gate: str, model: str, alias: str) -> str:
    """Return the command that judges the newest version of a model, as CI runs it."""
    files = f"--junit gate-{gate}.xml --markdown gate-{gate}.md"
    return f"lite-mlops gate run {model} --against {model}@{alias} {files}"


def workflow(system: str, gates: Sequence[tuple[str, str, str]]) -> str:
    """Return the file for a CI system.

    Args:
        system: 'github' or 'gitlab'.
        gates: Name, model and alias of each gate.

    Raises:
        Invalid: there is no such system, or no gate.
    """
    if system not in _FORMS:
        near = suggestion(system, _FORMS)
        raise Invalid(f"there is no workflow for {system!r}; there is {', '.join(_FORMS)}.{near}")
    if not gates:
        raise Invalid("there is no gate to run; write one as a table [gate.NAME].")
    template, indent = _FORMS[system]
    lines = [f"{indent}{gate_command(*one)} || status=$?" for one in gates]
    return template.replace("{gates}", "\n".join(lines))
