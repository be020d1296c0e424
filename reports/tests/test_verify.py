# SPDX-License-Identifier: Apache-2.0
"""Evidence bundles: a fresh one is accepted everywhere, and every forged one is refused for its own
reason. The forgers of most of these tests hold the right key: what they wrote is signed."""

from __future__ import annotations

import base64
import io
import json
import random
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import evidence_logs
import logs
import pytest
from ctsreport.evidence import bundle, certify, verify

PLAN = ["CALL-01.1", "CALL-02.1", "OBJ-01.1", "OBJ-02.1"]
VERDICTS = {"CALL-02.1": "FAIL", "OBJ-01.1": "OBSERVED", "OBJ-02.1": "SKIP"}
WAIVER = {
    "id": "W-1", "requirement": "CALL-02", "case": "CALL-02.1", "reason": "known", "issue": "I-1",
    "owner": "us", "created": "2025-12-01", "expires": "2026-02-01",
    "sut": {"sha256": evidence_logs.DIGESTS["sut"]},
}  # fmt: skip
WAIVERS = {"version": 1, "waivers": [WAIVER]}
STATEMENT = {
    "vendor": "Example", "product": "libkos-ipc", "version": "1.2.0", "os": "Debian 12",
    "cpu": "x86_64", "contact": "a@example.org", "suite": "0.1.0", "profile": "ce-1.2",
}  # fmt: skip
OBJECTS = [{"name": "libkos-ipc.so", "sha256": evidence_logs.DIGESTS["sut"], "build_id": "ab12"}]
SYMBOLS = ["KnIpcSetInterrupt", "KnIpcClearInterrupt"]
QUALITY = {
    "kill_matrix": "# Kill matrix\n\n3 faulty libraries, all of them found.\n",
    "generated_mutants": "# Generated\n\n9 changes.\n\nFound: 8 of 9 that are wrong.\n",
    "variants": "# Soak\n\n7 right libraries, none of them red.\n",
}

Files = dict[str, bytes]
Records = list[dict[str, Any]]


def new_key(directory: Path, name: str) -> Path:
    key = directory / name
    subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", key], check=True)
    return key


@pytest.fixture(scope="session")
def key(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return new_key(tmp_path_factory.mktemp("keys"), "key.pem")


@pytest.fixture(scope="session")
def public(key: Path) -> bytes:
    return bundle.public_key(key)


def run(**members: Any) -> Records:
    return evidence_logs.certification(PLAN + ["OBJ-99.1"], VERDICTS, 2, **members)


def files_of(records: Records, waivers: Any = WAIVERS) -> Files:
    material = bundle.Material(STATEMENT, waivers, OBJECTS, "a" * 40, QUALITY, SYMBOLS)
    return bundle.files_of(logs.encode(records), material)


@pytest.fixture(scope="session")
def fresh(key: Path) -> bytes:
    return bundle.seal(files_of(run()), key)


def unpacked(content: bytes) -> Files:
    with tarfile.open(fileobj=io.BytesIO(content)) as tar:
        sources = [(entry.name, tar.extractfile(entry)) for entry in tar]
        return {name: source.read() for name, source in sources if source is not None}


def code_of(content: bytes, public: bytes | None, mustpass: bytes | None = None) -> str:
    with pytest.raises(verify.Refused) as found:
        verify.verify(content, public, mustpass)
    text = str(found.value)
    assert text.startswith(f"refused {found.value.code}: ") and "\n" not in text
    return found.value.code


# ---------------------------------------------------------------------------------------------
# Accepted.


def test_fresh_bundle_is_accepted_here_and_without_the_suite(
    fresh: bytes, public: bytes, tmp_path: Path
) -> None:
    told = "\n".join(verify.verify(fresh, public))
    assert "2 PASS" in told and "1 FAIL" in told and "waived     CALL-02.1" in told
    assert "equal to the byte" in told and "by the given key" in told
    program = shutil.copy(verify.__file__, tmp_path / "verify.py")
    (tmp_path / "b.tar").write_bytes(fresh)
    (tmp_path / "pub.pem").write_bytes(public)
    command = [sys.executable, "-I", program, "b.tar", "--key", "pub.pem"]
    alone = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert alone.returncode == 0, alone.stderr
    assert alone.stdout.endswith("accepted\n") and "says what the event log says" in alone.stdout


def test_same_log_gives_the_same_bytes(fresh: bytes, key: Path) -> None:
    assert bundle.seal(files_of(run()), key) == fresh
    unsigned = bundle.seal(files_of(run()), None)
    assert unsigned == bundle.seal(files_of(run()), None)
    assert "signature  not signed" in verify.verify(unsigned)


def test_a_key_that_nobody_vouches_for_is_said(fresh: bytes) -> None:
    assert "which nobody vouches for" in verify.verify(fresh)[-1]


def test_release_list(fresh: bytes, public: bytes) -> None:
    own = unpacked(fresh)["mustpass.txt"]
    assert verify.verify(fresh, public, b"\n".join(reversed(own.split())))
    assert code_of(fresh, public, own + b"CALL-09.1\n") == "MUSTPASS_RELEASE"


def test_withdrawn_release(fresh: bytes, public: bytes) -> None:
    others = b"# releases that count no more\n\n0.0.9 lost wake-ups\n" + b"b" * 40 + b" wrong\n"
    assert verify.verify(fresh, public, None, others)
    suite = evidence_logs.DIGESTS["suite"].encode()
    for name in (b"0.1.0", b"a" * 40, b"A" * 40, suite):
        for gap in (b" ", b"\t", b"  "):
            with pytest.raises(verify.Refused, match="was withdrawn: XFER-03 was green") as found:
                verify.verify(fresh, public, None, others + name + gap + b"XFER-03 was green\r\n")
            assert found.value.code == "SUITE_WITHDRAWN"
    with pytest.raises(verify.Refused, match="SUITE_WITHDRAWN"):
        verify.verify(fresh, public, None, b"\xef\xbb\xbf0.1.0\n")


@pytest.mark.parametrize(
    ("content", "why"),
    [(b"aaaaaaa short\n", "line 1"), ("0.1.0 x\n".encode("utf-16"), "not UTF-8"), (b"\nall\n", "line 2")],
)
def test_a_list_of_withdrawn_releases_that_is_none(
    content: bytes, why: str, fresh: bytes, tmp_path: Path, capfd: Any
) -> None:
    (tmp_path / "b.tar").write_bytes(fresh)
    (tmp_path / "list").write_bytes(content)
    words = [str(tmp_path / "b.tar"), "--withdrawn", str(tmp_path / "list")]
    assert verify.main(words) == verify.USAGE
    said = capfd.readouterr().err
    assert why in said and said.count("\n") == 1


# ---------------------------------------------------------------------------------------------
# The tar.


def tar_of(*entries: tuple[tarfile.TarInfo, bytes]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for entry, content in entries:
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    return out.getvalue()


def with_entry(fresh: bytes, name: str, **members: Any) -> bytes:
    """The bundle with one more entry, at its front."""
    added = tarfile.TarInfo(name)
    for member, value in members.items():
        setattr(added, member, value)
    rest = [(tarfile.TarInfo(name), content) for name, content in unpacked(fresh).items()]
    return tar_of((added, b""), *rest)


@pytest.mark.parametrize(
    ("name", "members", "code"),
    [
        ("../x", {}, "UNSAFE_PATH"),
        ("/etc/x", {}, "UNSAFE_PATH"),
        ("a/../../x", {}, "UNSAFE_PATH"),
        ("a b", {}, "UNSAFE_NAME"),
        ("dir/x", {}, "UNSAFE_NAME"),
        ("x", {"type": tarfile.SYMTYPE, "linkname": "/etc/passwd"}, "LINK"),
        ("x", {"type": tarfile.LNKTYPE, "linkname": "events.jsonl"}, "LINK"),
        ("x", {"type": tarfile.FIFOTYPE}, "SPECIAL_FILE"),
        ("x", {"type": tarfile.DIRTYPE}, "SPECIAL_FILE"),
        ("x", {"type": tarfile.CHRTYPE}, "SPECIAL_FILE"),
        ("sut.json", {}, "DUPLICATE_FILE"),
        ("extra.txt", {}, "UNKNOWN_FILE"),
    ],
)
def test_unsafe_tars(
    name: str, members: dict[str, Any], code: str, fresh: bytes, public: bytes
) -> None:
    assert code_of(with_entry(fresh, name, **members), public) == code


def test_other_tars(fresh: bytes, public: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    entries = [(tarfile.TarInfo(f"f{i}"), b"") for i in range(verify.FILES_MAX + 1)]
    assert code_of(tar_of(*entries), public) == "TOO_MANY_FILES"
    assert code_of(b"not a tar" * 100, public) == "NOT_A_TAR"
    assert code_of(fresh[: len(fresh) // 2], public) in ("NOT_A_TAR", "MISSING_FILE")
    files = unpacked(fresh)
    dated = [(tarfile.TarInfo(name), files[name]) for name in sorted(files)]
    dated[0][0].mtime = 1
    assert code_of(tar_of(*dated), public) == "NOT_CANONICAL"
    assert code_of(fresh + b"hidden".ljust(512, b"\0"), public) == "NOT_CANONICAL"
    monkeypatch.setattr(verify, "SIZE_MAX_BYTES", 1000)
    assert code_of(fresh, public) == "TOO_BIG"


@pytest.mark.parametrize("name", [*verify.REQUIRED, verify.MANIFEST, verify.ATTESTATION])
def test_missing_files(name: str, fresh: bytes, public: bytes) -> None:
    files = unpacked(fresh)
    del files[name]
    assert code_of(verify.pack(files), public) == "MISSING_FILE"


# ---------------------------------------------------------------------------------------------
# Manifest and signature.


def packed(fresh: bytes, name: str, change: Callable[[bytes], bytes]) -> bytes:
    files = unpacked(fresh)
    files[name] = change(files[name])
    return verify.pack(files)


def envelope(change: Callable[[dict[str, Any]], Any]) -> Callable[[bytes], bytes]:
    def rewrite(content: bytes) -> bytes:
        whole = json.loads(content)
        change(whole)
        return verify.canonical(whole)

    return rewrite


@pytest.mark.parametrize(
    ("name", "change", "code"),
    [
        (verify.MANIFEST, lambda c: c + b"x\n", "MANIFEST_FORMAT"),
        (verify.MANIFEST, lambda c: c + b"0" * 64 + b"  coverage.info\n", "MANIFEST_NAMES"),
        (verify.MANIFEST, lambda c: c.split(b"\n", 1)[1], "MANIFEST_INCOMPLETE"),
        (verify.MANIFEST, lambda c: b"".join(reversed(c.splitlines(True))), "MANIFEST_FORMAT"),
        ("results.json", lambda c: c.replace(b"SKIP", b"PASS"), "DIGEST"),
        (verify.ATTESTATION, lambda c: b"{}", "ATTESTATION_FORMAT"),
        (verify.ATTESTATION, lambda c: c + b" ", "ATTESTATION_FORMAT"),
        (verify.ATTESTATION, envelope(lambda e: e.update(payload="*")), "ATTESTATION_FORMAT"),
        (verify.ATTESTATION, envelope(lambda e: e.update(payload="e30=")), "SIGNATURE"),
        (verify.ATTESTATION, envelope(lambda e: e["signatures"].clear()), "UNSIGNED"),
        (verify.ATTESTATION, envelope(lambda e: e["signatures"][0].update(keyid="0")), "KEY_ID"),
        (verify.SIGNER, lambda c: b"-----BEGIN PUBLIC KEY-----", "SIGNER_KEY"),
    ],
)
def test_manifest_and_envelope(
    name: str, change: Callable[[bytes], bytes], code: str, fresh: bytes, public: bytes
) -> None:
    assert code_of(packed(fresh, name, change), public) == code


def test_signatures_by_others(fresh: bytes, public: bytes, tmp_path: Path) -> None:
    other = new_key(tmp_path, "other.pem")
    forged = bundle.seal(files_of(run()), other)
    assert code_of(forged, public) == "WRONG_KEY"
    assert code_of(bundle.seal(files_of(run()), None), public) == "UNSIGNED"
    # A signature of another text, by the right key.
    files = unpacked(fresh)
    whole = json.loads(files[verify.ATTESTATION])
    mixed = json.loads(unpacked(forged)[verify.ATTESTATION])
    whole["signatures"][0]["sig"] = mixed["signatures"][0]["sig"]
    files[verify.ATTESTATION] = verify.canonical(whole)
    assert code_of(verify.pack(files), public) == "SIGNATURE"


def test_signed_statement_about_something_else(key: Path, public: bytes) -> None:
    files = files_of(run())
    files[verify.MANIFEST] = verify.manifest_of(files)
    files[verify.SIGNER] = public
    payload = verify.canonical({"_type": verify.STATEMENT_TYPE, "predicate": {"result": "PASSED"}})
    signature = bundle.sign(key, verify.pre_authentication(payload))
    row = {"keyid": verify.key_id(public), "sig": base64.b64encode(signature).decode()}
    files[verify.ATTESTATION] = verify.envelope_of(payload, [row])
    assert code_of(verify.pack(files), public) == "ATTESTATION"


def test_single_bit_flips(fresh: bytes, public: bytes) -> None:
    chance = random.Random(20)
    accepted = []
    for _ in range(1000):
        bit = chance.randrange(8 * len(fresh))
        flipped = bytearray(fresh)
        flipped[bit // 8] ^= 1 << bit % 8
        try:
            verify.verify(bytes(flipped), public)
            accepted.append(bit)
        except verify.Refused:
            pass
    assert accepted == []


# ---------------------------------------------------------------------------------------------
# Logs that lie, in bundles that are otherwise in order.


def resealed(fresh: bytes, key: Path, changes: Files) -> bytes:
    """What a forger with the key makes: manifest and signature fit. The statement cannot be made of
    a log that the verifier refuses, so it is the old one."""
    files = unpacked(fresh)
    payload = base64.b64decode(json.loads(files[verify.ATTESTATION])["payload"])
    files.update(changes)
    files[verify.MANIFEST] = verify.manifest_of(files)
    signature = bundle.sign(key, verify.pre_authentication(payload))
    row = {"keyid": verify.key_id(files[verify.SIGNER]),
           "sig": base64.b64encode(signature).decode()}  # fmt: skip
    files[verify.ATTESTATION] = verify.envelope_of(payload, [row])
    return verify.pack(files)


Change = Callable[[Records], Records]


def at(event: str, case: str = "CALL-01.1", **members: Any) -> Change:
    """Change the first such event."""

    def change(records: Records) -> Records:
        index = next(
            i for i, r in enumerate(records)
            if r["event"] == event and r.get("case", case) == case
        )  # fmt: skip
        return [*records[:index], {**records[index], **members}, *records[index + 1 :]]

    return change


def drop(event: str, case: str = "CALL-01.1") -> Change:
    return lambda records: [
        r for r in records if not (r["event"] == event and r.get("case", case) == case)
    ]


def twice(event: str) -> Change:
    def change(records: Records) -> Records:
        index = next(i for i, r in enumerate(records) if r["event"] == event)
        return [*records[: index + 1], *records[index:]]

    return change


def after(event: str, record: dict[str, Any]) -> Change:
    def change(records: Records) -> Records:
        index = next(i for i, r in enumerate(records) if r["event"] == event)
        return [*records[: index + 1], record, *records[index + 1 :]]

    return change


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (twice("case_end"), "DUPLICATE_RESULT"),  # D5
        (twice("case_start"), "DUPLICATE_RESULT"),
        (twice("run_end"), "LOG_INCOMPLETE"),
        (drop("run_end"), "LOG_INCOMPLETE"),
        (lambda records: [*records[1:], records[0]], "EVENT_ORDER"),
        (drop("case_end"), "NO_VERDICT"),
        (drop("case_start"), "EVENT_ORDER"),
        (after("case_start", logs.check("CALL-77.1")), "NOT_PLANNED"),
        (at("case_end", rep=3), "NOT_PLANNED"),
        (at("case_end", verdict="GREEN"), "VERDICT_WORD"),
        (at("case_end", strays="0"), "EVENT_SCHEMA"),
        (at("case_end", strays=False), "EVENT_SCHEMA"),
        (at("run_start", version=9), "LOG_VERSION"),
        (at("run_start", planned=[]), "PLAN"),
        (at("run_end", verdicts={"PASS": 10}), "COUNTS"),
        (at("run_end", complete=False), "COUNTS"),
        (drop("complete"), "VERDICT"),
        (at("check", ok=False), "VERDICT"),
        (at("complete", verdict="FAIL"), "VERDICT"),
        (at("complete", checks=0), "VERDICT"),
        (at("case_end", strays=1), "VERDICT"),
        (at("case_end", exit_code=1), "VERDICT"),
        (at("case_end", signal="SIGSEGV"), "VERDICT"),
        (drop("observe", "OBJ-01.1"), "VERDICT"),
        (at("check", how="weak"), "VERDICT"),
        (after("complete", logs.check("CALL-01.1")), "VERDICT"),
        (at("run_start", digests={}), "EVENT_SCHEMA"),
    ],
)
def test_forged_logs(change: Change, code: str, fresh: bytes, key: Path, public: bytes) -> None:
    records = [json.loads(line) for line in unpacked(fresh)["events.jsonl"].splitlines()]
    changes = {"events.jsonl": logs.encode(change(records))}
    try:  # what is derived from the log is forged with it
        log = verify.read_log(changes["events.jsonl"])
        changes["profile.yaml"] = verify.profile_of(log)
        changes["calibration.json"] = verify.calibration_of(log)
    except verify.Refused:
        pass
    assert code_of(resealed(fresh, key, changes), public) == code


INVOKE = b'{"event":"invoke","case":"CALL-01.1","rep":1,"actor":"client","call":"CallEx"'


def into_first_case(log: bytes, lines: bytes) -> bytes:
    """After the line that starts the case; as the harness writes it, without blanks."""
    at = log.index(b"\n", log.index(b'"event": "case_start", "case": "CALL-01.1"')) + 1
    return log[:at] + lines + log[at:]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda c: c[:-1], "LOG_CUT"),
        (lambda c: c + b"{\n", "EVENT_FORMAT"),
        (lambda c: c + b"[]\n", "EVENT_FORMAT"),
        (lambda c: c.replace(b'"ok": true', b'"ok": false, "ok": true', 1), "EVENT_FORMAT"),
        (lambda c: c.replace(b'"window_ns": 20', b'"window_ns": NaN', 1), "EVENT_FORMAT"),
        (lambda c: into_first_case(c, INVOKE + b',"x":[{}\n{}]}\n'), "EVENT_FORMAT"),
        (lambda c: into_first_case(c, INVOKE + b"},{}\n"), "EVENT_FORMAT"),
        (lambda c: into_first_case(c, INVOKE + b',"x":NaN}\n'), "EVENT_FORMAT"),
        (lambda c: into_first_case(c, INVOKE + b',"event":7}\n'), "EVENT_FORMAT"),
        (lambda c: into_first_case(c, INVOKE + b',"event":"check","ok":1}\n'), "EVENT_FORMAT"),
        (lambda c: into_first_case(c, INVOKE + b"}\n"), "ATTESTATION"),  # an event like others
    ],
)
def test_damaged_logs(
    change: Callable[[bytes], bytes], code: str, fresh: bytes, key: Path, public: bytes
) -> None:
    changed = change(unpacked(fresh)["events.jsonl"])
    assert code_of(resealed(fresh, key, {"events.jsonl": changed}), public) == code


# ---------------------------------------------------------------------------------------------
# Honest logs of runs that are no evidence.


@pytest.mark.parametrize(
    ("records", "code"),
    [
        (run(strict=False), "NOT_STRICT"),
        (run(extent="smoke"), "EXTENT"),
        (run(shard={"index": 1, "count": 2, "plan": "x"}), "SHARD"),
        (run(capabilities={"claimed": ["copy"], "present": []}), "CLAIMS"),
        (at("case_start", suspect="no review")(run()), "SUSPECT"),
        (evidence_logs.certification(PLAN, VERDICTS, 2), "MUSTPASS_MISSING"),
        (evidence_logs.certification(PLAN + ["OBJ-99.1"], {**VERDICTS, "OBJ-01.1": "CRASH"}),
         "NOT_CONFORMANT"),
        (evidence_logs.certification(
            PLAN + ["OBJ-99.1"], {**VERDICTS, "CALL-01.1": "INCONCLUSIVE"}), "INCONCLUSIVE"),
    ],
)  # fmt: skip
def test_runs_that_are_no_evidence(records: Records, code: str, key: Path, public: bytes) -> None:
    assert code_of(bundle.seal(files_of(records), key), public) == code


def test_flaky(key: Path, public: bytes) -> None:
    records = run()
    for r in records:
        if r.get("case") == "CALL-01.1" and r.get("rep") == 2:
            r.update({"case_end": {"verdict": "FAIL"}}.get(r["event"], {}))
    records[-1]["verdicts"] = {"PASS": 3, "FAIL": 3, "OBSERVED": 2, "SKIP": 2}
    assert code_of(bundle.seal(files_of(records), key), public) == "FLAKY"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"expires": "2025-12-31"}, "WAIVER_EXPIRED"),
        ({"created": "2026-01-02"}, "WAIVER_EXPIRED"),
        ({"sut": {"sha256": "0" * 64}}, "WAIVER_UNMATCHED"),
        ({"sut": {"versions": {"from": "1.3", "to": "2"}}}, "WAIVER_UNMATCHED"),
        ({"requirement": "CALL-01", "case": "CALL-01.1"}, "WAIVER_UNNEEDED"),
        ({"owner": ""}, "WAIVER_FORMAT"),
        ({"expires": "tomorrow"}, "WAIVER_FORMAT"),
    ],
)
def test_waivers(change: dict[str, Any], code: str, fresh: bytes, key: Path, public: bytes) -> None:
    forged = verify.canonical({"version": 1, "waivers": [{**WAIVER, **change}]})
    assert code_of(resealed(fresh, key, {"waivers.yaml": forged}), public) == code


def test_doubled_and_missing_waivers(fresh: bytes, key: Path, public: bytes) -> None:
    doubled = verify.canonical({"version": 1, "waivers": [WAIVER, WAIVER]})
    assert code_of(resealed(fresh, key, {"waivers.yaml": doubled}), public) == "WAIVER_DOUBLE"
    none = verify.canonical({"version": 1, "waivers": []})
    assert code_of(resealed(fresh, key, {"waivers.yaml": none}), public) == "NOT_CONFORMANT"


# ---------------------------------------------------------------------------------------------
# Other files that do not fit.


def replaced(old: bytes, new: bytes) -> Callable[[bytes], bytes]:
    def change(content: bytes) -> bytes:
        assert old in content
        return content.replace(old, new, 1)

    return change


@pytest.mark.parametrize(
    ("name", "change", "code"),
    [
        ("STATEMENT.yaml", replaced(b"vendor", b"seller"), "STATEMENT"),
        ("STATEMENT.yaml", replaced(b"1.2.0", b"1.3.0"), "STATEMENT_RUN"),
        ("STATEMENT.yaml", replaced(b"ce-1.2", b"ce-1.4"), "STATEMENT_RUN"),
        ("sut.json", lambda c: b"{}\n", "SUT"),
        ("sut.json", replaced(b"ab12", b"ab13"), "SUT_RUN"),
        ("suite-git.txt", replaced(b"clean", b"dirty"), "SUITE_DIRTY"),
        ("suite-git.txt", lambda c: b"release 1\n", "SUITE_REVISION"),
        ("sut.json", replaced(b'"KnIpcSetInterrupt"', b"7"), "SUT"),
        ("sut.json", replaced(b'"symbols"', b'"names"'), "SUT"),
        ("quality.json", replaced(b"# Kill", b"# Good"), "QUALITY"),
        ("quality.json", replaced(b'"variants"', b'"others"'), "QUALITY"),
        ("quality.json", replaced(QUALITY["variants"].encode("unicode_escape"), b" "), "QUALITY"),
        ("profile.yaml", replaced(b'"repeat": 2', b'"repeat": 99'), "PROFILE"),
        ("environment.json", replaced(b"x86_64", b"risc-v"), "ENVIRONMENT"),
        ("calibration.json", replaced(b"20", b"90"), "CALIBRATION"),
        ("requirements.json", replaced(b"The claim", b"No claim"), "REQUIREMENTS"),
        ("mustpass.txt", replaced(b"CALL-01.1\n", b""), "MUSTPASS_LIST"),
        ("results.json", replaced(b'"verdict": "FAIL"', b'"verdict": "PASS"'), "REPORT_RESULTS"),
        ("report.tap", replaced(b"ok 1 - ", b"not ok 1 - "), "REPORT_TAP"),
        ("junit.xml", replaced(b'<skipped message="waived', b'<error message="waived'),
         "REPORT_JUNIT"),
        ("junit.xml", lambda c: b'<!DOCTYPE x [<!ENTITY a "b">]>' + c, "REPORT_JUNIT"),
        ("report.html", replaced(b'data-v="FAIL"', b'data-v="PASS"'), "REPORT_HTML"),
        ("report.html", replaced(b"</body>", b"<p>Conformant.</p></body>"), "REPORT_BYTES"),
    ],
)  # fmt: skip
def test_files_that_do_not_fit(
    name: str, change: Callable[[bytes], bytes], code: str, key: Path, public: bytes
) -> None:
    files = files_of(run())
    files[name] = change(files[name])
    assert code_of(bundle.seal(files, key), public) == code


# ---------------------------------------------------------------------------------------------
# The commands.


def test_command_says_one_line(fresh: bytes, tmp_path: Path, capfd: Any) -> None:
    file = tmp_path / "b.tar"
    file.write_bytes(packed(fresh, "sut.json", lambda c: c + b" "))
    assert verify.main([str(file)]) == verify.REFUSED
    assert capfd.readouterr().err == "refused DIGEST: sut.json is not what MANIFEST.sha256 says\n"
    assert verify.main([str(tmp_path / "none")]) == verify.USAGE
    (tmp_path / "key").write_bytes(b"no key")
    assert verify.main([str(file), "--key", str(tmp_path / "key")]) == verify.USAGE
    assert verify.main([]) == verify.USAGE


def test_a_full_disk_is_said(fresh: bytes, tmp_path: Path) -> None:
    (tmp_path / "b.tar").write_bytes(fresh)
    with open("/dev/full", "w") as full:
        answer = subprocess.run(
            [sys.executable, verify.__file__, tmp_path / "b.tar"],
            stdout=full, stderr=subprocess.PIPE, text=True, check=False,
        )  # fmt: skip
    assert answer.returncode == verify.INTERNAL
    assert answer.stderr == "ipc-cts verify: stdout: No space left on device\n"


def git(tree: Path, *words: str) -> None:
    who = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
    subprocess.run(["git", *who, "-C", tree, *words], check=True, capture_output=True)


def test_a_changed_tree_is_refused(tmp_path: Path) -> None:
    with pytest.raises(bundle.BundleError, match="no git tree"):
        certify.revision(tmp_path)
    git(tmp_path, "init", "-q")
    (tmp_path / "a").write_text("1")
    with pytest.raises(bundle.BundleError, match="HEAD|no git tree|without a commit"):
        certify.revision(tmp_path)
    git(tmp_path, "add", "a")
    git(tmp_path, "commit", "-qm", "a")
    assert len(certify.revision(tmp_path)) == 40
    (tmp_path / "a").write_text("2")
    with pytest.raises(bundle.BundleError, match="changes without a commit: a$"):
        certify.revision(tmp_path)


def test_defined_symbols(tmp_path: Path) -> None:
    source, library = tmp_path / "a.c", tmp_path / "a.so"
    source.write_text("int KnB(void); static int own(void) { return KnB(); } int KnA(void) { return own(); }")
    subprocess.run(["cc", "-shared", "-fPIC", "-o", library, source], check=True)
    assert "KnA" in certify.defined_symbols(library)
    assert not {"KnB", "own"} & set(certify.defined_symbols(library))
    subprocess.run(["cc", "-c", "-o", tmp_path / "a.o", source], check=True)
    subprocess.run(["ar", "rc", tmp_path / "a.a", tmp_path / "a.o"], check=True)
    assert certify.defined_symbols(tmp_path / "a.a") == ["KnA"]
    with pytest.raises(bundle.BundleError, match="list of symbols cannot be made: .*a.c"):
        certify.defined_symbols(source)


def test_build_id_and_objects() -> None:
    library = next(Path("/lib").glob("*/libc.so.6"))
    found = bundle.loaded_object(library, "libc.so.6")
    assert found["build_id"] and len(found["build_id"]) == 40
    assert bundle.build_id(b"\x7fELF\x02\x01") is None and bundle.build_id(b"") is None
    assert library.resolve() in {path.resolve() for path in certify.needed_objects(Path("/bin/ls"))}


@pytest.mark.parametrize(
    ("text", "words"),
    [("", "not a statement"), ("vendor: 1\n", "vendor is missing or no text"),
     ("a: [", "line"), (json.dumps({**STATEMENT, "more": "x"}), "more does not belong"),
     (json.dumps({**STATEMENT, "os": "a\nb"}), "os is not one line")],
)  # fmt: skip
def test_bad_statements(text: str, words: str, fresh: bytes, tmp_path: Path) -> None:
    file = tmp_path / "statement.yaml"
    file.write_text(text)
    log = verify.read_log(unpacked(fresh)["events.jsonl"])
    with pytest.raises(bundle.BundleError, match=words):
        bundle.read_statement(file, log)
