#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Make reports/images/failure.png: the page of a run of requirement CALL-02 against a mutant.

    python3 reports/tests/make_image.py

Takes the build tree CTS_BUILD_DIR, or build/dev, and builds the mutant in it. Needs chromium and
python3-selenium (ci/bootstrap).
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("CTS_BUILD_DIR", REPOSITORY / "build" / "dev")).resolve()
sys.path.insert(0, str(REPOSITORY / "reports"))

from browser import chromium, view  # noqa: E402
from ctsreport.html import __main__ as page  # noqa: E402

MUTANT = "taken-call-is-interrupted"
WIDTH, HEIGHT = 1180, 1590
BYTES_MAX = 300_000


def main() -> int:
    maker = REPOSITORY / "harness" / "selftest" / "mutants" / "build.py"
    environment = {**os.environ, "CTS_BUILD_DIR": str(BUILD)}
    subprocess.run([sys.executable, str(maker), MUTANT], check=True, env=environment)
    library = BUILD / "selftest" / "mutants" / f"{MUTANT}.so"
    program = BUILD / "bin" / "ipc-cts"
    with tempfile.TemporaryDirectory() as scratch:
        log, target = Path(scratch) / "events.jsonl", Path(scratch) / "report.html"
        run = [program, "run", "-q", "CALL-02", "--adapter", "reference", "--events", log,
               "--sut", library]  # fmt: skip
        words = [str(word).replace(f"{REPOSITORY}/", "") for word in run]
        status = subprocess.run(words, check=False, cwd=REPOSITORY).returncode
        if status != 1:
            print(f"make_image.py: the run ended with {status}, not 1", file=sys.stderr)
            return 1
        if page.main([str(log), "-o", str(target)]) != 0:
            return 1
        with chromium(Path(scratch) / "profile") as browser:
            view(browser, WIDTH, HEIGHT)
            browser.get(target.as_uri())
            image = browser.get_screenshot_as_png()
    if len(image) > BYTES_MAX:
        print(f"make_image.py: the image has {len(image)} bytes", file=sys.stderr)
        return 1
    (REPOSITORY / "reports" / "images" / "failure.png").write_bytes(image)
    return 0


if __name__ == "__main__":
    sys.exit(main())
