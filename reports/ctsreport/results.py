# SPDX-License-Identifier: Apache-2.0
"""From events to one result per planned case, and to a list of what the log lacks.

All documents start from here, so that they agree: which case has which verdict, which repetition
speaks for it, and whether the log is the whole run.
"""

from __future__ import annotations

import gc
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Union

from ctsreport import events

if TYPE_CHECKING:
    from ctsreport.evidence.waivers import Standing

# The worst first. A case that was run several times has the worst of its verdicts.
NO_VERDICT = ""
SEVERITY = (
    "CRASH",
    "TIMEOUT",
    "EARLY_EXIT",
    "FAIL",
    "LEAK",
    "BROKEN",
    NO_VERDICT,
    "INCONCLUSIVE",
    "SKIP",
    "OBSERVED",
    "PASS",
)
# A requirement has the first of these that any of its cases has. Unlike above, a case that ran
# outweighs one that was skipped.
ROLLUP = (
    "CRASH",
    "TIMEOUT",
    "EARLY_EXIT",
    "FAIL",
    "LEAK",
    "BROKEN",
    NO_VERDICT,
    "INCONCLUSIVE",
    "PASS",
    "OBSERVED",
    "SKIP",
)
NAMED_MAX = 8
ROUTE_CALLS_MAX = 40


@dataclass(frozen=True)
class Repetition:
    """One execution of a case, as far as the log holds it."""

    rep: int
    end: events.CaseEnd | None
    checks: tuple[events.Check, ...]
    observed: tuple[events.Observe, ...]
    stages: tuple[events.Stage, ...]
    history: tuple[events.Event, ...] = ()  # all its events, where `collect` was asked to keep them
    coverage: tuple[events.Coverage, ...] = ()  # one for each source file that was reached
    route: tuple[str, ...] = ()  # layout, number of busy actors, calls in the order of their start

    @property
    def verdict(self) -> str:
        return NO_VERDICT if self.end is None else self.end.verdict


@dataclass(frozen=True)
class CaseResult:
    """What became of a planned case."""

    case: str
    start: events.CaseStart | None
    verdict: str  # the worst; NO_VERDICT when a repetition is missing and no other is worse
    shown: Repetition | None  # the first repetition with that verdict, if the log holds one
    outcomes: tuple[tuple[str, int], ...]  # (verdict, how often), the worst first
    repetitions: tuple[Repetition, ...] = ()  # those that the log holds, by number
    waiver: str | None = None  # id of the waiver that accepts this failure; the verdict stays

    @property
    def suspect(self) -> str | None:
        """Why the case was not reviewed against the present text of its requirement."""
        return None if self.start is None else self.start.suspect

    @property
    def left_something_only(self) -> bool:
        """Did its claims hold, and only something was left when it had ended? Such a LEAK says nothing
        of the requirement; where growth is the claim itself, the claim has a place."""
        end = None if self.shown is None else self.shown.end
        return self.verdict == "LEAK" and end is not None and end.at is None

    @property
    def is_flaky(self) -> bool:
        """Did some repetitions fail, and others not?"""
        return len({is_failure(word) for word, _ in self.outcomes}) > 1

    @property
    def requirement(self) -> str:
        if self.start is not None and self.start.requirement:
            return self.start.requirement
        return self.case.rpartition(".")[0]


@dataclass(frozen=True)
class Transition:
    """A step or open outcome of the model, and how often the run showed it."""

    name: str
    requirement: str
    open: bool
    count: int


@dataclass(frozen=True)
class Run:
    start: events.RunStart | None
    end: events.RunEnd | None
    cases: tuple[CaseResult, ...]  # in the order of the plan
    problems: tuple[str, ...]  # what is missing or wrong in the log, one line each
    requirements: tuple[events.Requirement, ...] = ()  # in catalogue order
    listed: tuple[events.ListedCase, ...] = ()  # all cases there are, in catalogue order
    transitions: tuple[Transition, ...] = ()  # all that the model has, in its order
    sources: tuple[events.Source, ...] = ()  # files of the library, where it was built with counters
    waivers: tuple[Standing, ...] = ()  # what became of each, where waivers were given

    @property
    def wrong_waivers(self) -> tuple[Standing, ...]:
        """Those that make the run red: expired, unmatched, or not needed."""
        return tuple(item for item in self.waivers if item.is_wrong)

    def case(self, identifier: str) -> CaseResult | None:
        return next((case for case in self.cases if case.case == identifier), None)

    def requirement(self, identifier: str) -> events.Requirement | None:
        return next((row for row in self.requirements if row.id == identifier), None)


def no_case(_: str) -> bool:
    return False


def every_case(_: str) -> bool:
    return True


_CaseEvent = Union[
    events.CaseStart,
    events.CaseEnd,
    events.Coverage,
    events.Check,
    events.Observe,
    events.Stage,
    events.Complete,
    events.Step,
]


def coverage(step: events.Step) -> dict[str, int]:
    """What a `model` event counted, by the name of the step or open outcome."""
    counted = step.members.get("coverage")
    if not isinstance(counted, Mapping):
        return {}
    return {
        events.clean(str(name)): count
        for name, count in counted.items()
        if isinstance(count, int) and not isinstance(count, bool) and count > 0
    }


def rank(verdict: str) -> int:
    """Small is bad. A word that is not known is as bad as can be."""
    return SEVERITY.index(verdict) if verdict in SEVERITY else -1


def is_failure(verdict: str) -> bool:
    """Does it make the run red? A word that is not known does."""
    return rank(verdict) < rank(NO_VERDICT)


def requirement_verdict(cases: Iterable[CaseResult]) -> str | None:
    """The verdict of a requirement from those of its planned cases; None without a case."""
    found = {case.verdict for case in cases}
    unknown = sorted(found - set(ROLLUP))
    return next((word for word in (*unknown, *ROLLUP) if word in found), None)


@dataclass
class _Execution:
    end: events.CaseEnd | None = None
    checks: list[events.Check] = field(default_factory=list)
    observed: list[events.Observe] = field(default_factory=list)
    stages: list[events.Stage] = field(default_factory=list)
    coverage: list[events.Coverage] = field(default_factory=list)
    history: list[events.Event] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)
    callers: set[str] = field(default_factory=set)
    layout: str = ""

    def add_call(self, step: events.Step) -> None:
        self.callers.add(str(step.members.get("actor")))
        name = str(step.members.get("call"))
        if len(self.calls) < ROUTE_CALLS_MAX and self.calls[-1:] != [name]:
            self.calls.append(name)

    def frozen(self, rep: int) -> Repetition:
        return Repetition(
            rep,
            self.end,
            tuple(self.checks),
            tuple(self.observed),
            tuple(self.stages),
            tuple(self.history),
            tuple(self.coverage),
            (self.layout, str(len(self.callers)), *self.calls),
        )


@dataclass
class _Log:
    start: events.RunStart | None = None
    end: events.RunEnd | None = None
    titles: dict[str, events.CaseStart] = field(default_factory=dict)
    started: set[tuple[str, int]] = field(default_factory=set)
    executions: dict[str, dict[int, _Execution]] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    requirements: dict[str, events.Requirement] = field(default_factory=dict)
    listed: dict[str, events.ListedCase] = field(default_factory=dict)
    transitions: dict[str, events.Transition] = field(default_factory=dict)
    sources: dict[str, events.Source] = field(default_factory=dict)
    covered: Counter[str] = field(default_factory=Counter)
    keeps_history: Callable[[str], bool] = no_case

    def execution(self, case: str, rep: int) -> _Execution:
        repetitions = self.executions.setdefault(case, {})
        found = repetitions.get(rep)
        if found is None:
            found = repetitions[rep] = _Execution()
        return found

    def add(self, event: events.Event) -> None:
        if isinstance(event, (events.Step, events.Check)):
            self._add_to_case(event)
        elif isinstance(event, events.Damage):
            self.problems.append(f"line {event.line}: {event.text}")
        elif isinstance(event, events.RunStart):
            if self.start is not None:
                self.problems.append("more than one run_start; the first one counts")
            else:
                self.start = event
        elif isinstance(event, events.RunEnd):
            if self.end is not None:
                self.problems.append("more than one run_end; the last one counts")
            self.end = event
        elif isinstance(
            event, (events.Requirement, events.ListedCase, events.Transition, events.Source)
        ):
            self._add_catalogue(event)
        else:
            self._add_to_case(event)

    def _add_catalogue(
        self, event: events.Requirement | events.ListedCase | events.Transition | events.Source
    ) -> None:
        if isinstance(event, events.Source):
            self.sources.setdefault(event.file, event)
        elif isinstance(event, events.Transition):
            self.transitions.setdefault(event.name, event)
        elif isinstance(event, events.Requirement):
            self.requirements.setdefault(event.id, event)
        else:
            self.listed.setdefault(event.id, event)

    def _add_to_case(self, event: _CaseEvent) -> None:
        execution = self.execution(event.case, event.rep)
        if isinstance(event, events.Coverage):
            execution.coverage.append(event)
            return
        if self.keeps_history(event.case):
            execution.history.append(event)
        if isinstance(event, events.Step):
            if event.kind == "invoke":
                execution.add_call(event)
            elif event.kind == "model":
                self.covered.update(coverage(event))
        elif isinstance(event, events.Check):
            execution.checks.append(event)
        elif isinstance(event, events.CaseStart):
            if (event.case, event.rep) in self.started:
                self.problems.append(f"{event.case}: repetition {event.rep} started twice")
            self.started.add((event.case, event.rep))
            self.titles.setdefault(event.case, event)
            execution.layout = event.layout
        elif isinstance(event, events.CaseEnd):
            self._add_end(event)
        elif isinstance(event, events.Observe):
            execution.observed.append(event)
        elif isinstance(event, events.Stage):
            execution.stages.append(event)

    def _add_end(self, event: events.CaseEnd) -> None:
        if (event.case, event.rep) not in self.started:
            self.problems.append(f"{event.case}: repetition {event.rep} ended without a start")
        if event.verdict not in events.VERDICTS:
            self.problems.append(f"{event.case}: verdict {event.verdict} is not known")
        execution = self.execution(event.case, event.rep)
        if execution.end is not None:
            self.problems.append(
                f"{event.case}: repetition {event.rep} ended twice; the worse verdict counts"
            )
        if execution.end is None or rank(event.verdict) < rank(execution.end.verdict):
            execution.end = event


def _case_result(case: str, repeat: int, log: _Log) -> CaseResult:
    repetitions = [
        execution.frozen(rep) for rep, execution in sorted(log.executions.get(case, {}).items())
    ]
    outcomes = Counter(repetition.verdict for repetition in repetitions)
    missing = repeat - sum(1 for repetition in repetitions if 1 <= repetition.rep <= repeat)
    if missing > 0:
        outcomes[NO_VERDICT] += missing
    ordered = sorted(outcomes.items(), key=lambda item: (rank(item[0]), item[0]))
    verdict = ordered[0][0] if ordered else NO_VERDICT
    shown = next((r for r in repetitions if r.verdict == verdict), None)
    return CaseResult(
        case, log.titles.get(case), verdict, shown, tuple(ordered), tuple(repetitions)
    )


def _named(cases: list[str]) -> str:
    more = len(cases) - NAMED_MAX
    return ", ".join(cases[:NAMED_MAX]) + (f" and {more} more" if more > 0 else "")


def _asked_for(rep: int, start: events.RunStart) -> bool:
    return 1 <= rep <= max(1, start.repeat)


def _contradicts_itself(case: CaseResult) -> bool:
    failed = case.shown is not None and any(not check.ok for check in case.shown.checks)
    return failed and rank(case.verdict) > rank(NO_VERDICT)


def _missing(log: _Log, planned: list[str], cases: list[CaseResult]) -> list[str]:
    """What a whole log would hold and this one does not."""
    found: list[str] = []
    if log.start is None:
        found.append("no run_start: the plan is not known")
    else:
        if log.start.version != events.VERSION:
            found.append(f"log version {log.start.version} is not known")
        if len(planned) != len(log.start.planned):
            found.append("a case stands twice in the plan")
        strangers = sorted(set(log.executions) - set(planned))
        if strangers:
            found.append(f"not in the plan: {_named(strangers)}")
        start = log.start
        extra = [
            case
            for case in planned
            if not all(_asked_for(rep, start) for rep in log.executions.get(case, {}))
        ]
        if extra:
            found.append(f"repetitions that nobody asked for: {_named(extra)}")
    contradictions = [c.case for c in cases if _contradicts_itself(c)]
    if contradictions:
        found.append(f"no failure in spite of a failed check: {_named(contradictions)}")
    unended = [c.case for c in cases if NO_VERDICT in dict(c.outcomes)]
    if unended:
        found.append(f"{len(unended)} of {len(cases)} cases without verdict: {_named(unended)}")
    if log.end is None:
        found.append("no run_end: the end of the run is not recorded")
    elif not log.end.complete:
        found.append("run_end says that the run was not completed")
    return found


def _transitions(log: _Log) -> tuple[Transition, ...]:
    """All that the log lists; then what was counted without being listed, by name."""
    known = [
        Transition(row.name, row.requirement, row.open, log.covered[row.name])
        for row in log.transitions.values()
    ]
    if not log.transitions:
        return ()
    strangers = sorted(set(log.covered) - set(log.transitions))
    return (*known, *(Transition(name, "", False, log.covered[name]) for name in strangers))


@contextmanager
def _without_collector() -> Iterator[None]:
    """Python's search for cycles takes a third of the reading, and a log has none."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def collect(
    source: Iterable[events.Event], keeps_history: Callable[[str], bool] = no_case
) -> Run:
    """The results of a log. The events of a case are kept where `keeps_history` says so of its id:
    a long run has hundreds of thousands."""
    log = _Log(keeps_history=keeps_history)
    with _without_collector():
        for event in source:
            log.add(event)
    planned = list(dict.fromkeys(log.start.planned)) if log.start is not None else []
    repeat = max(1, log.start.repeat) if log.start is not None else 1
    cases = [_case_result(case, repeat, log) for case in planned]
    problems = log.problems + _missing(log, planned, cases)
    return Run(
        log.start,
        log.end,
        tuple(cases),
        tuple(problems),
        tuple(log.requirements.values()),
        tuple(log.listed.values()),
        _transitions(log),
        tuple(log.sources.values()),
    )
