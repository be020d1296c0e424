# SPDX-License-Identifier: Apache-2.0
"""The certificate: one page of a bundle that verify accepts, each statement with its event."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import evidence_logs
import logs
import pytest
from ctsreport import cli
from ctsreport.evidence import bundle, certificate
from lxml import html as lxml_html
from test_verify import OBJECTS, QUALITY, STATEMENT, SYMBOLS, VERDICTS, WAIVER, files_of, key, public, run

__all__ = ("key", "public")  # fixtures
HOSTILE = '<script>alert(1)</script> ]]> &amp; "x" \u202e'


def sealed(signer: Path | None, **statement: str) -> bytes:
    waivers = {"version": 1, "waivers": [WAIVER]}
    said = {**STATEMENT, **statement}
    material = bundle.Material(said, waivers, OBJECTS, "a" * 40, QUALITY, SYMBOLS)
    return bundle.seal(bundle.files_of(logs.encode(run()), material), signer)


def text_of(page: bytes) -> str:
    return " ".join(lxml_html.fromstring(page.decode()).text_content().split())


def test_says_what_was_tested_and_what_not(key: Path, public: bytes) -> None:
    content = sealed(key)
    page = certificate.page(content, public)
    assert certificate.page(content, public) == page
    text = text_of(page)
    for words in ("libkos-ipc 1.2.0 by Example", "demands of ce-1.2, but for the waivers below",
                  "kill matrix: 3 faulty libraries, all of them found.",
                  "generated mutants: Found: 8 of 9 that are wrong.", "variants: 7 right libraries, none",
                  "5 cases", "signed by the given key", "a" * 40, "W-1 CALL-02.1 fails and is accepted",
                  "CALL-01 (1)", "What this does not say", "skipped", "OBJ-02.1"):  # fmt: skip
        assert words in text, words
    assert "OBJ-02 (" not in text  # its only case was skipped


def test_every_statement_names_an_event(key: Path, public: bytes) -> None:
    page = certificate.page(sealed(key), public)
    records = [json.loads(line) for line in logs.encode(run()).splitlines()]
    tree = lxml_html.fromstring(page.decode())
    seen = 0
    for span in tree.xpath("//span[sup]"):
        name = span.xpath("./a")[0].text
        (line,) = re.findall(r"\[(\d+)\]", span.text_content())
        record = records[int(line) - 1]
        assert record["event"] == "case_end" and record["case"].startswith(name + ".")
        seen += 1
    assert seen == 4 - 1 + 1  # OBJ-02 was skipped, OBJ-99 was run
    (waiver,) = tree.xpath("//li[b]")
    (line,) = re.findall(r"\[(\d+)\]", waiver.text_content())
    assert records[int(line) - 1]["case"] == "CALL-02.1"
    # Every row of the table but evidence and contact, and every paragraph of the head.
    assert len(tree.xpath("//table//tr[.//sup]")) == 4


def test_hostile_words_stay_words(key: Path, public: bytes) -> None:
    page = certificate.page(sealed(key, product=HOSTILE.replace("\u202e", "")), public)
    assert b"<script" not in page and b"alert(1)" in page


def test_one_page(key: Path, public: bytes, tmp_path: Path) -> None:
    """Of a run as large as a real one: 90 requirements, 850 cases."""
    plan = [f"{area}-{i:02}.{k}" for area in ("ABI", "CALL", "OBJ", "RACE", "RECV", "STATE")
            for i in range(1, 16) for k in range(1, 10)]  # fmt: skip
    records = evidence_logs.certification([*plan, "OBJ-99.1"], {}, 1)
    big = bundle.seal(files_of(records, {"version": 1, "waivers": []}), key)
    (tmp_path / "b.tar").write_bytes(big)
    (tmp_path / "pub.pem").write_bytes(public)
    out = tmp_path / "c.pdf"
    words = ["certificate", str(tmp_path / "b.tar"), "--key", str(tmp_path / "pub.pem"), "-o"]
    assert cli.main([*words, str(out)]) == cli.DONE
    told = subprocess.run(["pdfinfo", out], capture_output=True, text=True, check=True).stdout
    assert re.search(r"(?m)^Pages: +1$", told) and "A4" in told
    text = subprocess.run(["pdftotext", out, "-"], capture_output=True, text=True, check=True).stdout
    assert "STATE-15 (9)" in " ".join(text.split()) and "What this does not say" in text


@pytest.mark.parametrize(
    ("words", "status", "told"),
    [(["{b}", "-o", "x.doc"], 4, ".html or .pdf"), (["{b}/none", "-o", "x.pdf"], 4, "none"),
     (["{b}", "-o", "x.html", "--key", "/nonexistent"], 4, "/nonexistent"),
     (["{forged}", "-o", "x.html"], 7, "refused DIGEST")],
)  # fmt: skip
def test_wrong_use(
    words: list[str], status: int, told: str, key: Path, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch, capfd: Any,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    content = sealed(key)
    Path("b.tar").write_bytes(content)
    Path("forged.tar").write_bytes(content.replace(b"Kill matrix", b"Kill MATRIX").replace(b"# K", b"# Q"))
    arguments = [word.format(b="b.tar", forged="forged.tar") for word in words]
    assert cli.main(["certificate", *arguments]) == status
    err = capfd.readouterr().err
    assert told in err and err.count("\n") == 1
    assert not list(tmp_path.glob("x.*"))


def test_without_weasyprint(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(certificate.NoPage, match="install weasyprint"):
        certificate.pdf(b"<p>x")


assert VERDICTS["OBJ-02.1"] == "SKIP"
