# SPDX-License-Identifier: Apache-2.0
"""`ipc-cts certify`: a strict run of everything, packed as an evidence bundle.

The command runs with an environment of its own, and so does the suite that it starts: nothing of
the caller's can get into a bundle.
"""

from __future__ import annotations

import re
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ctsreport.evidence import bundle, verify, waivers

ROOT = Path(__file__).resolve().parents[3]
INSTALLED = "REVISION"  # in an installed tree; ci/cmake/install.cmake writes it
SELFTEST = Path("harness/selftest")
# What this release of the suite is worth: name in quality.json, file below SELFTEST.
QUALITY_SHEETS = {
    "kill_matrix": "KILL-MATRIX.md",
    "generated_mutants": "generated/SCORE.md",
    "variants": "SOAK.md",
}
REPEAT_DEFAULT = 3
NOT_CONFORMANT, INTERRUPTED = (1, 6), 2


class NotCertified(bundle.BundleError):
    """The run is not conformant; `status` is that of the run."""

    def __init__(self, text: str, status: int) -> None:
        super().__init__(text)
        self.status = status


@dataclass(frozen=True)
class Wanted:
    """The command line."""

    program: str
    statement: Path
    sut: str | None
    adapter: str | None
    claims: str | None
    profile: str
    repeat: int
    waivers: Path | None
    key: Path | None
    events: Path | None  # an existing log instead of a run
    coverage: Path | None


def revision(root: Path) -> str:
    """The commit of the suite, whose tree must be as committed; of an installed suite the one that
    it was installed from."""
    if (root / INSTALLED).is_file():
        return _installed_revision(root / INSTALLED)
    answers = []
    for words in (["rev-parse", "HEAD"], ["status", "--porcelain"]):
        command = ["git", "-c", f"safe.directory={root}", "-C", str(root), *words]
        try:
            answer = subprocess.run(
                command, stdin=subprocess.DEVNULL, capture_output=True, check=False
            )
        except FileNotFoundError:
            raise bundle.BundleError("the revision of the suite needs git; install git") from None
        if answer.returncode != 0:
            raise bundle.BundleError(f"{root} is no git tree: evidence names a commit of the suite")
        answers.append(answer.stdout.decode("utf-8", "replace"))
    changed = answers[1].splitlines()
    if changed:
        count = f" and {len(changed) - 1} more" if len(changed) > 1 else ""
        raise bundle.BundleError(f"the suite has changes without a commit: {changed[0][3:]}{count}")
    return answers[0].strip()


def _installed_revision(path: Path) -> str:
    told = re.fullmatch(r"commit (\S+)\ntree (\S+)\n", _read(path).decode("utf-8", "replace"))
    if told is None or not re.fullmatch(r"[0-9a-f]{40,64}", told[1]):
        raise bundle.BundleError(f"{path} names no commit: install the suite from its git tree")
    if told[2] != "clean":
        raise bundle.BundleError("the suite was installed from a tree with changes without a commit")
    return told[1]


def run_suite(wanted: Wanted, version: str, log: Path) -> None:
    """The certification run. BundleError when it did not come to its end."""
    command = [wanted.program, "run", "--strict", "--repeat", str(wanted.repeat), "-q"]
    command += ["--profile", wanted.profile, "--events", str(log), "--color=never"]
    command += ["--sut-version", version]
    for name in ("sut", "adapter", "claims"):
        value = getattr(wanted, name)
        if value is not None:
            command += [f"--{name}", value]
    answer = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False)
    if answer.returncode not in (0, *NOT_CONFORMANT):
        lines = (answer.stderr + answer.stdout).decode("utf-8", "replace").strip().splitlines()
        why = lines[0].removeprefix("ipc-cts: ") if lines else "no word"
        raise NotCertified(f"the run did not come to its end: {why}", answer.returncode or 3)


def needed_objects(path: Path) -> list[Path]:
    """What the dynamic linker loads with the library, itself not included."""
    try:
        answer = subprocess.run(
            ["ldd", str(path)], stdin=subprocess.DEVNULL, capture_output=True, check=False
        )
    except FileNotFoundError:
        raise bundle.BundleError("the list of loaded objects needs ldd (libc-bin)") from None
    found = re.findall(r"(?:=> |^\s*)(/\S+) \(0x", answer.stdout.decode("utf-8", "replace"), re.M)
    return sorted({Path(name) for name in found})


def objects_of(run: verify.Log) -> list[dict[str, Any]]:
    """Digest and build-id of the library, of what it needs, and of its adapter."""
    library = Path(str(run.start["sut"]["path"]))
    found = [bundle.loaded_object(library, "libkos-ipc.so")]
    if found[0]["sha256"] != run.start["digests"]["sut"]:
        raise bundle.BundleError(f"{library} was changed since the run")
    adapter = run.start.get("adapter")
    if isinstance(adapter, dict) and run.start["digests"].get("adapter") is not None:
        found.append(bundle.loaded_object(Path(str(adapter["path"])), "adapter"))
    needed = needed_objects(library) if library.suffix != ".a" else []
    return found + [bundle.loaded_object(path, path.name) for path in needed]


def defined_symbols(path: Path) -> list[str]:
    """The names that the library defines for others."""
    which = ["--extern-only"] if path.suffix == ".a" else ["--dynamic"]
    command = ["nm", "--format=posix", "--defined-only", "--no-sort", *which, str(path)]
    try:
        answer = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False)
    except FileNotFoundError:
        raise bundle.BundleError("the list of symbols needs nm (binutils)") from None
    if answer.returncode != 0:
        why = answer.stderr.decode("utf-8", "replace").strip().splitlines() or ["no word"]
        raise bundle.BundleError(f"the list of symbols cannot be made: {why[0]}")
    lines = (line.split(" ") for line in answer.stdout.decode("utf-8", "replace").splitlines())
    return sorted({words[0] for words in lines if len(words) > 1 and len(words[1]) == 1})


def _version(path: Path) -> str:
    """The version that the statement gives the library, which the run records."""
    try:
        content = waivers.parse_content(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "not UTF-8"
        raise bundle.BundleError(f"{path}: {why}") from None
    version = content.get("version") if isinstance(content, dict) else None
    if not isinstance(version, str) or not re.fullmatch(r"[0-9]+(\.[0-9]+)*", version):
        raise bundle.BundleError(f'{path}: version is not numbers with dots, as version: "1.2"')
    return version


def _waiver_content(path: Path | None) -> Any:
    return waivers.to_content(waivers.load(path) if path is not None else [])


def certify(wanted: Wanted) -> bytes:
    """The bundle, which verify accepts. BundleError or WaiverError with one line otherwise."""
    commit = revision(ROOT)
    version = _version(wanted.statement)
    waived = _waiver_content(wanted.waivers)
    if wanted.key is not None:
        bundle.public_key(wanted.key)  # before the long run
    with tempfile.TemporaryDirectory(prefix="ipc-cts-certify-") as directory:
        log = wanted.events
        if log is None:
            log = Path(directory) / "events.jsonl"
            run_suite(wanted, version, log)
        content = _read(log)
    try:
        run = verify.read_log(content)
    except verify.Refused as refused:
        raise bundle.BundleError(f"the event log is no evidence: {refused}") from None
    sheets = {name: ROOT / SELFTEST / file for name, file in QUALITY_SHEETS.items()}
    material = bundle.Material(
        statement=bundle.read_statement(wanted.statement, run),
        waivers=waived,
        objects=objects_of(run),
        commit=commit,
        quality={name: _read(path).decode("utf-8") for name, path in sheets.items()},
        symbols=defined_symbols(Path(str(run.start["sut"]["path"]))),
        coverage=_read(wanted.coverage) if wanted.coverage is not None else None,
    )
    return checked(bundle.seal(bundle.files_of(content, material), wanted.key))


def checked(content: bytes) -> bytes:
    """A bundle is only given away when the verifier accepts it."""
    try:
        verify.verify(content)
    except verify.Refused as refused:
        raise NotCertified(f"no evidence: {refused}", NOT_CONFORMANT[0]) from None
    return content


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise bundle.BundleError(f"{path}: {error.strerror}") from None


__all__: Sequence[str] = ("REPEAT_DEFAULT", "Wanted", "certify", "checked", "revision")
