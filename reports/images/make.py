#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Make failure.png: the page of a run of requirement CALL-02 against a mutant.

    python3 reports/images/make.py

Takes the build tree that the self-test takes (CTS_BUILD_DIR, or build/dev, or build/release) and
builds the mutant in it. Needs chromium and python3-selenium (ci/bootstrap).
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
REPOSITORY = HERE.parents[1]
sys.path[:0] = [str(REPOSITORY / "reports"), str(REPOSITORY / "reports" / "tests"),
                str(REPOSITORY / "harness" / "selftest")]  # fmt: skip

import toolchain  # noqa: E402
from browser import chromium, view  # noqa: E402
from ctsreport.html import __main__ as page  # noqa: E402

MUTANT = "taken-call-is-interrupted"
WIDTH, HEIGHT = 1180, 1590
BYTES_MAX = 300_000


def main() -> int:
    subprocess.run(
        [sys.executable, str(REPOSITORY / "harness" / "selftest" / "mutants" / "build.py"), MUTANT], check=True
    )
    library = toolchain.output_directory() / "mutants" / f"{MUTANT}.so"
    program = toolchain.build_directory() / "bin" / "ipc-cts"
    with tempfile.TemporaryDirectory() as scratch:
        log, target = Path(scratch) / "events.jsonl", Path(scratch) / "report.html"
        run = [program, "run", "-q", "CALL-02", "--adapter", "reference", "--events", log,
               "--sut", library]  # fmt: skip
        words = [str(word).replace(f"{REPOSITORY}/", "") for word in run]
        status = subprocess.run(words, check=False, cwd=REPOSITORY).returncode
        if status != 1:
            print(f"make.py: the run against the mutant ended with {status}, not 1", file=sys.stderr)
            return 1
        if page.main([str(log), "-o", str(target)]) != 0:
            return 1
        with chromium(Path(scratch) / "profile") as browser:
            view(browser, WIDTH, HEIGHT)
            browser.get(target.as_uri())
            image = browser.get_screenshot_as_png()
    if len(image) > BYTES_MAX:
        print(f"make.py: the image has {len(image)} bytes", file=sys.stderr)
        return 1
    (HERE / "failure.png").write_bytes(image)
    return 0


if __name__ == "__main__":
    sys.exit(main())
