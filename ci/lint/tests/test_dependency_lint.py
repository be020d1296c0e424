# SPDX-License-Identifier: Apache-2.0
"""Each rule of dependencies.py rejects its fixture; a tree as it should be passes."""

from __future__ import annotations

from pathlib import Path

import dependencies
import pytest
from lint_tree import Tree

CLEAN = {
    "conformance/cases/call.c": """\
/* #include <pthread.h> and sleep(1) in a comment are nothing. */
#include <coresrv/ipc/ipc_api.h>
#include <cts/cts.h>
#include <string.h>
#include "shared.h"
static const char *const text = "#ifdef, usleep(1), pthread_create";
""",
    "conformance/cases/shared.h": "#ifndef SHARED_H\n#define SHARED_H\n#endif\n",
    "harness/include/cts/cts.h": "#include <cts/case.h>\n#include <stdint.h>\n",
    "harness/src/worker/actor.h": "",
    "harness/src/worker/actor.c": """\
/* As in CALL-02. */
#include "actor.h"
#include "worker/actor.h"
#include <check.h>
#include <pthread.h>
""",
    "harness/src/supervisor/help.c": 'const char *help = "ipc-cts run CALL-02";\n',
    "harness/tests/actor_test.c": '#include "worker/actor.h"\nconst char *id = "TEST-01";\n',
    "harness/adapters/reference/adapter.c": "#include <cts/adapter.h>\n#include <kos_ref/control.h>\n",
    "harness/selftest/variants/futex/variant.c": '#include <linux/futex.h>\n#include "own.h"\n',
    "harness/selftest/variants/futex/own.h": "#include <coresrv/syscalls.h>\n",
    "harness/selftest/variants/CMakeLists.txt": "# nothing of reference-impl/src\n",
    "reference-impl/include/nk/arena.h": "#include <rtl/stdint.h>\n#include <string.h>\n",
    "reference-impl/src/domain.h": "",
    "reference-impl/src/domain.c": '#include "domain.h"\n#include <errno.h>\n#include <sys/mman.h>\n',
    "reference-impl/tests/domain_test.c": '#include "domain.h"\n#include <check.h>\n',
    "reports/reportlib/tap.py": "import json\nimport yaml\nfrom reportlib import events\n",
    "reports/reportlib/events.py": "import os\nprint(os.path.sep)\n",
    "reports/tests/test_tap.py": "import subprocess\nimport pytest\nfrom reportlib import tap\n",
}

# Rule, file, text that must be rejected.
REJECTED = [
    ("case-include", "conformance/cases/a.c", "#include <pthread.h>\n"),
    ("case-include", "conformance/cases/a.c", "#include <unistd.h>\n"),
    ("case-include", "conformance/cases/a.c", "#include <time.h>\n"),
    ("case-include", "conformance/cases/a.c", "#include <stdlib.h>\n"),
    ("case-include", "conformance/cases/a.c", "#include <check.h>\n"),
    ("case-include", "conformance/cases/a.c", "#include <kos_ref/control.h>\n"),
    ("case-include", "conformance/cases/a.c", '#include "../../reference-impl/src/domain.h"\n'),
    ("case-include", "conformance/cases/a.c", "#  include   <sys/types.h>\n"),
    ("case-call", "conformance/cases/a.c", "void f(void) { sleep(1); }\n"),
    ("case-call", "conformance/cases/a.c", "void f(void) { usleep (1); }\n"),
    ("case-call", "conformance/cases/a.c", "void f(void) { nanosleep(0, 0); }\n"),
    ("case-call", "conformance/cases/a.c", "void f(void) { sched_yield(); }\n"),
    ("case-call", "conformance/cases/a.c", "void f(void) { pthread_create(0, 0, 0, 0); }\n"),
    ("case-call", "conformance/cases/a.c", "pthread_mutex_t lock;\n"),
    ("case-call", "conformance/cases/a.c", "int f(void) { return fork(); }\n"),
    ("case-conditional", "conformance/cases/a.c", "int a;\n\n#ifdef __linux__\n#endif\n"),
    ("case-conditional", "conformance/cases/a.c", "#if defined(__KOS__)\n#endif\n"),
    ("case-conditional", "conformance/cases/a.c", "#ifndef A_H\n#endif\n"),
    ("case-conditional", "conformance/cases/a.h", "#ifndef __linux__\n#endif\n"),
    ("suite-header-include", "harness/include/cts/a.h", "#include <pthread.h>\n"),
    ("suite-header-include", "harness/include/cts/a.h", "#include <kos_ref/control.h>\n"),
    ("harness-include", "harness/src/a.c", "#include <kos_ref/control.h>\n"),
    ("harness-include", "harness/src/a.c", '#include "../../conformance/cases/shared.h"\n'),
    ("harness-include", "harness/src/a.c", '#include "../../reference-impl/src/domain.h"\n'),
    ("harness-include", "harness/src/a.c", '#include "domain.h"\n'),
    ("harness-include", "harness/tests/a.c", "#include <kos_ref/control.h>\n"),
    ("harness-requirement", "harness/src/a.c", 'const char *id = "CALL-02";\n'),
    ("harness-requirement", "harness/src/a.c", 'const char *id = "XFER-03.1";\n'),
    ("harness-requirement", "harness/src/a.c", 'const char *id = "V14-01";\n'),
    ("harness-requirement", "harness/src/supervisor/help.c", "int CALL_02 = CALL-02;\n"),
    ("adapter-include", "harness/adapters/plain/a.c", "#include <kos_ref/control.h>\n"),
    ("adapter-include", "harness/adapters/reference/a.c", '#include "../../src/worker/actor.h"\n'),
    (
        "adapter-include",
        "harness/adapters/reference/a.c",
        '#include "../../../reference-impl/src/domain.h"\n',
    ),
    ("variant-include", "harness/selftest/variants/futex/a.c", "#include <kos_ref/control.h>\n"),
    ("variant-include", "harness/selftest/variants/futex/a.c", '#include "domain.h"\n'),
    (
        "variant-include",
        "harness/selftest/variants/CMakeLists.txt",
        "include_directories(${PROJECT_SOURCE_DIR}/reference-impl/src)\n",
    ),
    ("reference-header-include", "reference-impl/include/nk/a.h", "#include <pthread.h>\n"),
    ("reference-header-include", "reference-impl/include/nk/a.h", "#include <cts/case.h>\n"),
    ("reference-include", "reference-impl/src/a.c", "#include <check.h>\n"),
    ("reference-include", "reference-impl/src/a.c", "#include <cts/cts.h>\n"),
    ("reference-include", "reference-impl/src/a.c", "#include <cjson/cJSON.h>\n"),
    ("reference-include", "reference-impl/src/a.c", '#include "../../harness/src/worker/actor.h"\n'),
    ("reference-include", "reference-impl/tests/a.c", "#include <cts/cts.h>\n"),
    ("reports-import", "reports/reportlib/a.py", "import requests\n"),
    ("reports-import", "reports/reportlib/a.py", "from harness import selftest\n"),
    ("reports-import", "reports/reportlib/a.py", "import pytest\n"),
    ("reports-run", "reports/reportlib/a.py", "import subprocess\n"),
    ("reports-run", "reports/reportlib/a.py", "from ctypes import CDLL\n"),
    ("reports-run", "reports/reportlib/a.py", "import os\nos.system('true')\n"),
    ("reports-run", "reports/reportlib/a.py", "from os import execvp\n"),
    ("python-syntax", "reports/reportlib/a.py", "def\n"),
]


def test_a_clean_tree_passes(tree: Tree, capsys: pytest.CaptureFixture[str]) -> None:
    assert dependencies.main(["--root", str(tree(CLEAN))]) == 0
    assert "0 findings" in capsys.readouterr().out


@pytest.mark.parametrize(("rule", "name", "text"), REJECTED)
def test_fixture_is_rejected(
    rule: str, name: str, text: str, tree: Tree, capsys: pytest.CaptureFixture[str]
) -> None:
    root = tree(CLEAN | {name: text})

    assert dependencies.main(["--root", str(root)]) == 1

    findings = [line for line in capsys.readouterr().out.splitlines() if ": [" in line]
    assert len(findings) == 1
    assert findings[0].startswith(f"{name}:")
    assert f"[{rule}]" in findings[0]


def test_a_finding_names_the_line(tree: Tree, capsys: pytest.CaptureFixture[str]) -> None:
    text = "/* two\n   lines */\n\n#include <pthread.h>\n"
    dependencies.main(["--root", str(tree(CLEAN | {"conformance/cases/a.c": text}))])
    assert "conformance/cases/a.c:4: [case-include]" in capsys.readouterr().out


def test_every_rule_has_a_fixture() -> None:
    source = Path(dependencies.__file__).read_text(encoding="utf-8")
    for rule, _, _ in REJECTED:
        assert f'"{rule}"' in source
    used = {word for word in source.split('"') if word.split("-")[-1] in RULE_ENDINGS and "-" in word}
    assert used == {rule for rule, _, _ in REJECTED}


RULE_ENDINGS = {"include", "call", "conditional", "requirement", "import", "run", "syntax"}


def test_a_root_that_does_not_exist_is_wrong_usage() -> None:
    assert dependencies.main(["--root", "/does/not/exist"]) == 4
