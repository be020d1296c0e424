# SPDX-License-Identifier: Apache-2.0
"""An SDK with other numbers and other layouts, made from the headers of the reference.

Whatever the documents leave open is different in it: values of error codes and of their fields,
INVALID_HANDLE, INFINITE_TIMEOUT, rights, limits of the packing helpers, widths of process and thread
ids, order and padding of structures. What they fix stays: names, rcOk = 0, a Retcode of signed 32 and
a Handle of unsigned 32 bits, sizes of nk_message, nk_handle_desc_t, nk_ptr_t and nk_arena.

Each change must hit exactly as often as it says, so a header that has changed is noticed here.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
REFERENCE_INCLUDE = REPOSITORY / "reference-impl" / "include"

# Header: (pattern, replacement, number of hits).
CHANGES: dict[str, tuple[tuple[str, str, int], ...]] = {
    "rtl/retcode.h": (
        # Positive errors, the code in the upper half.
        (r"\(\(Retcode\)\(-2147483647 - 1 \+ \(\(\(space\)\*0x1000000\) \| "
         r"\(\(facility\)\*0x10000\) \| \(code\)\)\)\)",
         r"((Retcode)(0x20000000 | ((code)*0x10000) | ((facility)*0x100) | (space)))", 1),
        (r"\(\(rc\)&0xffff\)", r"(((rc) >> 16) & 0x1fff)", 1),
    ),
    "handle/handletype.h": (
        (r"INVALID_HANDLE \(\(Handle\)0xffffffffu\)", "INVALID_HANDLE ((Handle)0u)", 1),
        (r"HANDLE_TYPE_USER_FIRST 0x8000u", "HANDLE_TYPE_USER_FIRST 0x100u", 1),
        (r"HANDLE_TYPE_USER_LAST 0xffffu", "HANDLE_TYPE_USER_LAST 0x1ffu", 1),
    ),
    "coresrv/time/time_api.h": (
        (r"\(\(rtl_uint32_t\)0xffffffffu\)", "((rtl_uint32_t)0xfffffff0u)", 1),
    ),
    "services/ocap.h": (
        (r"OCAP_HANDLE_TRANSFER 0x00000001u", "OCAP_HANDLE_TRANSFER 0x00001000u", 1),
        (r"OCAP_HANDLE_COPY 0x00000002u", "OCAP_HANDLE_COPY 0x00002000u", 1),
        (r"OCAP_HANDLE_SPEC\(bits\) \(\(rtl_uint32_t\)\(bits\) << 16\)",
         "OCAP_HANDLE_SPEC(bits) ((rtl_uint32_t)(bits) << 5)", 1),
    ),
    "task/pidtype.h": ((r"typedef rtl_uint32_t TaskId;", "typedef rtl_uint64_t TaskId;", 1),),
    "thread/tidtype.h": ((r"typedef rtl_uint32_t Tid;", "typedef rtl_uint64_t Tid;", 1),),
    "ipc/if_rend.h": (
        (r"    void \*buf;\n    rtl_uint32_t size;\n",
         "    rtl_uint64_t size;\n    rtl_uint64_t access;\n    void *buf;\n", 1),
        (r"MAX_INDIR_DESCS 2", "MAX_INDIR_DESCS 3", 1),
        (r"(typedef struct SSMsgHdr \{\n)((?:.*\n)*?)(    rtl_uint32_t immSize;.*\n    union \{\n"
         r"(?:.*\n)*?    \};\n)(\} SMsgHdr;)",
         r"\1    rtl_uint64_t version;\n\3    rtl_uint64_t reserved[2];\n\2\4", 1),
    ),
    "nk/arena.h": (
        # The initializer depends on the order.
        (r"    nk_uint8_t \*start;\n    nk_uint8_t \*current;(.*)\n    nk_uint8_t \*end;\n",
         r"    nk_uint8_t *end;\n    nk_uint8_t *current;\1\n    nk_uint8_t *start;\n", 1),
        (r"\(nk_uint8_t \*\)\(start_\), \(nk_uint8_t \*\)\(start_\), \(nk_uint8_t \*\)\(end_\)",
         "(nk_uint8_t *)(end_), (nk_uint8_t *)(start_), (nk_uint8_t *)(start_)", 1),
    ),
    "nk/types.h": (
        (r"#define NK_(ENOENT|EBADMSG|EPERM|EINVAL|ENOMEM) (\d)", r"#define NK_\1 (-10 - \2)", 5),
        (r"NK_RIGHTS_HELD \(\(nk_rights_t\)0xffffffffu\)",
         "NK_RIGHTS_HELD ((nk_rights_t)0x7fffffffu)", 1),
        (r"    nk_handle_t handle;\n    nk_rights_t rights;\n    nk_uint64_t badge;(.*)\n",
         r"    nk_uint64_t badge;\1\n    nk_rights_t rights;\n    nk_handle_t handle;\n", 1),
        (r"    nk_uint32_t offset;\n    nk_uint32_t size;\n",
         "    nk_uint32_t size;\n    nk_uint32_t offset;\n", 1),
        (r"    nk_iid_t iid;\n    nk_mid_t mid;\n    nk_uint16_t ncaps;(.*)\n"
         r"    nk_uint16_t reserved0;\n(    struct \{\n(?:.*\n)*?    \} ex;\n)    nk_uint64_t reserved1;\n",
         r"    nk_uint64_t reserved1;\n\2    nk_uint16_t reserved0;\n    nk_uint16_t ncaps;\1\n"
         r"    nk_mid_t mid;\n    nk_iid_t iid;\n", 1),
    ),
}  # fmt: skip


def change(header: str, text: str) -> str:
    for pattern, replacement, wanted in CHANGES[header]:
        text, hits = re.subn(pattern, replacement, text)
        if hits != wanted:
            raise SystemExit(f"other_sdk: {header}: {pattern!r} hits {hits} times, not {wanted}")
    return text


def write(include: Path) -> None:
    """Write the changed headers to `include`, which is made anew."""
    shutil.rmtree(include, ignore_errors=True)
    shutil.copytree(REFERENCE_INCLUDE, include)
    for header in CHANGES:
        path = include / header
        path.write_text(change(header, path.read_text(encoding="utf-8")), encoding="utf-8")
