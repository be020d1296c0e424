# SPDX-License-Identifier: Apache-2.0
"""Each rule of cases.py rejects its fixture; tables as they should be pass."""

from __future__ import annotations

import cases
import pytest
from lint_tree import Tree

CALL = """\
/* SPDX-License-Identifier: Apache-2.0 */
/* CALL-09.9 in a comment is no case, and sleep(1) no call. */
#include <cts/cts.h>
static void body(const struct cts_case *self)
{
    cts_observe("what", "seen");
}
static const struct cts_case cases[] = {
    {"CALL-01.1", "a queued call is interrupted", body, 0, 0, 0, 0},
    {"CALL-01.2", "a long title of (two) parts: one, "
                  "two", body, 0, 0, 0, 0},
};
CTS_GROUP(cts_group_call, cases);
"""
RECV = CALL.replace("CALL-01", "RECV-01").replace("cts_group_call", "cts_group_recv")
GROUPS = """\
/* SPDX-License-Identifier: Apache-2.0 */
extern const struct cts_group cts_group_call;
extern const struct cts_group cts_group_recv;
const struct cts_group *const cts_groups[] = {&cts_group_call, &cts_group_recv, NULL};
"""
CMAKE = "add_library(cts_cases STATIC cases/groups.c cases/call.c cases/recv.c)\n"
CLEAN = {
    "conformance/cases/call.c": CALL,
    "conformance/cases/recv.c": RECV,
    "conformance/cases/groups.c": GROUPS,
    "conformance/CMakeLists.txt": CMAKE,
}

# Rule, file, text that must be rejected.
REJECTED = [
    ("id-unique", "conformance/cases/call.c", CALL.replace("CALL-01.2", "CALL-01.1")),
    ("id-unique", "conformance/cases/recv.c", RECV.replace("RECV-01.1", "CALL-01.1")),
    ("id-form", "conformance/cases/call.c", CALL.replace("CALL-01.1", "CALL-1.1")),
    ("id-form", "conformance/cases/call.c", CALL.replace("CALL-01.1", "CALL-01")),
    ("id-form", "conformance/cases/call.c", CALL.replace("CALL-01.1", "call-01.1")),
    ("id-form", "conformance/cases/call.c", CALL.replace("CALL-01.1", "CALL-01.0")),
    # An area may have a digit in its name.
    ("id-unique", "conformance/cases/call.c", CALL.replace("CALL-01.1", "V14-01.2")
     .replace("CALL-01.2", "V14-01.2")),
    ("title", "conformance/cases/call.c", CALL.replace("CALL-01", "V14-01").replace("a queued", "a # queued")),
    ("title", "conformance/cases/call.c", CALL.replace("a queued", "a # queued")),
    ("title", "conformance/cases/call.c", CALL.replace("a queued", "a \\\\ queued")),
    ("title", "conformance/cases/call.c", CALL.replace("a queued call is interrupted", "")),
    ("title", "conformance/cases/call.c", CALL.replace('"two"', '"two!"')),
    ("spdx", "conformance/cases/call.c", CALL.partition("\n")[2]),
    ("sleep", "conformance/cases/call.c", CALL.replace("cts_observe(", "usleep(1); cts_observe(")),
    ("group-name", "conformance/cases/call.c", CALL.replace("CTS_GROUP(cts_group_call, cases);", "")
     .replace("struct cts_case cases", "struct cts_case cts_group_call")),
    ("group-listed", "conformance/cases/groups.c", GROUPS.replace("&cts_group_recv, ", "")),
    ("group-listed", "conformance/cases/groups.c", GROUPS.replace("NULL", "&cts_group_gone, NULL")),
    ("group-listed", "conformance/cases/groups.c", GROUPS.replace("NULL", "&cts_group_call, NULL")),
    ("file-built", "conformance/CMakeLists.txt", CMAKE.replace("cases/recv.c", "# cases/recv.c\n")),
    ("file-built", "conformance/CMakeLists.txt", CMAKE.replace("cases/recv.c", "cases/recv.c cases/x.c")),
]  # fmt: skip


def run(tree: Tree, files: dict[str, str], capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    status = cases.main(["--root", str(tree(files))])
    return status, capsys.readouterr().out


def test_clean_tables_pass(tree: Tree, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(tree, CLEAN, capsys) == (0, "cases: 4 cases, 0 findings\n")


def test_areas_with_a_digit_are_counted(tree: Tree, capsys: pytest.CaptureFixture[str]) -> None:
    files = CLEAN | {"conformance/cases/call.c": CALL.replace("CALL-01", "V14-01")}
    assert run(tree, files, capsys) == (0, "cases: 4 cases, 0 findings\n")


@pytest.mark.parametrize(("rule", "name", "text"), REJECTED)
def test_fixture_is_rejected(
    rule: str, name: str, text: str, tree: Tree, capsys: pytest.CaptureFixture[str]
) -> None:
    status, output = run(tree, CLEAN | {name: text}, capsys)
    assert status == 1
    assert f"[{rule}]" in output


def test_a_wrong_group_name_is_named(tree: Tree, capsys: pytest.CaptureFixture[str]) -> None:
    text = CALL.replace("cts_group_call", "cts_group_calls")
    status, output = run(tree, CLEAN | {"conformance/cases/call.c": text}, capsys)
    assert status == 1
    assert "cts_group_calls should be cts_group_call" in output


def test_a_second_place_of_an_id_is_named(tree: Tree, capsys: pytest.CaptureFixture[str]) -> None:
    text = RECV.replace("RECV-01.1", "CALL-01.1")
    _, output = run(tree, CLEAN | {"conformance/cases/recv.c": text}, capsys)
    assert "recv.c:9: [id-unique] CALL-01.1 is also at conformance/cases/call.c:9" in output


def test_no_cases_is_a_finding(tree: Tree, capsys: pytest.CaptureFixture[str]) -> None:
    status, output = run(tree, {"conformance/cases/groups.c": GROUPS}, capsys)
    assert status == 1
    assert "[no-cases]" in output


def test_a_root_that_does_not_exist_is_wrong_usage() -> None:
    assert cases.main(["--root", "/does/not/exist"]) == 4
