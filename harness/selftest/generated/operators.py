# SPDX-License-Identifier: Apache-2.0
"""Small changes to a C file that make it wrong, found in the syntax tree by libclang.

An operator looks at one node of the tree and says which texts to put in the place of which bytes.
Classical operators change what is computed; concurrency operators change who is woken, when, and
what is protected meanwhile. Code that comes from a macro is left alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from clang import cindex
from clang.cindex import CursorKind as Kind

import toolchain

CLASSICAL = "classical"
CONCURRENCY = "concurrency"

# Calls that are made for other threads: without them somebody is not woken, stays on a list, is
# found on no list, or runs unprotected.
SYNCHRONISES = frozenset(
    {"ref_domain_enter", "ref_domain_leave", "ref_wakes_release", "ref_list_append",
     "ref_list_remove", "ref_sync_attach_locked", "ref_sync_detach_locked",
     "ref_waiter_begin_locked", "ref_waiter_finish_locked", "ref_wait_end_locked",
     "ref_request_end_locked", "ref_request_abandon_locked", "ref_request_take_locked",
     "ref_request_queue_locked", "unlink_request_locked", "end_receivers_locked",
     "end_channel_requests_locked", "lose_client_locked", "ref_end_handle_closed_locked",
     "ref_process_hold_locked", "ref_process_release_locked", "syscall", "sched_yield",
     "atomic_store_explicit", "atomic_exchange_explicit", "atomic_load_explicit",
     "atomic_compare_exchange_strong_explicit", "abort_threads_locked",
     "drop_taken_requests_locked", "ref_end_taker_gone_locked", "ref_waiter_sleep"}
)  # fmt: skip
# Fields by which threads tell each other how things stand.
SHARED_FIELDS = frozenset({"stage", "outcome", "park", "is_set", "wake_next", "first", "last"})

RELATIONS: Mapping[str, tuple[str, ...]] = {
    "==": ("!=",),
    "!=": ("==",),
    "<": ("<=", ">="),
    "<=": ("<", ">"),
    ">": (">=", "<="),
    ">=": (">", "<"),
}
ARITHMETIC: Mapping[str, str] = {
    "+": "-", "-": "+", "*": "/", "/": "*", "%": "/", "|": "&", "&": "|", "<<": ">>", ">>": "<<",
}  # fmt: skip


@dataclass(frozen=True)
class Edit:
    """Bytes [start, end) of the file become `text`."""

    start: int
    end: int
    text: str


@dataclass(frozen=True)
class Site:
    """One change that an operator proposes; several edits when they only make sense together."""

    operator: str
    kind: str
    function: str
    line: int
    edits: tuple[Edit, ...]


@dataclass
class Source:
    """A parsed file."""

    path: Path
    text: str
    unit: Any
    functions: list[Any] = field(default_factory=list)

    @property
    def data(self) -> bytes:
        return self.text.encode()

    def of(self, node: Any) -> str:
        return self.data[node.extent.start.offset : node.extent.end.offset].decode()


def parse(path: Path, flags: Sequence[str]) -> Source:
    """Parse a C file; BuildError when clang finds errors."""
    unit = cindex.Index.create().parse(str(path), args=list(flags))
    errors = [str(item) for item in unit.diagnostics if item.severity >= cindex.Diagnostic.Error]
    if errors:
        raise toolchain.BuildError(f"{path.name}: {errors[0]}")
    source = Source(path, path.read_text(encoding="utf-8"), unit)
    source.functions = [
        node
        for node in unit.cursor.get_children()
        if node.kind == Kind.FUNCTION_DECL
        and node.is_definition()
        and node.location.file is not None
        and node.location.file.name == str(path)
    ]
    return source


# --- Looking at nodes ---


def _is_plain(source: Source, node: Any) -> bool:
    """Is the node written out here, not the result of a macro?"""
    start, end = node.extent.start, node.extent.end
    if start.file is None or start.file.name != str(source.path) or start.offset >= end.offset:
        return False
    tokens = list(node.get_tokens())
    return bool(tokens) and tokens[0].extent.start.offset == start.offset


def _operator_token(node: Any) -> tuple[str, int, int] | None:
    """Spelling and place of the operator between the two operands of a binary node."""
    operands = list(node.get_children())
    if len(operands) != 2:
        return None
    after, before = operands[0].extent.end.offset, operands[1].extent.start.offset
    for token in node.get_tokens():
        start = token.extent.start.offset
        if after <= start < before and token.spelling not in ("(", ")"):
            return token.spelling, start, token.extent.end.offset
    return None


def _unwrap(node: Any) -> Any:
    while node.kind in (Kind.UNEXPOSED_EXPR, Kind.PAREN_EXPR, Kind.CSTYLE_CAST_EXPR):
        inner = [child for child in node.get_children() if child.kind != Kind.TYPE_REF]
        if len(inner) != 1:
            return node
        node = inner[0]
    return node


def _callee(node: Any) -> str:
    """Name of the function that the statement calls; the empty text when it is no call."""
    node = _unwrap(node)
    return str(node.spelling) if node.kind == Kind.CALL_EXPR else ""


def _assigned_field(source: Source, node: Any) -> str:
    if node.kind != Kind.BINARY_OPERATOR:
        return ""
    children = list(node.get_children())
    token = _operator_token(node)
    if token is None or token[0] != "=" or not children:
        return ""
    left = _unwrap(children[0])
    return str(left.spelling) if left.kind == Kind.MEMBER_REF_EXPR else ""


def _statement_kind(source: Source, node: Any) -> str:
    names = {_callee(node)} | {str(inner.spelling) for inner in node.walk_preorder()
                               if inner.kind == Kind.CALL_EXPR}  # fmt: skip
    text = source.of(node)
    if names & SYNCHRONISES or "atomic_" in text or "SYS_futex" in text:
        return CONCURRENCY
    return CONCURRENCY if _assigned_field(source, node) in SHARED_FIELDS else CLASSICAL


EXPRESSIONS = (
    Kind.CALL_EXPR, Kind.BINARY_OPERATOR, Kind.COMPOUND_ASSIGNMENT_OPERATOR, Kind.UNARY_OPERATOR,
)  # fmt: skip


def _is_expression_statement(source: Source, node: Any) -> bool:
    if node.kind == Kind.CSTYLE_CAST_EXPR:
        node = _unwrap(node)
        return node.kind == Kind.CALL_EXPR
    return node.kind in EXPRESSIONS or (
        node.kind == Kind.UNEXPOSED_EXPR and _unwrap(node).kind in EXPRESSIONS
    )


def _statement_end(source: Source, node: Any) -> int | None:
    """The byte after the semicolon of an expression statement."""
    data = source.data
    at: int = node.extent.end.offset
    while at < len(data) and data[at : at + 1].isspace():
        at += 1
    return at + 1 if data[at : at + 1] == b";" else None


def _condition(node: Any) -> Any | None:
    children = list(node.get_children())
    if node.kind in (Kind.IF_STMT, Kind.WHILE_STMT, Kind.CONDITIONAL_OPERATOR) and children:
        return children[0]
    if node.kind == Kind.DO_STMT and len(children) == 2:
        return children[1]
    return None


Finder = Callable[[Source, Any, str], Iterator[Site]]


def _site(operator: str, kind: str, function: str, node: Any, *edits: Edit) -> Site:
    return Site(operator, kind, function, node.extent.start.line, edits)


def _replace(node: Any, text: str) -> Edit:
    return Edit(node.extent.start.offset, node.extent.end.offset, text)


# --- Classical operators ---


def relations(source: Source, node: Any, function: str) -> Iterator[Site]:
    """a < b: the neighbouring and the opposite relation."""
    if node.kind != Kind.BINARY_OPERATOR:
        return
    token = _operator_token(node)
    for other in RELATIONS.get(token[0], ()) if token else ():
        assert token is not None
        yield _site("relation", CLASSICAL, function, node, Edit(token[1], token[2], other))


def arithmetic(source: Source, node: Any, function: str) -> Iterator[Site]:
    """a + b becomes a - b, a | b becomes a & b, a += b becomes a -= b, a++ becomes a--."""
    if node.kind == Kind.BINARY_OPERATOR:
        token = _operator_token(node)
        if token is not None and token[0] in ARITHMETIC:
            other = ARITHMETIC[token[0]]
            yield _site("arithmetic", CLASSICAL, function, node, Edit(token[1], token[2], other))
    elif node.kind == Kind.COMPOUND_ASSIGNMENT_OPERATOR:
        token = _operator_token(node)
        if token is not None and token[0][:-1] in ARITHMETIC:
            other = ARITHMETIC[token[0][:-1]] + "="
            yield _site("arithmetic", CLASSICAL, function, node, Edit(token[1], token[2], other))
    elif node.kind == Kind.UNARY_OPERATOR:
        for word in node.get_tokens():
            if word.spelling in ("++", "--"):
                start, end = word.extent.start.offset, word.extent.end.offset
                other = "--" if word.spelling == "++" else "++"
                yield _site("arithmetic", CLASSICAL, function, node, Edit(start, end, other))
                break


def connectors(source: Source, node: Any, function: str) -> Iterator[Site]:
    """a && b becomes a || b, a, b; the same for a || b."""
    if node.kind != Kind.BINARY_OPERATOR:
        return
    token = _operator_token(node)
    if token is None or token[0] not in ("&&", "||"):
        return
    left, right = node.get_children()
    other = "||" if token[0] == "&&" else "&&"
    joined = f"(({source.of(left)}) {other} ({source.of(right)}))"
    yield _site("connector", CLASSICAL, function, node, _replace(node, joined))
    for operand in (left, right):
        text = f"({source.of(operand)})"
        yield _site("operand-dropped", CLASSICAL, function, node, _replace(node, text))


def conditions(source: Source, node: Any, function: str) -> Iterator[Site]:
    """if (c): !c, true, false. while (c): false."""
    condition = _condition(node)
    if condition is None or not _is_plain(source, condition):
        return
    text = source.of(condition)
    if node.kind in (Kind.WHILE_STMT, Kind.DO_STMT):
        yield _site("condition", CLASSICAL, function, node, _replace(condition, "0"))
        return
    for other in (f"!({text})", "1", "0"):
        yield _site("condition", CLASSICAL, function, node, _replace(condition, other))


def returned_conditions(source: Source, node: Any, function: str) -> Iterator[Site]:
    """return EXPRESSION of type bool: its opposite."""
    if node.kind != Kind.RETURN_STMT:
        return
    values = list(node.get_children())
    if len(values) != 1 or not _is_plain(source, values[0]):
        return
    text = source.of(values[0])
    if values[0].type.spelling in ("_Bool", "bool") and text not in ("true", "false"):
        yield _site("condition", CLASSICAL, function, node, _replace(values[0], f"!({text})"))


def negations(source: Source, node: Any, function: str) -> Iterator[Site]:
    """!a becomes a."""
    if node.kind != Kind.UNARY_OPERATOR or not source.of(node).startswith("!"):
        return
    start = node.extent.start.offset
    yield _site("negation-dropped", CLASSICAL, function, node, Edit(start, start + 1, ""))


def constants(source: Source, node: Any, function: str) -> Iterator[Site]:
    """A number: one more, one less."""
    if node.kind != Kind.INTEGER_LITERAL:
        return
    text = source.of(node)
    number = text.rstrip("uUlL")
    try:
        value = int(number, 0)
    except ValueError:
        return
    for other in (value + 1, value - 1):
        if other >= 0:
            changed = f"{other}{text[len(number):]}"
            yield _site("constant", CLASSICAL, function, node, _replace(node, changed))


def truths(source: Source, node: Any, function: str) -> Iterator[Site]:
    """true and false, which are macros, wherever they are written as one token."""
    if node.kind != Kind.COMPOUND_STMT or node.semantic_parent is None:
        return
    for token in node.get_tokens():
        if token.spelling in ("true", "false"):
            other = "false" if token.spelling == "true" else "true"
            start, end = token.extent.start.offset, token.extent.end.offset
            yield Site(
                "constant", CLASSICAL, function, token.extent.start.line,
                (Edit(start, end, other),),
            )  # fmt: skip


# What an outcome is confused with: the neighbours in meaning.
OTHER_OUTCOMES: Mapping[str, tuple[str, ...]] = {
    "REF_OK": ("REF_INTERRUPTED", "REF_TIMED_OUT"),
    "REF_INTERRUPTED": ("REF_OK", "REF_TIMED_OUT"),
    "REF_TIMED_OUT": ("REF_OK", "REF_INTERRUPTED"),
    "REF_NOT_CONNECTED": ("REF_OK", "REF_INTERRUPTED"),
    "REF_PENDING": ("REF_OK",),
}
OTHER_STAGES: Mapping[str, tuple[str, ...]] = {
    "REF_STAGE_CALL_QUEUED": ("REF_STAGE_CALL_TAKEN",),
    "REF_STAGE_CALL_TAKEN": ("REF_STAGE_CALL_QUEUED",),
    "REF_STAGE_RECV_WAITING": ("REF_STAGE_CALL_QUEUED",),
    "REF_STAGE_RUNNING": ("REF_STAGE_CALL_QUEUED",),
}
OTHER_KINDS: Mapping[str, tuple[str, ...]] = {
    "REF_KIND_SYNC": ("REF_KIND_USER", "REF_KIND_ANY"),
    "REF_KIND_CLIENT": ("REF_KIND_SERVER", "REF_KIND_ANY"),
    "REF_KIND_SERVER": ("REF_KIND_LISTENER", "REF_KIND_ANY"),
    "REF_KIND_LISTENER": ("REF_KIND_SERVER", "REF_KIND_ANY"),
}


def named_values(source: Source, node: Any, function: str) -> Iterator[Site]:
    """An enumerator: another of the same family. An outcome becomes REF_OK or what is near it."""
    if node.kind != Kind.DECL_REF_EXPR or node.referenced is None:
        return
    if node.referenced.kind != Kind.ENUM_CONSTANT_DECL:
        return
    name = str(node.spelling)
    if source.of(node) != name:
        return
    others: tuple[str, ...] = ()
    if name in OTHER_STAGES:
        others = OTHER_STAGES[name]
    elif name.startswith("REF_KIND_"):
        others = OTHER_KINDS.get(name, ())
    elif name in OTHER_OUTCOMES:
        others = OTHER_OUTCOMES[name]
    elif name.startswith("REF_"):
        others = ("REF_OK", "REF_INTERRUPTED")
    elif name.startswith("rc"):
        others = tuple(code for code in ("rcOk", "rcIpcInterrupt", "rcTimeout") if code != name)
    for other in others:
        yield _site("value", CLASSICAL, function, node, _replace(node, other))


# --- Statements ---


def _in_place(source: Source, node: Any) -> bool:
    return _is_plain(source, node) and _statement_end(source, node) is not None


def removed(source: Source, node: Any, function: str) -> Iterator[Site]:
    """A call, an assignment, a break or a return without a value is not there."""
    if node.kind != Kind.COMPOUND_STMT:
        return
    for child in node.get_children():
        is_jump = child.kind in (Kind.BREAK_STMT, Kind.CONTINUE_STMT) or (
            child.kind == Kind.RETURN_STMT and not list(child.get_children())
        )
        if not (is_jump or _is_expression_statement(source, child)):
            continue
        end = _statement_end(source, child)
        if end is None or source.of(child).startswith("(void)") and _callee(child) == "":
            continue
        if source.of(child).startswith("assert"):
            continue
        kind = _statement_kind(source, child)
        edit = Edit(child.extent.start.offset, end, ";")
        yield _site("removed", kind, function, child, edit)


def _stored(source: Source, node: Any) -> str | None:
    """What the statement writes, when it does nothing else; the node's text for a list call."""
    calls = [item for item in node.walk_preorder() if item.kind == Kind.CALL_EXPR]
    if node.kind == Kind.BINARY_OPERATOR and not calls:
        token = _operator_token(node)
        if token is not None and token[0] == "=":
            return source.of(next(iter(node.get_children())))
    return None


def _are_independent(source: Source, first: Any, second: Any) -> bool:
    """Does neither statement read or write what the other writes? Both stand under the lock, so
    that nobody sees one without the other."""
    texts = [source.of(first), source.of(second)]
    for at, node in enumerate((first, second)):
        stored = _stored(source, node)
        if stored is None:
            if _callee(node) not in ("ref_list_append", "ref_list_remove"):
                return False
        elif stored in texts[1 - at]:
            return False
    return any(_stored(source, node) is not None for node in (first, second))


def swapped(source: Source, node: Any, function: str) -> Iterator[Site]:
    """Two neighbouring statements come in the other order."""
    if node.kind != Kind.COMPOUND_STMT:
        return
    children = list(node.get_children())
    for first, second in zip(children, children[1:]):
        pair = (first, second)
        if not all(_is_expression_statement(source, item) for item in pair):
            continue
        ends = [_statement_end(source, item) for item in pair]
        if None in ends or any(source.of(item).startswith("assert") for item in pair):
            continue
        if function.endswith("_locked") and _are_independent(source, *pair):
            continue
        kinds = {_statement_kind(source, item) for item in pair}
        kind = CONCURRENCY if CONCURRENCY in kinds else CLASSICAL
        texts = [
            source.data[item.extent.start.offset : end].decode() for item, end in zip(pair, ends)
        ]
        edits = tuple(
            Edit(item.extent.start.offset, int(end or 0), text)
            for item, end, text in zip(pair, ends, reversed(texts))
        )
        yield Site("swapped", kind, function, first.extent.start.line, edits)


# --- Concurrency operators ---


def unprotected(source: Source, node: Any, function: str) -> Iterator[Site]:
    """A whole critical section without its lock."""
    if node.kind != Kind.COMPOUND_STMT:
        return
    wanted = ("ref_domain_enter", "ref_domain_leave")
    calls = [child for child in node.get_children() if _callee(child) in wanted]
    if {_callee(call) for call in calls} != set(wanted):
        return
    edits = tuple(
        Edit(call.extent.start.offset, _statement_end(source, call) or 0, ";") for call in calls
    )
    yield Site("section-unlocked", CONCURRENCY, function, calls[0].extent.start.line, edits)


def once(source: Source, node: Any, function: str) -> Iterator[Site]:
    """while becomes if: one instead of all, looked at once instead of again."""
    if node.kind != Kind.WHILE_STMT:
        return
    start = node.extent.start.offset
    yield _site("while-to-if", CONCURRENCY, function, node, Edit(start, start + 5, "if"))


def list_ends(source: Source, node: Any, function: str) -> Iterator[Site]:
    """The other end of a list: put in front, or take the last."""
    if node.kind != Kind.CALL_EXPR:
        return
    arguments = list(node.get_arguments())
    if node.spelling == "ref_list_append" and len(arguments) == 2:
        front = f"(struct ref_list *)(void *)({source.of(arguments[0])})->head.next"
        yield _site("list-end", CONCURRENCY, function, node, _replace(arguments[0], front))
    if node.spelling == "ref_list_first" and len(arguments) == 1:
        of = source.of(arguments[0])
        last = f"(ref_list_is_empty({of}) ? NULL : ({of})->head.prev)"
        yield _site("list-end", CONCURRENCY, function, node, _replace(node, last))


def lost_wakes(source: Source, node: Any, function: str) -> Iterator[Site]:
    """The threads that an inner function claims are handed to nobody."""
    if node.kind != Kind.CALL_EXPR or node.spelling == "ref_wakes_release":
        return
    for argument in node.get_arguments():
        text = source.of(argument)
        if text in ("wakes", "&wakes"):
            lost = "&(struct ref_wakes)REF_WAKES_NONE"
            yield _site("wake-lost", CONCURRENCY, function, node, _replace(argument, lost))


def lost_deadlines(source: Source, node: Any, function: str) -> Iterator[Site]:
    """A deadline is forgotten, or has come already."""
    is_call = node.kind == Kind.CALL_EXPR and node.spelling in (
        "deadline_ns_locked", "ref_decide_deadline_ns", "ref_clock_kernel_deadline_ns_locked",
    )  # fmt: skip
    is_field = node.kind == Kind.MEMBER_REF_EXPR and node.spelling == "kernel_deadline_ns"
    text = source.of(node)
    if is_call or is_field and not text.endswith("= "):
        for other in ("REF_FOREVER", "1"):
            yield _site("deadline", CONCURRENCY, function, node, _replace(node, other))


def weaker_orders(source: Source, node: Any, function: str) -> Iterator[Site]:
    """memory_order_acquire and memory_order_release become memory_order_relaxed."""
    if node.kind != Kind.DECL_REF_EXPR:
        return
    if source.of(node) in ("memory_order_acquire", "memory_order_release"):
        yield _site(
            "memory-order", CONCURRENCY, function, node, _replace(node, "memory_order_relaxed")
        )


FINDERS: tuple[Finder, ...] = (
    relations, arithmetic, connectors, conditions, returned_conditions, negations, constants,
    named_values, removed, swapped, unprotected, once, list_ends, lost_wakes, lost_deadlines,
    weaker_orders,
)  # fmt: skip


def _walk(node: Any) -> Iterator[Any]:
    """The nodes below; not into assertions, which are not compiled in."""
    for child in node.get_children():
        yield child
        yield from _walk(child)


def sites(source: Source) -> Iterator[Site]:
    """All changes of a file, in the order of the tree."""
    seen: set[tuple[Edit, ...]] = set()
    for definition in source.functions:
        name = str(definition.spelling)
        body = next(
            (child for child in definition.get_children() if child.kind == Kind.COMPOUND_STMT), None
        )
        found: list[Site] = list(truths(source, body, name)) if body is not None else []
        for node in _walk(definition):
            if not _is_plain(source, node):
                continue
            for finder in FINDERS:
                found.extend(finder(source, node, name))
        for site in found:
            if site.edits not in seen:
                seen.add(site.edits)
                yield site


def apply(text: str, edits: Sequence[Edit]) -> str:
    """The text with the edits made; they do not overlap."""
    data = text.encode()
    for edit in sorted(edits, key=lambda item: item.start, reverse=True):
        data = data[: edit.start] + edit.text.encode() + data[edit.end :]
    return data.decode()
