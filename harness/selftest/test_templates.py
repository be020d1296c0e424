# SPDX-License-Identifier: Apache-2.0
"""The pipeline templates: linted, and run here step by step on a right and on a wrong library."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import junitparser
import pipelines
import pytest
import toolchain
from mutants import build as mutant_build
from pipelines import Done, Machine
from suite import Suite
from toolchain import REPOSITORY, SDK_INCLUDE

# The job that builds the suite, and the artefact that it leaves.
SUITE_JOBS = {"gitlab": "ipc-cts-suite", "github": "suite"}
PACKAGES = {"gitlab": "ipc-cts-suite", "github": "ipc-cts-package"}
RUNNERS: dict[str, Callable[[Machine, Mapping[str, Any], str], list[Done]]] = {
    "gitlab": pipelines.run_gitlab,
    "github": pipelines.run_github,
}


def test_yamllint() -> None:
    rules = "{extends: default, rules: {line-length: {max: 120}}}"
    done = subprocess.run(
        ["yamllint", "--strict", "-d", rules, pipelines.TEMPLATES],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(("shell", "script"), pipelines.scripts())
def test_shellcheck(shell: str, script: str) -> None:
    # 2086: lists of options and commands are split on purpose. 2016: backquotes of Markdown.
    done = subprocess.run(
        ["shellcheck", "-s", shell, "-e", "SC2086,SC2016", "-"],
        input=f"{script}\n", capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout


def test_words_of_the_command_are_known(suite: Suite) -> None:
    """Every option that a template gives to ipc-cts is in the help of its verb."""
    found = 0
    helps: dict[str, str] = {}
    for _, script in pipelines.scripts():
        for verb, words in re.findall(r"ipc-cts (run|merge|report|coverage|matrix)\b([^|;\n]*(?:\\\n[^\n]*)?)",
                                      script):  # fmt: skip
            if verb not in helps:
                helps[verb] = suite.call([verb, "--help"]).stdout
            for option in re.findall(r"--[a-z-]+", words):
                found += 1
                assert option in helps[verb], (verb, option)
    assert found > 10


def test_shape() -> None:
    """What GitLab and GitHub look for: an artefact is there for whoever needs it."""
    gitlab = pipelines.template("gitlab-ci.yml")
    jobs = {name: job for name, job in gitlab.items() if isinstance(job, dict) and "script" in job}
    assert {job["stage"] for job in jobs.values()} == set(gitlab["stages"])
    for job in jobs.values():
        assert set(job.get("needs", ())) <= set(jobs)
    assert jobs["ipc-cts-report"]["artifacts"]["reports"]["junit"].endswith(".xml")
    re.compile(jobs["ipc-cts-report"]["coverage"].strip("/"))
    github = pipelines.template("github.yml")
    assert set(github["on"]) == {"push", "pull_request"}
    assert github["permissions"] == {"contents": "read"}
    for job in github["jobs"].values():
        needs = job.get("needs", [])
        assert set([needs] if isinstance(needs, str) else needs) <= set(github["jobs"])
        for step in job["steps"]:
            assert ("run" in step) != ("uses" in step)
            assert re.fullmatch(r"actions/[a-z-]+@v\d+", step.get("uses", "actions/x@v1"))


def machine_for(which: str, work: Path, package: Path, project: Path, build: str, options: str) -> Machine:
    variables = {"IPC_CTS_BUILD": build, "IPC_CTS_OPTIONS": options, "IPC_CTS_PROFILE": "smoke"}
    machine = Machine(work, project, variables)
    store = work / "the-package"
    inside = "ipc-cts-package" if which == "gitlab" else "."
    (store / inside).mkdir(parents=True)
    shutil.copy(package, store / inside)
    machine.artifacts[PACKAGES[which]] = store
    return machine


@pytest.mark.parametrize("which", sorted(RUNNERS))
def test_pipeline_finds_the_wrong_library(
    which: str, package: Path, suite: Suite, mutants: mutant_build.Builder, tmp_path: Path
) -> None:
    """Two libraries, two shards: the jobs of the wrong one fail, and its report says why."""
    (wrong,) = (m for m in mutant_build.load() if m.id == "taken-call-is-interrupted")
    project = tmp_path / "mine"
    project.mkdir()
    shutil.copy(suite.variant("condvar"), project / "good.so.in")
    shutil.copy(mutants.build(wrong).library, project / "bad.so.in")
    (project / "Makefile").write_text("all:\n\tcp good.so.in good.so; cp bad.so.in bad.so\n")
    machine = machine_for(which, tmp_path, package, project, "make", "")
    key = "SUT" if which == "gitlab" else "sut"
    done = RUNNERS[which](machine, {key: ["good.so", "bad.so"]}, SUITE_JOBS[which])
    runs = [one.status for one in done if one.name in ("ipc-cts-run", "conform")]
    assert runs[:2] == [0, 0] and 1 in runs[2:] and set(runs) <= {0, 1}, [d.output for d in done]
    reports = [one for one in done if "report" in one.name]
    assert reports and not any(one.status for one in reports), [one.output for one in reports]
    assert any("CALL-02" in one.output for one in done)
    found = list(machine.work.glob("artifacts-ipc-cts-report/**/events.jsonl"))
    if which == "github":
        assert len(found) == 2
        assert any("::error " in one.output for one in done)
        assert "CALL-02" in (tmp_path / "summary.md").read_text()
    xml = [path for path in machine.work.glob("artifacts-ipc-cts-report/**/*junit*") if path.is_file()]
    suites = [junitparser.JUnitXml.fromfile(str(path)) for path in xml]
    assert max(one.failures for one in suites) > 0 and min(one.tests for one in suites) > 20


@pytest.mark.slow
def test_pipeline_with_coverage(package: Path, tmp_path: Path) -> None:
    """GitLab's, with a library of several files built by gcc --coverage in the job."""
    project = tmp_path / "mine"
    shutil.copytree(REPOSITORY / "reference-impl/src", project)
    (project / "build.sh").write_text(
        "set -e\nfor f in *.c; do gcc -std=c11 -D_GNU_SOURCE -fPIC -fvisibility=hidden --coverage "
        f"-fprofile-update=atomic -I{SDK_INCLUDE} -c $f; done\n"
        "gcc -shared --coverage -pthread -Wl,-z,nodelete *.o -o libkos-ipc.so\n"
    )
    machine = machine_for("gitlab", tmp_path, package, project, "sh build.sh", "--coverage")
    done = pipelines.run_gitlab(machine, {}, "ipc-cts-suite")
    assert not any(one.status for one in done), [one.output for one in done]
    expression = pipelines.template("gitlab-ci.yml")["ipc-cts-report"]["coverage"].strip("/")
    share = re.search(expression, done[-1].output)
    assert share is not None and 40 < float(share[1]) <= 100
    out = machine.artifacts["ipc-cts-report"] / "ipc-cts-report"
    assert (out / "coverage/html/index.html").is_file() and (out / "report.html").is_file()


@pytest.mark.slow
def test_the_suite_builds_as_the_template_says(tmp_path: Path) -> None:
    """The first job, with this repository for its source; what it installs is already here."""
    content = pipelines.template("gitlab-ci.yml")
    job = content["ipc-cts-suite"]
    machine = Machine(tmp_path, tmp_path / "none", {})
    where = machine.place(project=False)
    branch = toolchain.run_tool(["git", "-C", REPOSITORY, "rev-parse", "--abbrev-ref", "HEAD"]).strip()
    variables = {"IPC_CTS_SOURCE": str(REPOSITORY), "IPC_CTS_REF": branch}
    script = "set -e\n" + "\n".join(job["script"])
    done = machine.shell("suite", [pipelines.Step(script, ("bash", "-c"))], variables, where)
    assert done.status == 0, done.output
    assert len(list((where / "ipc-cts-package").glob("*.deb"))) == 1
