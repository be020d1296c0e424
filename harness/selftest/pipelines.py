# SPDX-License-Identifier: Apache-2.0
"""The pipeline templates of ci/templates, run here job by job as GitLab and GitHub would.

A job starts in a directory of its own with the files of the project and the artefacts that it asks
for; its steps are given to a shell as they stand. `apt-get` is a script of ours: of a package file
it unpacks what the template installs, and nothing else changes on this machine.
"""

from __future__ import annotations

import fnmatch
import itertools
import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from toolchain import REPOSITORY

TEMPLATES = REPOSITORY / "ci/templates"
APT_GET = """\
#!/bin/bash
set -eu
for word; do
    case $word in *.deb) dpkg-deb -x "$word" "$PIPELINE_ROOT" ;; esac
done
"""


def template(name: str) -> Any:
    """GitHub's `on` is a word, not true."""
    return yaml.safe_load((TEMPLATES / name).read_text(encoding="utf-8"))


@dataclass
class Step:
    script: str
    shell: tuple[str, ...]
    always: bool = False


@dataclass
class Done:
    """A job, or one of its matrix."""

    name: str
    status: int
    output: str
    files: Path


@dataclass
class Machine:
    """What runs jobs; `work` holds everything they write."""

    work: Path
    project: Path  # files of the user
    variables: Mapping[str, str]  # what the user changes in a template
    artifacts: dict[str, Path] = field(default_factory=dict)
    jobs: int = 0

    def shell(self, name: str, steps: list[Step], given: Mapping[str, str], where: Path) -> Done:
        """Steps until one fails; after that those that run always."""
        tools, root = self.work / "tools", self.work / f"root-{self.jobs}"
        self.jobs += 1
        tools.mkdir(exist_ok=True)
        root.mkdir()
        (tools / "apt-get").write_text(APT_GET)
        (tools / "apt-get").chmod(0o755)
        environment = {
            **given, "HOME": str(where), "PIPELINE_ROOT": str(root),
            "PATH": f"{tools}:{root}/usr/bin:/usr/bin:/bin",
        }  # fmt: skip
        status, output = 0, ""
        for step in steps:
            if status == 0 or step.always:
                done = subprocess.run(
                    [*step.shell, step.script], cwd=where, env=environment, check=False,
                    stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                )  # fmt: skip
                output += done.stdout
                status = status or done.returncode
        return Done(name, status, output, where)

    def place(self, project: bool) -> Path:
        """All jobs work at the same path, as on a runner."""
        where = self.work / "project"
        shutil.rmtree(where, ignore_errors=True)
        if project:
            shutil.copytree(self.project, where)
        else:
            where.mkdir()
        return where

    def keep(self, name: str, where: Path, patterns: list[str]) -> None:
        """The files that fit, under their names; a directory stands for all in it."""
        store = self.artifacts.setdefault(name, self.work / f"artifacts-{name}")
        for path in sorted(path for path in where.rglob("*") if path.is_file()):
            own = path.relative_to(where).as_posix()
            if any(fnmatch.fnmatch(own, p.rstrip("/") + ("/*" if (where / p).is_dir() else ""))
                   for p in patterns):  # fmt: skip
                (store / own).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(path, store / own)


def _combinations(matrix: Mapping[str, Any]) -> Iterator[dict[str, str]]:
    values = [item if isinstance(item, list) else [item] for item in matrix.values()]
    for chosen in itertools.product(*values):
        yield dict(zip(matrix, map(str, chosen)))


def run_gitlab(machine: Machine, matrix: Mapping[str, Any], skipped: str) -> list[Done]:
    """`matrix` takes the place of the lists that the user changes; `skipped` is a job whose
    artefacts are there."""
    content = template("gitlab-ci.yml")
    done: list[Done] = []
    failed = False
    for stage in content["stages"]:
        jobs = [(n, j) for n, j in content.items() if isinstance(j, dict) and j.get("stage") == stage]
        for name, job in jobs:
            if name == skipped or (failed and job.get("when") != "always"):
                continue
            (rows,) = job.get("parallel", {"matrix": [{}]})["matrix"]
            for chosen in _combinations({key: matrix.get(key, row) for key, row in rows.items()}):
                where = machine.place(project=True)
                for need in job.get("needs", ()):
                    shutil.copytree(machine.artifacts[need], where, dirs_exist_ok=True)
                variables = {**content["variables"], **machine.variables, **chosen}
                script = "set -eo pipefail\n" + "\n".join(job["script"])
                ended = machine.shell(name, [Step(script, ("bash", "-c"))], variables, where)
                if ended.status == 0 or job["artifacts"].get("when") == "always":
                    machine.keep(name, where, job["artifacts"]["paths"])
                done.append(ended)
        failed = failed or any(one.status for one in done)
    return done


def _expanded(text: str, known: Mapping[str, str]) -> str:
    """${{ matrix.sut }} and the like."""
    return re.sub(r"\$\{\{ *([\w.-]+) *\}\}", lambda match: known[match[1]], text)


def run_github(machine: Machine, matrix: Mapping[str, Any], skipped: str) -> list[Done]:
    content = template("github.yml")
    done: list[Done] = []
    for name, job in content["jobs"].items():
        failed = any(one.status for one in done)
        if name == skipped or (failed and job.get("if") != "always()"):
            continue
        rows = {**job.get("strategy", {}).get("matrix", {})}
        rows = {key: matrix.get(key, row) for key, row in rows.items()}
        for index, chosen in enumerate(_combinations(rows)):
            known = {**{f"matrix.{key}": value for key, value in chosen.items()},
                     "strategy.job-index": str(index)}  # fmt: skip
            done.append(_github_job(machine, name, job, content["env"], known))
    return done


def _github_job(
    machine: Machine, name: str, job: Any, env: Mapping[str, str], known: Mapping[str, str]
) -> Done:
    uses = [step.get("uses", "").partition("@")[0] for step in job["steps"]]
    where = machine.place("actions/checkout" in uses)
    given = {key: _expanded(str(value), known) for key, value in job.get("env", {}).items()}
    summary = machine.work / "summary.md"
    variables = {**env, **machine.variables, **given, "GITHUB_STEP_SUMMARY": str(summary)}
    steps = []
    for step, action in zip(job["steps"], uses):
        told = step.get("with", {})
        if action == "actions/download-artifact":
            pattern = str(told.get("name", told.get("pattern", "*")))
            for own in [own for own in machine.artifacts if fnmatch.fnmatch(own, pattern)]:
                inside = "" if "name" in told else own
                shutil.copytree(machine.artifacts[own], where / told.get("path", ".") / inside,
                                dirs_exist_ok=True)  # fmt: skip
        elif "run" in step:
            shell = ("bash", "-eo", "pipefail", "-c") if step.get("shell") else ("sh", "-ec")
            steps.append(Step(step["run"], shell, step.get("if") == "always()"))
    ended = machine.shell(name, steps, variables, where)
    for step, action in zip(job["steps"], uses):
        if action == "actions/upload-artifact" and (not ended.status or step.get("if")):
            own = _expanded(step["with"]["name"], known)
            patterns = step["with"]["path"].split()
            machine.keep(own, where, patterns)
            _flatten(machine.artifacts[own], patterns)
    return ended


def _flatten(store: Path, patterns: list[str]) -> None:
    """upload-artifact leaves out the directories that all patterns share."""
    shared = os.path.commonpath([p if (store / p).is_dir() else os.path.dirname(p) for p in patterns])
    if shared and (store / shared).is_dir():
        for path in sorted((store / shared).iterdir()):
            path.rename(store / path.name)
        shutil.rmtree(store / shared.partition("/")[0])


def scripts() -> Iterator[tuple[str, str]]:
    """Every script of the templates, with the shell that reads it."""
    for job in template("gitlab-ci.yml").values():
        if isinstance(job, dict) and "script" in job:
            yield "bash", "\n".join(job["script"])
    for job in template("github.yml")["jobs"].values():
        for step in job["steps"]:
            if "run" in step:
                yield step.get("shell", "sh"), step["run"]
