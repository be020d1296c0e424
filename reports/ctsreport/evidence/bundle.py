# SPDX-License-Identifier: Apache-2.0
"""The evidence bundle of a run: its files, its signature, its one tar.

Everything but the statement, the waivers, the loaded objects, the revision and the quality sheet is
derived from the event log, by the same functions with which `verify.py` checks it. The same log
gives the same bytes. Files named .yaml hold JSON, which is YAML, so that the verifier can read them
with Python's standard library.
"""

from __future__ import annotations

import base64
import struct
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ctsreport import consistency, events, formats, results
from ctsreport.evidence import EvidenceError, verify, waivers

# The reports of a bundle and their writers.
REPORTS = {
    "results.json": "json",
    "report.tap": "tap13",
    "junit.xml": "junit",
    "report.html": "html",
}
STATEMENT_MAX = 300
PT_NOTE, NT_GNU_BUILD_ID = 4, 3


class BundleError(EvidenceError):
    """No evidence can be made of this; the text says why."""


@dataclass(frozen=True)
class Material:
    """What a log does not say."""

    statement: Mapping[str, str]
    waivers: Any  # as verify.read_waivers reads it
    objects: Sequence[Mapping[str, Any]]  # what was loaded: name, sha256, build_id
    commit: str
    quality: Mapping[str, str]  # the quality sheets of the release: name, text
    symbols: Sequence[str]  # what the library defines for others
    coverage: bytes | None = None


def reports(log: verify.Log, waiver_content: Any) -> dict[str, bytes] | None:
    """The reports by name; None when a package that they need is missing here."""
    try:
        run = results.collect(events.read_records(log.records), results.every_case)
        if waiver_content["waivers"]:
            run = waivers.apply(run, waivers.from_content(waiver_content))
        written = {name: formats.FORMATS[row].writer()(run) for name, row in REPORTS.items()}
    except ImportError:
        return None
    for name, row in REPORTS.items():
        findings = consistency.findings(row, written[name], run)
        if findings:
            raise BundleError(f"{name} is not what the log says: {findings[0]}")
    return written


def read_statement(path: Path, run: verify.Log) -> dict[str, str]:
    """The vendor's own words; suite and profile may be left out, since the run has them."""
    try:
        content = waivers.parse_content(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "not UTF-8"
        raise BundleError(f"{path}: {why}") from None
    except waivers.WaiverError as error:
        raise BundleError(f"{path}: {error}") from None
    if not isinstance(content, dict):
        raise BundleError(f"{path}: not a statement; it has {', '.join(verify.STATEMENT_FIELDS)}")
    own = {"suite": run.start["suite"], "profile": run.start["profile"]}
    statement = {**own, **content}
    for name in verify.STATEMENT_FIELDS:
        value = statement.get(name)
        if not isinstance(value, str) or not 0 < len(value.strip()) <= STATEMENT_MAX:
            raise BundleError(f'{path}: {name} is missing or no text; write {name}: "..."')
        if not value.isprintable():
            raise BundleError(f"{path}: {name} is not one line of text")
    strange = sorted(set(statement) - set(verify.STATEMENT_FIELDS))
    if strange:
        raise BundleError(f"{path}: {strange[0]} does not belong into a statement")
    return {name: str(statement[name]) for name in verify.STATEMENT_FIELDS}


def build_id(content: bytes) -> str | None:
    """The GNU build-id of an ELF file of this byte order; None without one."""
    if content[:4] != b"\x7fELF" or content[5:6] != b"\x01":
        return None
    wide = content[4] == 2
    try:
        if wide:
            (table,) = struct.unpack_from("<Q", content, 32)
            size, count = struct.unpack_from("<HH", content, 54)
        else:
            (table,) = struct.unpack_from("<I", content, 28)
            size, count = struct.unpack_from("<HH", content, 42)
        for i in range(count):
            at = table + i * size
            if struct.unpack_from("<I", content, at)[0] != PT_NOTE:
                continue
            offset, length = (
                struct.unpack_from("<Q16xQ", content, at + 8)
                if wide
                else struct.unpack_from("<I8xI", content, at + 4)
            )
            found = _build_id_note(content[offset : offset + length])
            if found is not None:
                return found
    except struct.error:
        return None
    return None


def _build_id_note(notes: bytes) -> str | None:
    at = 0
    while at + 12 <= len(notes):
        name_size, size, kind = struct.unpack_from("<III", notes, at)
        name_at = at + 12
        content_at = name_at + (name_size + 3) // 4 * 4
        if kind == NT_GNU_BUILD_ID and notes[name_at : name_at + name_size] == b"GNU\0":
            return notes[content_at : content_at + size].hex()
        at = content_at + (size + 3) // 4 * 4
    return None


def loaded_object(path: Path, name: str) -> dict[str, Any]:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise BundleError(f"{path}: {error.strerror}") from None
    return {"name": name, "sha256": verify.sha256(content), "build_id": build_id(content)}


def files_of(log: bytes, material: Material) -> dict[str, bytes]:
    """All files but manifest and signature."""
    try:
        run = verify.read_log(log)
    except verify.Refused as refused:
        raise BundleError(f"the event log is no evidence: {refused}") from None
    written = reports(run, material.waivers)
    if written is None:
        raise BundleError("the reports need python3-lxml, python3-jinja2 and python3-jsonschema")
    sut = {
        "sha256": run.start["digests"]["sut"],
        "build_id": run.start["sut"].get("build_id"),
        "size_bytes": run.start["sut"].get("size_bytes"),
        "objects": sorted(material.objects, key=lambda item: str(item["name"])),
        "symbols": sorted(material.symbols),
    }
    quality = {
        name: {"sha256": verify.sha256(text.encode()), "text": text}
        for name, text in material.quality.items()
    }
    files = {
        **written,
        "STATEMENT.yaml": verify.canonical(dict(material.statement)),
        "calibration.json": verify.calibration_of(run),
        "environment.json": verify.environment_of(run),
        "events.jsonl": log,
        "mustpass.txt": "".join(f"{case}\n" for case in verify.mustpass_of(run)).encode(),
        "profile.yaml": verify.profile_of(run),
        "quality.json": verify.canonical(quality),
        "requirements.json": verify.requirements_of(run),
        "suite-git.txt": f"commit {material.commit}\ntree clean\n".encode(),
        "sut.json": verify.canonical(sut),
        "waivers.yaml": verify.canonical(material.waivers),
    }
    if material.coverage is not None:
        files["coverage.info"] = material.coverage
    return files


# ---------------------------------------------------------------------------------------------
# Signing.


def public_key(private: Path) -> bytes:
    """The public half, in the form that bundles carry."""
    answer = _openssl(["pkey", "-in", str(private), "-pubout"])
    if answer.returncode != 0 or not verify.key_id(answer.stdout):
        hint = "`openssl genpkey -algorithm ed25519` makes one"
        raise BundleError(f"{private} is no Ed25519 key; {hint}")
    return verify.normal_key(answer.stdout)


def _openssl(arguments: Sequence[str]) -> subprocess.CompletedProcess[bytes]:
    try:
        return subprocess.run(
            ["openssl", *arguments], stdin=subprocess.DEVNULL, capture_output=True, check=False
        )
    except FileNotFoundError:
        raise BundleError("the openssl command is missing; install openssl") from None


def sign(private: Path, message: bytes) -> bytes:
    with tempfile.TemporaryDirectory(prefix="ipc-cts-sign-") as directory:
        content, signature = Path(directory) / "in", Path(directory) / "sig"
        content.write_bytes(message)
        answer = _openssl(
            ["pkeyutl", "-sign", "-inkey", str(private), "-rawin", "-in", str(content), "-out",
             str(signature)]
        )  # fmt: skip
        if answer.returncode != 0:
            raise BundleError(f"openssl cannot sign with {private}")
        return signature.read_bytes()


def seal(files: Mapping[str, bytes], key: Path | None) -> bytes:
    """The tar, with manifest and attestation; signed when there is a private key."""
    sealed = dict(files)
    sealed[verify.MANIFEST] = verify.manifest_of(sealed)
    payload = verify.statement_of(sealed, verify.read_log(sealed["events.jsonl"]))
    signatures = []
    if key is not None:
        sealed[verify.SIGNER] = public_key(key)
        signature = sign(key, verify.pre_authentication(payload))
        text = base64.b64encode(signature).decode()
        signatures.append({"keyid": verify.key_id(sealed[verify.SIGNER]), "sig": text})
    sealed[verify.ATTESTATION] = verify.envelope_of(payload, signatures)
    return verify.pack(sealed)
