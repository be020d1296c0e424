# SPDX-License-Identifier: Apache-2.0
"""JUnit XML as GitLab, GitHub actions and Jenkins read it (reports/schema/junit.xsd).

One `testsuite` per area, one `testcase` per planned case. GitLab shows `classname` as the suite and
keeps only the first of equal names, so a name is the case id and its title. The text of a failure
stands both in `message` and in the element: readers differ in which they show. Everything that a
library can have influenced is text in the characters of XML 1.0, shortened.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from lxml import etree  # type: ignore[import]

from ctsreport import results, tap
from ctsreport.text import short, visible

MESSAGE_MAX = 1000
LINE_MAX = 2**31 - 1
CONTENT_MAX = 8000
OUTPUT_MAX = 16000
RERUNS_MAX = 20
PROBLEMS_MAX = 20
NO_PLAN = "the event log holds no plan"


def _lines(content: str, limit: int) -> str:
    """Several lines, each of visible characters."""
    return "\n".join(visible(line) for line in short(content, limit).split("\n"))


def _seconds(milliseconds: float) -> str:
    return f"{milliseconds / 1000:.3f}" if 0 <= milliseconds < tap.NUMBER_MAX else "0.000"


def _duration_ms(case: results.CaseResult) -> float:
    """Of all repetitions together, as far as the log tells."""
    ends = [rep.end.duration_ms for rep in case.repetitions if rep.end is not None]
    return sum(ms for ms in ends if 0 <= ms < tap.NUMBER_MAX)


def area(case: results.CaseResult) -> str:
    return tap.plain(case.requirement.partition("-")[0]) or "none"


def outcome(verdict: str) -> str | None:
    """The child element of a verdict; None for a case that passed."""
    if verdict in ("SKIP", "INCONCLUSIVE"):
        return "skipped"
    if verdict in tap.OK_VERDICTS:
        return None
    return "failure" if tap.severity(verdict) == "fail" else "error"


def case_outcome(case: results.CaseResult) -> str | None:
    """As `outcome`; a failure that is waived does not count as one."""
    return outcome(case.verdict) if case.waiver is None else "skipped"


def _content(case: results.CaseResult, rep: results.Repetition | None) -> Iterator[str]:
    end = rep.end if rep is not None else None
    claim = case.start.claim if case.start is not None else ""
    yield f"requirement  {case.requirement}: {claim}"
    if end is None:
        yield "the log ends before the case does"
        return
    yield f"why          {end.reason or end.verdict}"
    if end.expected is not None:
        yield f"expected     {end.expected}"
    if end.observed is not None:
        yield f"seen         {end.observed}"
    for stage in rep.stages if rep is not None else ():
        yield f"thread       {stage.actor}: {stage.state}"
    if end.at is not None:
        yield f"at           {end.at.file}:{end.at.line}"
    if end.repro:
        yield f"rerun        {end.repro}"


def _text_of(case: results.CaseResult, rep: results.Repetition | None) -> str:
    lines = (visible(short(line, CONTENT_MAX)) for line in _content(case, rep))
    return short("\n".join(lines), CONTENT_MAX)


def _add_outcome(parent: etree._Element, case: results.CaseResult) -> None:
    name = case_outcome(case)
    if name is None:
        return
    element = etree.SubElement(parent, name)
    if case.waiver is not None:
        element.set("message", f"waived by {tap.plain(case.waiver)}")
    elif case.verdict == "INCONCLUSIVE":
        element.set("message", "inconclusive")
    else:
        element.set("message", visible(short(tap.message(case), MESSAGE_MAX)))
    if name != "skipped":
        element.set("type", tap.plain(case.verdict) or "NO_VERDICT")
    element.text = _text_of(case, case.shown)


def _add_reruns(parent: etree._Element, case: results.CaseResult) -> None:
    """The other repetitions that failed, as Surefire writes reruns."""
    failed = [
        rep
        for rep in case.repetitions
        if results.is_failure(rep.verdict) and rep is not case.shown and rep.end is not None
    ]
    for rep in failed[:RERUNS_MAX]:
        kind = outcome(rep.verdict) or "error"
        element = etree.SubElement(parent, f"rerun{kind.capitalize()}")
        reason = rep.end.reason if rep.end is not None else ""
        message = f"repetition {rep.rep}: {reason or rep.verdict}"
        element.set("message", visible(short(message, MESSAGE_MAX)))
        element.set("type", tap.plain(rep.verdict) or "NO_VERDICT")


def _add_properties(parent: etree._Element, pairs: Iterable[tuple[str, str]]) -> None:
    properties = etree.SubElement(parent, "properties")
    for name, value in pairs:
        item = etree.SubElement(properties, "property")
        item.set("name", name)
        item.set("value", visible(short(value, MESSAGE_MAX)))


def _case_properties(case: results.CaseResult, seed: str) -> Iterator[tuple[str, str]]:
    yield "requirement", case.requirement
    if case.start is not None:
        yield "level", case.start.strength
    yield "verdict", case.verdict or "NO_VERDICT"
    if case.waiver is not None:
        yield "waiver", case.waiver
    if seed:
        yield "seed", seed
    if len(case.repetitions) > 1:
        seen = (f"{word or 'NO_VERDICT'} {count}" for word, count in case.outcomes)
        yield "repetitions", ", ".join(seen)
    if case.suspect is not None:
        yield "suspect", case.suspect
    for observe in case.shown.observed if case.shown is not None else ():
        yield "observed", f"{observe.what} = {observe.seen}"


def _add_case(parent: etree._Element, case: results.CaseResult, profile: str, seed: str) -> None:
    element = etree.SubElement(parent, "testcase")
    element.set("classname", f"{tap.plain(profile) or 'none'}.{area(case)}")
    element.set("name", tap.description(case))
    end = case.shown.end if case.shown is not None else None
    if end is not None and end.at is not None:
        element.set("file", visible(short(end.at.file, MESSAGE_MAX)))
        if end.at.line <= LINE_MAX:  # more is damage, and no reader takes it
            element.set("line", str(end.at.line))
    elif case.start is not None and case.start.file:
        element.set("file", visible(short(case.start.file, MESSAGE_MAX)))
    element.set("time", _seconds(_duration_ms(case)))
    _add_properties(element, _case_properties(case, seed))
    _add_outcome(element, case)
    _add_reruns(element, case)
    if end is not None and end.output:
        etree.SubElement(element, "system-out").text = _lines(end.output, OUTPUT_MAX)


def _suite_properties(run: results.Run) -> Iterator[tuple[str, str]]:
    """Facts of a fixed list; never the environment."""
    start = run.start
    if start is not None:
        yield "suite", start.suite
        yield "profile", start.profile
        yield "sut", str(start.sut.get("path", ""))
        yield "sut_build_id", str(start.sut.get("build_id") or "none")
        if start.adapter is not None:
            yield "adapter", str(start.adapter.get("name", ""))
        yield "seed", start.seed
    for problem in run.problems[:PROBLEMS_MAX]:
        yield "log_problem", problem
    if len(run.problems) > PROBLEMS_MAX:
        yield "log_problem", f"{len(run.problems) - PROBLEMS_MAX} more findings"


def _set_counts(
    element: etree._Element, cases: list[results.CaseResult], timestamp: str
) -> None:
    counts = Counter(case_outcome(case) for case in cases)
    element.set("tests", str(len(cases)))
    element.set("failures", str(counts["failure"]))
    element.set("errors", str(counts["error"]))
    element.set("skipped", str(counts["skipped"]))
    element.set("time", _seconds(sum(_duration_ms(case) for case in cases)))
    if timestamp:
        element.set("timestamp", timestamp)


def _timestamp(run: results.Run) -> str:
    """Without zone, as JUnit has it; the log's is UTC."""
    stamp = run.start.time_utc if run.start is not None else ""
    date, _, time = stamp.removesuffix("Z").partition("T")
    digits = (date + time).replace("-", "").replace(":", "")
    return f"{date}T{time}" if digits.isdecimal() and len(digits) == 14 else ""


def _add_no_plan(root: etree._Element, run: results.Run) -> None:
    """A document without a single case must not be taken for a success."""
    for name, value in (("tests", "1"), ("failures", "0"), ("errors", "1"), ("skipped", "0")):
        root.set(name, value)
    suite = etree.SubElement(root, "testsuite", dict(root.attrib, name="log"))
    _add_properties(suite, _suite_properties(run))
    case = etree.SubElement(suite, "testcase", classname="log", name="event log", time="0.000")
    error = etree.SubElement(case, "error", message=NO_PLAN, type="NO_VERDICT")
    error.text = _lines("\n".join(run.problems), CONTENT_MAX) or NO_PLAN


def _add_failed(root: etree._Element, name: str, title: str, text: str, profile: str) -> None:
    """The run is not conformant, though every case may be."""
    text = visible(short(text, MESSAGE_MAX))
    counts = dict(tests="1", failures="1", errors="0", skipped="0", time="0.000")
    suite = etree.SubElement(root, "testsuite", name=name, **counts)
    case = etree.SubElement(
        suite, "testcase", classname=f"{tap.plain(profile)}.{name}", name=title, time="0.000"
    )
    etree.SubElement(case, "failure", message=text, type="FAIL").text = text
    for count in ("tests", "failures"):
        root.set(count, str(int(root.get(count, "0")) + 1))


def document(run: results.Run) -> bytes:
    root = etree.Element("testsuites")
    root.set("name", "ipc-cts")
    if run.start is None or not run.cases:
        _add_no_plan(root, run)
    else:
        timestamp = _timestamp(run)
        _set_counts(root, list(run.cases), timestamp)
        for name in dict.fromkeys(area(case) for case in run.cases):
            cases = [case for case in run.cases if area(case) == name]
            suite = etree.SubElement(root, "testsuite")
            suite.set("name", name)
            _set_counts(suite, cases, timestamp)
            _add_properties(suite, _suite_properties(run))
            for case in cases:
                _add_case(suite, case, run.start.profile, run.start.seed)
        absent, wrong, profile = run.start.capabilities.absent, run.wrong_waivers, run.start.profile
        if absent:
            _add_failed(root, "claims", tap.CLAIMS, tap.claims_text(absent), profile)
        if wrong:
            _add_failed(root, "waivers", tap.WAIVERS, tap.waivers_text(wrong), profile)
    xml: bytes = etree.tostring(root, xml_declaration=True, encoding="UTF-8", pretty_print=True)
    return xml
