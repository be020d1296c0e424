#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Check an evidence bundle of ipc-cts without trusting who made it.

    python3 verify.py BUNDLE [--key PUBLIC.pem] [--mustpass FILE] [--withdrawn FILE]

One file that needs nothing but Python's standard library and the openssl command. It reads a tar
without unpacking it to disk, derives every verdict again from the events, and compares all else in
the bundle with that. Where the package `ctsreport` lies around this file, the reports are also
written again and compared byte for byte.

With --key the signature must be by that key. Without it a signature is only checked against the key
in the bundle, which anybody can put there, and the last line says so. --mustpass names the cases
that the release of the suite demands; without it the list is derived from the catalogue in the log.
--withdrawn names releases of the suite whose evidence counts no more: each line a version, commit or
digest of the suite, then why.

Exit 0: accepted. 7: refused, with one line `refused CODE: what`. 3: openssl is missing, or stdout
cannot be written. 4: wrong
command line, or the file cannot be read.
"""

from __future__ import annotations

import argparse
import base64
import binascii
import datetime
import gc
import hashlib
import io
import json
import os
import re
import secrets
import subprocess
import sys
import tarfile
import tempfile
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn, Optional
from xml.etree import ElementTree

ACCEPTED, INTERNAL, USAGE, REFUSED = 0, 3, 4, 7

MANIFEST, ATTESTATION, SIGNER = "MANIFEST.sha256", "attestation.dsse.json", "signer.pem"
REQUIRED = (
    "STATEMENT.yaml",
    "calibration.json",
    "environment.json",
    "events.jsonl",
    "junit.xml",
    "mustpass.txt",
    "profile.yaml",
    "quality.json",
    "report.html",
    "report.tap",
    "requirements.json",
    "results.json",
    "suite-git.txt",
    "sut.json",
    "waivers.yaml",
)
OPTIONAL = ("coverage.info",)
UNLISTED = (MANIFEST, ATTESTATION, SIGNER)  # what the manifest does not name
SIZE_MAX_BYTES = 512 * 1024 * 1024
FILES_MAX = 32
EVENTS_MAX = 5_000_000

PAYLOAD_TYPE = "application/vnd.in-toto+json"
STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
PREDICATE_TYPE = "https://in-toto.io/attestation/test-result/v0.1"

# The sheets of quality.json: how much the suite finds, and how often it is wrong.
QUALITY_SHEETS = ("kill_matrix", "generated_mutants", "variants")
STATEMENT_FIELDS = ("vendor", "product", "version", "os", "cpu", "contact", "suite", "profile")
WAIVER_FIELDS = ("id", "requirement", "case", "reason", "issue", "owner", "created", "expires")
GOOD = ("PASS", "OBSERVED")
BAD = ("CRASH", "TIMEOUT", "EARLY_EXIT", "FAIL", "LEAK", "BROKEN")
WORDS = (*GOOD, *BAD, "SKIP", "INCONCLUSIVE")
SEVERITY = (*BAD, "INCONCLUSIVE", "SKIP", "OBSERVED", "PASS")  # the worst first
ROLLUP = (*BAD, "INCONCLUSIVE", "PASS", "OBSERVED", "SKIP")
EXIT_PASS, EXIT_SKIP = 0, 77

Record = dict[str, Any]


class Refused(Exception):
    """The bundle is not evidence; `code` says which check found it."""

    def __init__(self, code: str, text: str) -> None:
        printable = "".join(c if c.isprintable() else "?" for c in text[:300])
        super().__init__(f"refused {code}: {printable}")
        self.code = code


def refuse(code: str, text: str) -> NoReturn:
    raise Refused(code, text)


# ---------------------------------------------------------------------------------------------
# The tar.


def pack(files: Mapping[str, bytes]) -> bytes:
    """The one tar that a set of files has: sorted names, no owner, no time."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for name in sorted(files):
            entry = tarfile.TarInfo(name)
            entry.size = len(files[name])
            entry.mode = 0o644
            tar.addfile(entry, io.BytesIO(files[name]))
    return out.getvalue()


def _check_name(name: str) -> None:
    if name.startswith("/") or ".." in name.split("/") or "\\" in name:
        refuse("UNSAFE_PATH", f"the name {name} leaves the bundle")
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", name):
        refuse("UNSAFE_NAME", f"the name {name} is not a plain file name")


def unpack(content: bytes) -> dict[str, bytes]:
    """The files by name, in memory."""
    files: dict[str, bytes] = {}
    if len(content) > SIZE_MAX_BYTES:
        refuse("TOO_BIG", f"more than {SIZE_MAX_BYTES} bytes")
    try:
        with tarfile.open(fileobj=io.BytesIO(content), mode="r:") as tar:
            for entry in tar:
                if entry.issym() or entry.islnk():
                    refuse("LINK", f"{entry.name} is a link")
                if not entry.isreg() or entry.sparse is not None:
                    refuse("SPECIAL_FILE", f"{entry.name} is not a plain file")
                _check_name(entry.name)
                if entry.name in files:
                    refuse("DUPLICATE_FILE", f"{entry.name} is there twice")
                if len(files) >= FILES_MAX:
                    refuse("TOO_MANY_FILES", f"more than {FILES_MAX} files")
                if entry.size > len(content):
                    refuse("NOT_A_TAR", f"{entry.name} is cut")
                source = tar.extractfile(entry)
                files[entry.name] = source.read() if source is not None else b""
                if len(files[entry.name]) != entry.size:
                    refuse("NOT_A_TAR", f"{entry.name} is cut")
    except (tarfile.TarError, ValueError, OverflowError, EOFError, OSError) as error:
        refuse("NOT_A_TAR", str(error))
    known = {*REQUIRED, *OPTIONAL, *UNLISTED}
    for name in sorted(files):
        if name not in known:
            refuse("UNKNOWN_FILE", f"{name} does not belong into a bundle")
    for name in (*REQUIRED, MANIFEST, ATTESTATION):
        if name not in files:
            refuse("MISSING_FILE", f"{name} is not there")
    if pack(files) != content:
        refuse("NOT_CANONICAL", "the tar holds more than its files: owners, times or padding")
    return files


def manifest_of(files: Mapping[str, bytes]) -> bytes:
    rows = (f"{sha256(files[name])}  {name}\n" for name in sorted(files) if name not in UNLISTED)
    return "".join(rows).encode()


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def check_manifest(files: Mapping[str, bytes]) -> None:
    rows: dict[str, str] = {}
    for line in files[MANIFEST].decode("latin-1").splitlines():
        row = re.fullmatch(r"([0-9a-f]{64})  ([A-Za-z0-9._-]+)", line)
        if row is None or row[2] in rows:
            refuse("MANIFEST_FORMAT", f"{MANIFEST} is not a list of digests and names")
        rows[row[2]] = row[1]
    for name in sorted(set(rows) - set(files)):
        refuse("MANIFEST_NAMES", f"{name} is in {MANIFEST} and not in the bundle")
    for name in sorted(set(files) - set(rows) - set(UNLISTED)):
        refuse("MANIFEST_INCOMPLETE", f"{name} is not in {MANIFEST}")
    for name, digest in rows.items():
        if sha256(files[name]) != digest:
            refuse("DIGEST", f"{name} is not what {MANIFEST} says")
    if manifest_of(files) != files[MANIFEST]:
        refuse("MANIFEST_FORMAT", f"{MANIFEST} is not in its one form")


# ---------------------------------------------------------------------------------------------
# Signature: in-toto Statement v1 in a DSSE envelope.


def canonical(value: Any) -> bytes:
    return json.dumps(value, indent=1, sort_keys=True, ensure_ascii=True).encode() + b"\n"


def pre_authentication(payload: bytes) -> bytes:
    """What DSSE signs."""
    kind = PAYLOAD_TYPE.encode()
    return b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(payload), payload)


def statement_of(files: Mapping[str, bytes], run: Log) -> bytes:
    """The one statement that belongs to the files and their log, which `certify` signs."""
    waived = {row["case"] for row in read_waivers(files["waivers.yaml"])}
    verdicts = {case: run.verdict(case) for case in run.plan}
    failed = sorted(c for c, word in verdicts.items() if word in BAD and c not in waived)
    warned = sorted(c for c, word in verdicts.items() if word in BAD and c in waived)
    content = {
        "_type": STATEMENT_TYPE,
        "subject": [{"name": "libkos-ipc.so", "digest": {"sha256": run.start["digests"]["sut"]}}],
        "predicateType": PREDICATE_TYPE,
        "predicate": {
            "result": "FAILED" if failed else "WARNED" if warned else "PASSED",
            "configuration": [{"name": MANIFEST, "digest": {"sha256": sha256(files[MANIFEST])}}],
            "passedTests": sorted(case for case, word in verdicts.items() if word in GOOD),
            "warnedTests": warned,
            "failedTests": failed,
        },
    }
    return canonical(content)


def envelope_of(payload: bytes, signatures: Sequence[Mapping[str, str]]) -> bytes:
    text = base64.b64encode(payload).decode()
    return canonical(
        {"payloadType": PAYLOAD_TYPE, "payload": text, "signatures": list(signatures)}
    )


def _base64(text: Any, what: str) -> bytes:
    try:
        content = base64.b64decode(text, validate=True)
    except (binascii.Error, TypeError, ValueError):
        refuse("ATTESTATION_FORMAT", f"the {what} is not base64")
    if base64.b64encode(content).decode() != text:
        refuse("ATTESTATION_FORMAT", f"the {what} is not in its one form")
    return content


def _openssl(arguments: Sequence[str]) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        ["openssl", *arguments], stdin=subprocess.DEVNULL, capture_output=True, check=False
    )


def key_id(public_pem: bytes) -> str:
    """SHA-256 of the key itself, whatever the text around it; "" when it is no Ed25519 key."""
    body = re.search(rb"-----BEGIN PUBLIC KEY-----(.*?)-----END PUBLIC KEY-----", public_pem, re.S)
    try:
        der = base64.b64decode(b"".join(body[1].split()), validate=True) if body else b""
    except binascii.Error:
        return ""
    return sha256(der) if len(der) == 44 and der[:12] == _ED25519_PREFIX else ""


_ED25519_PREFIX = bytes.fromhex("302a300506032b6570032100")


def signature_holds(public_pem: bytes, message: bytes, signature: bytes) -> bool:
    with tempfile.TemporaryDirectory(prefix="ipc-cts-verify-") as directory:
        names = {}
        for name, content in (("key", public_pem), ("in", message), ("sig", signature)):
            names[name] = f"{directory}/{name}"
            Path(names[name]).write_bytes(content)
        answer = _openssl(
            ["pkeyutl", "-verify", "-pubin", "-inkey", names["key"], "-rawin", "-in", names["in"],
             "-sigfile", names["sig"]]
        )  # fmt: skip
    return answer.returncode == 0


def check_attestation(files: Mapping[str, bytes], key: Optional[bytes]) -> str:
    """What the signature is worth, in words."""
    envelope = parse_json(files[ATTESTATION], ATTESTATION, "ATTESTATION_FORMAT")
    fields = {"payloadType", "payload", "signatures"}
    if not isinstance(envelope, dict) or set(envelope) != fields:
        refuse("ATTESTATION_FORMAT", f"{ATTESTATION} is no DSSE envelope")
    signatures = envelope["signatures"]
    good = isinstance(signatures, list) and len(signatures) <= 1
    if not good or not all(isinstance(s, dict) and set(s) == {"keyid", "sig"} for s in signatures):
        refuse("ATTESTATION_FORMAT", "the envelope has more than one signature, or a strange one")
    payload = _base64(envelope["payload"], "payload")
    if envelope["payloadType"] != PAYLOAD_TYPE:
        refuse("ATTESTATION_FORMAT", f"the payload is not {PAYLOAD_TYPE}")
    if envelope_of(payload, signatures) != files[ATTESTATION]:
        refuse("ATTESTATION_FORMAT", f"{ATTESTATION} is not in its one form")
    words = _check_signature(files, signatures, payload, key)
    return words


def _check_signature(
    files: Mapping[str, bytes], signatures: Sequence[Record], payload: bytes, key: Optional[bytes]
) -> str:
    signer = files.get(SIGNER)
    if not signatures:
        if key is not None:
            refuse("UNSIGNED", "nobody has signed the bundle, and --key was given")
        if signer is not None:
            refuse("UNSIGNED", f"there is a {SIGNER} and no signature")
        return "not signed"
    if signer is None or not key_id(signer):
        refuse("SIGNER_KEY", f"{SIGNER} is missing or no Ed25519 key")
    if normal_key(signer) != signer:
        refuse("SIGNER_KEY", f"{SIGNER} is not in its one form")
    if signatures[0]["keyid"] != key_id(signer):
        refuse("KEY_ID", f"the signature names another key than {SIGNER}")
    if key is not None and key_id(key) != key_id(signer):
        refuse("WRONG_KEY", "the bundle is signed by another key than that of --key")
    message = pre_authentication(payload)
    if not signature_holds(signer, message, _base64(signatures[0]["sig"], "signature")):
        refuse("SIGNATURE", "the signature does not fit")
    if key is None:
        return f"signed by key {key_id(signer)[:16]}, which nobody vouches for (use --key)"
    return f"signed by the given key {key_id(signer)[:16]}"


def normal_key(public_pem: bytes) -> bytes:
    """The same Ed25519 key in the one form in which bundles carry it."""
    body = re.search(rb"-----BEGIN PUBLIC KEY-----(.*?)-----END PUBLIC KEY-----", public_pem, re.S)
    text = b"".join(body[1].split()) if body else b""
    return b"-----BEGIN PUBLIC KEY-----\n" + text + b"\n-----END PUBLIC KEY-----\n"


# ---------------------------------------------------------------------------------------------
# JSON, and the events.


def _no_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len({name for name, _ in pairs}) != len(pairs):
        raise ValueError("a name stands twice")
    return dict(pairs)


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number")


_STRICT = json.JSONDecoder(object_pairs_hook=_no_doubles, parse_constant=_no_constant)
_FAST = json.JSONDecoder(parse_constant=_no_constant)


def parse_json(content: bytes, name: str, code: str = "SCHEMA") -> Any:
    try:
        return _STRICT.decode(content.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        refuse(code, f"{name} is not the JSON that it should be: {error}")


@dataclass
class Execution:
    """The events of one repetition of a case."""

    start: Optional[Record] = None
    end: Optional[Record] = None
    completes: list[Record] = field(default_factory=list)
    after_complete: bool = False
    failed_check: bool = False
    observations: int = 0
    weak: bool = False
    violation: bool = False


@dataclass
class Log:
    start: Record
    end: Record
    requirements: list[Record]
    listed: list[Record]
    timing: list[Record]
    executions: dict[tuple[str, int], Execution]
    records: list[Record]

    @property
    def plan(self) -> list[str]:
        return list(self.start["planned"])

    def verdicts(self, case: str) -> list[str]:
        repetitions = range(1, self.start["repeat"] + 1)
        return [str((self.executions[case, rep].end or {})["verdict"]) for rep in repetitions]

    def verdict(self, case: str) -> str:
        """The worst of the repetitions."""
        return min(self.verdicts(case), key=SEVERITY.index)


_TYPES: dict[str, dict[str, Any]] = {
    "run_start": {
        "version": int, "suite": str, "profile": str, "extent": str, "sut": dict, "repeat": int,
        "strict": bool, "machine": dict, "planned": list, "capabilities": dict, "time_utc": str,
        "digests": dict, "timeout_factor": (int, float), "seed": int,
    },
    "requirement": {"id": str, "claim": str, "strength": str, "source": str, "profiles": list},
    "listed_case": {"id": str, "requirement": str, "traits": list},
    "case_start": {"case": str, "rep": int, "index": int, "requirement": str},
    "case_end": {"case": str, "rep": int, "verdict": str, "reason": str, "strays": int},
    "complete": {"case": str, "rep": int, "verdict": str, "checks": int},
    "check": {"case": str, "rep": int, "ok": bool},
    "run_end": {"verdicts": dict, "exit_code": int, "complete": bool},
}  # fmt: skip


# Most of a log; nothing is derived from them.
_PLAIN_STEPS = ("invoke", "return", "actor", "process", "object", "freeze", "thaw")
# Those that are looked for in the whole log.
_OF_THE_RUN = ("run_start", "run_end", "requirement", "listed_case", "timing")
_TOGETHER = 1000  # lines parsed at once
_PLAIN_STARTS = tuple(f'{{"event":"{name}",'.encode() for name in _PLAIN_STEPS)


def _check_types(record: Record, number: int) -> None:
    for name, kind in _TYPES.get(record["event"], {}).items():
        value = record.get(name)
        is_wrong_bool = isinstance(value, bool) and kind is not bool
        if not isinstance(value, kind) or is_wrong_bool:
            refuse("EVENT_SCHEMA", f"line {number}: {record['event']}.{name} is missing or wrong")


def _events(content: bytes) -> list[Record]:
    if not content.endswith(b"\n"):
        refuse("LOG_CUT", "the last line of the event log is cut")
    lines = content.split(b"\n")[:-1]
    if len(lines) > EVENTS_MAX:
        refuse("TOO_MANY_EVENTS", f"more than {EVENTS_MAX} events")
    records: list[Record] = []
    for begin in range(0, len(lines), _TOGETHER):
        records += _parsed(lines[begin : begin + _TOGETHER], begin + 1)
    return records


def _parsed(lines: Sequence[bytes], first: int) -> list[Record]:
    """The events of lines that stand in the log from line `first` on.

    Names that stand twice are looked for where something is derived from the event, since that
    takes time; nothing is derived from plain steps. A line that begins like one of those, and is
    another event after all, is looked at like that one."""
    starts_plain = [line.startswith(_PLAIN_STARTS) for line in lines]
    values: list[Any] = [None] * len(lines)
    for decoder, is_plain in ((_FAST, True), (_STRICT, False)):
        places = [i for i, starts in enumerate(starts_plain) if starts == is_plain]
        for i, value in zip(places, parse_together(decoder, [lines[i] for i in places]) or ()):
            values[i] = value
    for i, value in enumerate(values):
        if starts_plain[i]:
            if type(value) is dict and value.get("event") in _PLAIN_STEPS:
                continue
            value = None
        if value is None:
            value = parse_json(lines[i], f"line {first + i} of events.jsonl", "EVENT_FORMAT")
        if not isinstance(value, dict) or not isinstance(value.get("event"), str):
            refuse("EVENT_FORMAT", f"line {first + i} of events.jsonl is no event")
        _check_types(value, first + i)
        values[i] = value
    return values


def parse_together(decoder: json.JSONDecoder, lines: Sequence[bytes]) -> Optional[list[Any]]:
    """The value of each line, in a third of the time that one by one takes, and two thirds of the
    memory, as they share the names of their members. None when a line is not one value.

    Nobody can foresee the mark between the lines. Without it `{"a":[{}` and `{}]}` would pass."""
    mark = secrets.token_hex(16)
    text = b"[" + b',"%s",'.replace(b"%s", mark.encode()).join(lines) + b"]"
    try:
        values = decoder.decode(text.decode("utf-8"))
    except (ValueError, RecursionError):
        return None
    each_is_one = len(values) == 2 * len(lines) - 1 and all(value == mark for value in values[1::2])
    return values[::2] if each_is_one else None


def _one(found: Sequence[Record], event: str) -> Record:
    if len(found) != 1:
        refuse("LOG_INCOMPLETE", f"the event log has {len(found)} {event} instead of one")
    return found[0]


def _take(execution: Execution, record: Record) -> None:
    event = record["event"]
    if event in ("case_start", "case_end"):
        name = event.removeprefix("case_")
        if getattr(execution, name) is not None:
            refuse("DUPLICATE_RESULT", f"{_where(record)} has two {event}")
        setattr(execution, name, record)
        return
    if execution.start is None or execution.end is not None:
        refuse("EVENT_ORDER", f"{_where(record)}: {event} stands outside the case")
    if event == "complete":
        execution.completes.append(record)
        return
    execution.after_complete = execution.after_complete or bool(execution.completes)
    execution.failed_check = execution.failed_check or (event == "check" and not record["ok"])
    execution.observations += event == "observe"
    execution.weak = execution.weak or record.get("how") == "weak"
    execution.violation = execution.violation or (
        event == "model" and record.get("verdict") == "violation"
    )


def _where(record: Record) -> str:
    return f"{record['case']} repetition {record['rep']}"


def read_log(content: bytes) -> Log:
    records = _events(content)
    sorted_out: dict[str, list[Record]] = {name: [] for name in _OF_THE_RUN}
    for record in records:
        if record["event"] in sorted_out:
            sorted_out[record["event"]].append(record)
    start, end = (_one(sorted_out[name], name) for name in ("run_start", "run_end"))
    if records[0] is not start or records[-1] is not end:
        refuse("EVENT_ORDER", "run_start is not the first event, or run_end not the last")
    if start["version"] != 1:
        refuse("LOG_VERSION", f"version {start['version']} of the event log is not known")
    plan = start["planned"]
    if not plan or not all(isinstance(case, str) for case in plan) or len(set(plan)) != len(plan):
        refuse("PLAN", "the plan is empty or names a case twice")
    if not 1 <= start["repeat"] <= 100_000:
        refuse("PLAN", "the number of repetitions makes no sense")
    digest = start["digests"].get("sut")
    if not isinstance(digest, str) or not re.fullmatch(r"[0-9a-f]{64}", digest):
        refuse("EVENT_SCHEMA", "run_start has no digest of the library")
    executions: dict[tuple[str, int], Execution] = {}
    planned = set(plan)
    for record in records:
        if "case" in record:
            case, rep = record.get("case"), record.get("rep")
            if not isinstance(case, str) or type(rep) is not int:
                refuse("EVENT_SCHEMA", f"{record['event']} has no case or no repetition")
            execution = executions.get((case, rep))
            if execution is None:
                if case not in planned or not 1 <= rep <= start["repeat"]:
                    refuse("NOT_PLANNED", f"{_where(record)} is not in the plan")
                execution = executions[case, rep] = Execution()
            _take(execution, record)
    _check_whole(start, end, executions)
    return Log(start, end, sorted_out["requirement"], sorted_out["listed_case"],
               sorted_out["timing"], executions, records)  # fmt: skip


def _check_whole(
    start: Record, end: Record, executions: Mapping[tuple[str, int], Execution]
) -> None:
    for case in start["planned"]:
        for rep in range(1, start["repeat"] + 1):
            execution = executions.get((case, rep))
            if execution is None or execution.start is None or execution.end is None:
                refuse("NO_VERDICT", f"{case} repetition {rep} has no verdict")
            if execution.end["verdict"] not in WORDS:
                refuse("VERDICT_WORD", f"{case}: {execution.end['verdict']} is no verdict")
    counted = Counter(e.end["verdict"] for e in executions.values() if e.end is not None)
    if counted != Counter(end["verdicts"]) or not end["complete"]:
        refuse("COUNTS", "run_end does not count what the log holds")


# ---------------------------------------------------------------------------------------------
# Verdicts, from the events.


def derive(execution: Execution, strict: bool) -> str:
    """Why the recorded verdict cannot be true (the rule of harness/src/supervisor/verdict.c); ""
    when it can. That a case failed is taken at its word."""
    end = execution.end or {}
    verdict = end["verdict"]
    if verdict in BAD:
        return ""
    if len(execution.completes) != 1:
        return f"{len(execution.completes)} completion records"
    if execution.after_complete:
        return "events after the completion record"
    complete = execution.completes[0]
    recorded = complete["verdict"]
    softened = strict and execution.weak and recorded in GOOD
    if verdict != recorded and not (softened and verdict == "INCONCLUSIVE"):
        return f"the worker recorded {recorded}"
    if softened and verdict in GOOD:
        return "its evidence is weak"
    wanted = EXIT_PASS if recorded in GOOD else EXIT_SKIP
    if end.get("signal") is not None or end.get("exit_code") != wanted:
        return f"the worker did not end with status {wanted}"
    if end["strays"] != 0:
        return "it left processes behind"
    if verdict in GOOD and (execution.failed_check or execution.violation):
        return "a check failed"
    if verdict == "PASS" and complete["checks"] < 1:
        return "nothing was checked"
    if verdict == "OBSERVED" and execution.observations == 0:
        return "nothing was observed"
    return ""


def check_verdicts(log: Log) -> None:
    for (case, rep), execution in log.executions.items():
        why = derive(execution, log.start["strict"])
        if why:
            verdict = (execution.end or {})["verdict"]
            refuse("VERDICT", f"{case} repetition {rep} is not {verdict}: {why}")


# ---------------------------------------------------------------------------------------------
# Profile, must-pass list, waivers.


def check_profile(log: Log, files: Mapping[str, bytes]) -> None:
    start = log.start
    if not start["strict"]:
        refuse("NOT_STRICT", "the run was not strict")
    if start["extent"] == "smoke":
        refuse("EXTENT", "the run was a smoke run, which leaves most cases out")
    if "shard" in start:
        refuse("SHARD", "the run was one shard of several")
    suspects = [k[0] for k, e in log.executions.items() if (e.start or {}).get("suspect")]
    if suspects:
        refuse("SUSPECT", f"{suspects[0]} was not reviewed against its requirement")
    claims = start["capabilities"]
    absent = set(claims.get("claimed") or ()) - set(claims.get("present") or ())
    if absent:
        refuse("CLAIMS", f"claimed and absent: {', '.join(sorted(map(str, absent)))}")
    compare(files, "profile.yaml", profile_of(log), "PROFILE")
    compare(files, "environment.json", environment_of(log), "ENVIRONMENT")
    compare(files, "calibration.json", calibration_of(log), "CALIBRATION")
    compare(files, "requirements.json", requirements_of(log), "REQUIREMENTS")


def compare(files: Mapping[str, bytes], name: str, wanted: bytes, code: str) -> None:
    if files[name] != wanted:
        refuse(code, f"{name} is not what the event log says")


_PROFILE = ("profile", "extent", "strict", "repeat", "seed", "shuffle", "timeout_factor",
            "capabilities", "digests", "missing_optional")  # fmt: skip


def profile_of(log: Log) -> bytes:
    return canonical({name: log.start.get(name) for name in _PROFILE})


def environment_of(log: Log) -> bytes:
    """Facts of a fixed list; nothing of the environment of a process."""
    machine = log.start["machine"]
    facts = {name: machine.get(name) for name in ("arch", "cpus", "kernel")}
    return canonical({"machine": facts, "time_utc": log.start["time_utc"]})


def calibration_of(log: Log) -> bytes:
    names = ("case", "rep", "what", "window_ns", "control_ns", "library_ns", "verdict")
    return canonical([{name: row.get(name) for name in names} for row in log.timing])


def requirements_of(log: Log) -> bytes:
    rows = []
    for row in log.requirements:
        names = ("id", "claim", "strength", "invariant", "source", "profiles")
        told: Record = {name: row.get(name) for name in names}
        rows.append({**told, "fingerprint": sha256(canonical(told))})
    digest = log.start["digests"].get("suite")
    return canonical({"suite": log.start["suite"], "suite_digest": digest, "requirements": rows})


def mustpass_of(log: Log) -> list[str]:
    """The cases of the edition that no run may leave out."""
    edition = log.start["profile"]
    known = {row["id"]: row["profiles"] for row in log.requirements}
    return sorted(
        row["id"]
        for row in log.listed
        if edition in known.get(row["requirement"], [edition]) and "opt_in" not in row["traits"]
    )


def check_mustpass(log: Log, files: Mapping[str, bytes], release: Optional[bytes]) -> None:
    text = files["mustpass.txt"]
    if len({row["id"] for row in log.listed}) != len(log.listed):
        refuse("CATALOGUE", "a case is listed twice")
    wanted = "".join(f"{case}\n" for case in mustpass_of(log)).encode()
    if text != wanted:
        refuse("MUSTPASS_LIST", "mustpass.txt is not the list of the catalogue in the log")
    if release is not None and sorted(release.split()) != sorted(text.split()):
        refuse("MUSTPASS_RELEASE", "mustpass.txt is not the list of --mustpass")
    missing = sorted(set(text.decode("latin-1").split()) - set(log.plan))
    if missing:
        refuse("MUSTPASS_MISSING", f"{missing[0]} must pass and was not run")


def _is_line(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip()) and value.isprintable()


def _is_date(text: Any) -> bool:
    try:
        return bool(datetime.date.fromisoformat(text).isoformat() == text)
    except (ValueError, TypeError):
        return False


def read_waivers(content: bytes) -> list[Record]:
    whole = parse_json(content, "waivers.yaml", "WAIVER_FORMAT")
    rows = whole.get("waivers") if isinstance(whole, dict) else None
    known = isinstance(rows, list) and whole == {"version": 1, "waivers": rows}
    if not known or canonical(whole) != content:
        refuse("WAIVER_FORMAT", "waivers.yaml is no list of waivers")
    for row in rows or ():
        if not isinstance(row, dict) or set(row) != {*WAIVER_FIELDS, "sut"}:
            refuse("WAIVER_FORMAT", "a waiver lacks a field or has one too many")
        if not all(_is_line(row[name]) for name in WAIVER_FIELDS):
            refuse("WAIVER_FORMAT", "a field of a waiver is empty or not one line")
        if not (_is_date(row["created"]) and _is_date(row["expires"])):
            refuse("WAIVER_FORMAT", f"{row['id']}: a date is none")
    for name in ("id", "case"):
        if len({row[name] for row in rows or ()}) != len(rows or ()):
            refuse("WAIVER_DOUBLE", f"two waivers have the same {name}")
    return list(rows or ())


def _version(text: Any) -> tuple[int, ...]:
    if not isinstance(text, str) or not re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,9})*", text):
        return ()
    parts = [int(part) for part in text.split(".")]
    while len(parts) > 1 and parts[-1] == 0:
        parts.pop()
    return tuple(parts)


def _is_for(sut: Any, log: Log) -> bool:
    if not isinstance(sut, dict) or not sut or not set(sut) <= {"sha256", "versions"}:
        return False
    if "sha256" in sut and sut["sha256"] != log.start["digests"]["sut"]:
        return False
    if "versions" in sut:
        limits = sut["versions"]
        if not isinstance(limits, dict) or set(limits) != {"from", "to"}:
            return False
        low, high = _version(limits["from"]), _version(limits["to"])
        own = _version(log.start["sut"].get("version"))
        return bool(low and high and own and low <= own <= high)
    return True


def check_waivers(log: Log, files: Mapping[str, bytes]) -> set[str]:
    """The cases whose failure is waived."""
    date = log.start["time_utc"][:10]
    if not _is_date(date):
        refuse("RUN_DATE", "the log does not say when the run was")
    rows = read_waivers(files["waivers.yaml"])
    for row in rows:
        if not row["created"] <= date <= row["expires"]:
            refuse("WAIVER_EXPIRED", f"{row['id']} was not valid on {date}")
        own = row["case"].rpartition(".")[0] == row["requirement"]
        if not own or row["case"] not in log.plan or not _is_for(row["sut"], log):
            refuse("WAIVER_UNMATCHED", f"{row['id']} fits nothing in the run")
        if log.verdict(row["case"]) not in BAD:
            refuse("WAIVER_UNNEEDED", f"{row['id']}: {row['case']} does not fail")
    return {str(row["case"]) for row in rows}


def check_conformant(log: Log, waived: set[str]) -> None:
    for case in log.plan:
        if case in waived:
            continue
        words = log.verdicts(case)
        failed = [word for word in words if word in BAD]
        if failed and len(failed) != len(words):
            refuse("FLAKY", f"{case} fails in {len(failed)} of {len(words)} repetitions")
        if failed:
            refuse("NOT_CONFORMANT", f"{case} is {failed[0]} and not waived")
        if "INCONCLUSIVE" in words:
            refuse("INCONCLUSIVE", f"{case} is undecided")
    if not any(log.verdict(case) in GOOD for case in log.plan):
        refuse("NOTHING_TESTED", "no case passed: every one was skipped")


# ---------------------------------------------------------------------------------------------
# Statement, library, suite.


def check_statement(log: Log, files: Mapping[str, bytes]) -> Record:
    statement: Record = parse_json(files["STATEMENT.yaml"], "STATEMENT.yaml", "STATEMENT")
    if not isinstance(statement, dict) or set(statement) != set(STATEMENT_FIELDS):
        refuse("STATEMENT", f"STATEMENT.yaml does not have exactly {', '.join(STATEMENT_FIELDS)}")
    if not all(_is_line(value) for value in statement.values()):
        refuse("STATEMENT", "a field of STATEMENT.yaml is empty or not one line")
    for name, value in (("suite", log.start["suite"]), ("profile", log.start["profile"]),
                        ("version", log.start["sut"].get("version"))):  # fmt: skip
        if statement[name] != value:
            refuse("STATEMENT_RUN", f"{name} is {statement[name]} in STATEMENT.yaml, {value} in the run")
    return statement


def check_sut(log: Log, files: Mapping[str, bytes]) -> None:
    content = parse_json(files["sut.json"], "sut.json", "SUT")
    objects = content.get("objects") if isinstance(content, dict) else None
    if not isinstance(objects, list) or not objects:
        refuse("SUT", "sut.json names no loaded object")
    for item in objects:
        digest = item.get("sha256") if isinstance(item, dict) else None
        if not isinstance(digest, str) or not re.fullmatch(r"[0-9a-f]{64}", digest):
            refuse("SUT", "an object in sut.json has no digest")
    run: Record = {name: log.start["sut"].get(name) for name in ("build_id", "size_bytes")}
    run["sha256"] = log.start["digests"]["sut"]
    if any(content.get(name) != value for name, value in run.items()):
        refuse("SUT_RUN", "sut.json is about another library than the run")
    if run["sha256"] not in {item["sha256"] for item in objects}:
        refuse("SUT", "the library is not among the loaded objects")
    symbols = content.get("symbols")
    if not isinstance(symbols, list) or not symbols or not all(_is_line(name) for name in symbols):
        refuse("SUT", "sut.json does not list the symbols of the library")


def check_suite(files: Mapping[str, bytes]) -> str:
    row = re.fullmatch(rb"commit ([0-9a-f]{40})\ntree (clean|dirty)\n", files["suite-git.txt"])
    if row is None:
        refuse("SUITE_REVISION", "suite-git.txt does not name a commit")
    if row[2] != b"clean":
        refuse("SUITE_DIRTY", "the suite was changed after its commit")
    quality = parse_json(files["quality.json"], "quality.json", "QUALITY")
    if not isinstance(quality, dict) or set(quality) != set(QUALITY_SHEETS):
        refuse("QUALITY", f"quality.json does not hold {', '.join(QUALITY_SHEETS)}")
    for name, sheet in quality.items():
        text = sheet.get("text") if isinstance(sheet, dict) else None
        if not isinstance(text, str) or not text.strip():
            refuse("QUALITY", f"{name} in quality.json is empty")
        if sheet.get("sha256") != sha256(text.encode()):
            refuse("QUALITY", f"{name} in quality.json is not what its digest says")
    return row[1].decode()


def check_withdrawn(log: Log, commit: str, withdrawn: Optional[bytes]) -> None:
    own = {str(log.start["suite"]), commit, str(log.start["digests"]["suite"])}
    for name, reason in read_withdrawn(withdrawn or b""):
        if name in own:
            refuse("SUITE_WITHDRAWN", f"the release {name} was withdrawn: {reason or '?'}")


def read_withdrawn(content: bytes) -> list[tuple[str, str]]:
    """A line of the list is a version, a commit or a digest of the suite, then the reason; or empty, or a
    comment after #. ValueError with the line that is none of these: a list that is misread forbids nothing.
    """
    rows = []
    for number, line in enumerate(content.decode("utf-8-sig").splitlines(), 1):
        name, *reason = line.split(None, 1) or ("#",)
        if name.startswith("#"):
            continue
        if not re.fullmatch(r"[0-9]+(\.[0-9]+)+|[0-9a-fA-F]{40}|[0-9a-fA-F]{64}", name):
            raise ValueError(f"line {number} begins with no version, commit or digest")
        rows.append((name.lower(), reason[0].strip() if reason else ""))
    return rows


# ---------------------------------------------------------------------------------------------
# Reports.

OK, SKIPPED, FAILURE, ERROR = "ok", "skipped", "failure", "error"


def _group(word: str) -> str:
    if word in ("SKIP", "INCONCLUSIVE"):
        return SKIPPED
    return OK if word in GOOD else FAILURE if word in ("FAIL", "LEAK") else ERROR


def _tap(content: bytes) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for line in content.decode("utf-8").split("\n"):
        point = re.match(r"(ok|not ok) [0-9]+ - (\S+)[^#]*(# (?:SKIP|TODO).*)?$", line)
        if point is not None:
            word = SKIPPED if point[3] else OK if point[1] == "ok" else FAILURE
            found.append((point[2], word))
    return found


def _junit(content: bytes) -> list[tuple[str, str]]:
    if b"<!" in content:
        raise ValueError("a document type or comment in junit.xml")
    found = []
    for case in ElementTree.fromstring(content).iter("testcase"):
        kinds = [kind for kind in (SKIPPED, FAILURE, ERROR) if case.find(kind) is not None]
        found.append(((case.get("name") or "").split(" ")[0], "+".join(kinds) or OK))
    return found


def _html(content: bytes) -> list[tuple[str, str]]:
    rows = re.findall(r'<details class="case" id="([^"]*)" data-v="([^"]*)"', content.decode())
    return [(str(name), str(word)) for name, word in rows]


def _results(log: Log, waived: set[str]) -> Callable[[bytes], list[tuple[str, str]]]:
    def read(content: bytes) -> list[tuple[str, str]]:
        whole = parse_json(content, "results.json", "REPORT_RESULTS")
        counts = Counter(log.verdict(case) for case in log.plan)
        if whole["counts"] != counts or whole["complete"] is not True or whole["problems"]:
            raise ValueError("counts")
        for row in whole["cases"]:
            outcomes = {o["verdict"]: o["count"] for o in row["outcomes"]}
            if outcomes != Counter(log.verdicts(row["case"])) or (
                (row.get("waiver") is not None) != (row["case"] in waived)
            ):
                raise ValueError(row["case"])
        for row in whole["requirements"]:
            words = {log.verdict(c["case"]) for c in row["cases"] if c["case"] in log.plan}
            first = next((word for word in ROLLUP if word in words), None)
            if first is not None and row["verdict"] != first:
                raise ValueError(row["requirement"])
        return [(row["case"], row["verdict"]) for row in whole["cases"]]

    return read


def check_reports(log: Log, files: Mapping[str, bytes], waived: set[str]) -> None:
    raw = [(case, log.verdict(case)) for case in log.plan]
    judged = [(c, SKIPPED if c in waived else _group(word)) for c, word in raw]
    points = [(case, FAILURE if word == ERROR else word) for case, word in judged]
    readers: tuple[tuple[str, str, Callable[[bytes], list[tuple[str, str]]], Any], ...] = (
        ("results.json", "REPORT_RESULTS", _results(log, waived), raw),
        ("report.tap", "REPORT_TAP", _tap, points),
        ("junit.xml", "REPORT_JUNIT", _junit, judged),
        ("report.html", "REPORT_HTML", _html, raw),
    )
    for name, code, read, wanted in readers:
        try:
            found = read(files[name])
        except (ValueError, KeyError, TypeError, AttributeError, ElementTree.ParseError):
            found = None
        if found is None or Counter(found) != Counter(wanted):
            refuse(code, f"{name} does not say what the event log says")


def check_bytes(log: Log, files: Mapping[str, bytes]) -> bool:
    """Write the reports again where the package is around this file. False: it is not."""
    root = Path(__file__).resolve().parents[2]
    if not (root / "ctsreport" / "evidence" / "bundle.py").is_file():
        return False
    sys.path.insert(0, str(root))
    try:
        from ctsreport.evidence import bundle
    except ImportError:
        return False
    finally:
        sys.path.remove(str(root))
    written = bundle.reports(log, json.loads(files["waivers.yaml"]))
    if written is None:
        return False
    for name, content in written.items():
        if files[name] != content:
            refuse("REPORT_BYTES", f"{name} is not what the event log gives")
    return True


# ---------------------------------------------------------------------------------------------


def verify(
    content: bytes,
    key: Optional[bytes] = None,
    mustpass: Optional[bytes] = None,
    withdrawn: Optional[bytes] = None,
) -> list[str]:
    """What was found, in lines for people; Refused with the first thing that is wrong."""
    gc.disable()  # a log is hundreds of thousands of objects without a cycle
    try:
        return _verify(content, key, mustpass, withdrawn)
    finally:
        gc.enable()


def _verify(
    content: bytes,
    key: Optional[bytes],
    mustpass: Optional[bytes],
    withdrawn: Optional[bytes],
) -> list[str]:
    files = unpack(content)
    check_manifest(files)
    signature = check_attestation(files, key)
    log = read_log(files["events.jsonl"])
    statement = check_statement(log, files)
    check_sut(log, files)
    commit = check_suite(files)
    check_withdrawn(log, commit, withdrawn)
    check_profile(log, files)
    check_mustpass(log, files, mustpass)
    check_verdicts(log)
    waived = check_waivers(log, files)
    check_conformant(log, waived)
    check_reports(log, files, waived)
    envelope = json.loads(files[ATTESTATION])
    if base64.b64decode(envelope["payload"]) != statement_of(files, log):
        refuse("ATTESTATION", "the signed statement is not about this bundle")
    regenerated = check_bytes(log, files)
    counts = Counter(log.verdict(case) for case in log.plan)
    told = ", ".join(f"{counts[word]} {word}" for word in SEVERITY if counts[word])
    return [
        f"product    {statement['product']} {statement['version']} by {statement['vendor']}",
        f"library    sha256 {log.start['digests']['sut']}",
        f"suite      {statement['suite']}, commit {commit}, {statement['profile']}",
        f"verdicts   {told}, each derived again from {log.start['repeat']} repetitions",
        f"waived     {', '.join(sorted(waived)) or 'nothing'}",
        "reports    " + ("written again, equal to the byte" if regenerated
                         else "each says what the event log says"),
        f"signature  {signature}",
    ]  # fmt: skip


def main(arguments: Optional[Sequence[str]] = None) -> int:
    parser = argparse.ArgumentParser(
        prog="ipc-cts verify",
        description="Check an evidence bundle of ipc-cts.",
        epilog="exit 0: accepted; 7: refused; 3: openssl is missing or stdout is full; 4: wrong use\n\n"
        "examples:\n  ipc-cts verify evidence.tar --key pub.pem",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("bundle", metavar="BUNDLE")
    parser.add_argument("--key", metavar="PUB", help="public key (PEM) that must have signed")
    parser.add_argument("--mustpass", metavar="FILE", help="the release's list of cases")
    parser.add_argument("--withdrawn", metavar="FILE", help="releases that count no more")
    try:
        options = parser.parse_args(arguments)
    except SystemExit as stopped:
        return USAGE if stopped.code else ACCEPTED
    try:
        names = (options.bundle, options.key, options.mustpass, options.withdrawn)
        content, key, mustpass, withdrawn = (
            None if n is None else Path(n).read_bytes() for n in names
        )
    except OSError as error:
        print(f"ipc-cts verify: {error.filename}: {error.strerror}", file=sys.stderr)
        return USAGE
    try:
        read_withdrawn(withdrawn or b"")
    except ValueError as error:
        why = "not UTF-8" if isinstance(error, UnicodeDecodeError) else str(error)
        print(f"ipc-cts verify: {options.withdrawn}: {why}", file=sys.stderr)
        return USAGE
    if key is not None and not key_id(key):
        print(f"ipc-cts verify: {options.key} is no Ed25519 public key in PEM", file=sys.stderr)
        return USAGE
    try:
        lines = verify(content or b"", key, mustpass, withdrawn)
    except Refused as refused:
        print(refused, file=sys.stderr)
        return REFUSED
    except FileNotFoundError:
        print("ipc-cts verify: the openssl command is missing; install openssl", file=sys.stderr)
        return INTERNAL
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        print(f"refused MALFORMED: {type(error).__name__} in the content", file=sys.stderr)
        return REFUSED
    try:
        print("\n".join([*lines, "accepted"]), flush=True)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # a reader who has seen enough
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # Python's own flush at the end would fail again
        print(f"ipc-cts verify: stdout: {error.strerror}", file=sys.stderr)
        return INTERNAL
    return ACCEPTED


if __name__ == "__main__":
    sys.exit(main())
