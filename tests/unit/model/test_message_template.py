"""Message templates: what they may say, what is refused and why, and that nothing that a notice says is a template."""

import json
import subprocess
import sys
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from platelet.model import message_template, notice_fields
from platelet.model.message_template import MOST_WRITTEN, BadTemplateError
from platelet.model.notice import Notice
from platelet.model.notice_fields import FIELDS
from platelet.sinks import slack
from tests.unit.sinks.notices import an_escalation
from tests.unit.situations import a_policy, a_status, an_attempt

FACT = {"reason": "CrashLoopBackOff", "message": "2 of 2 pods"}
ATTEMPT = {"action": "rolloutUndo", "summary": "undo to revision 3", "verdict": "Failed", "message": "m"}
VALUES: dict[str, Any] = {
    **dict.fromkeys(FIELDS, ""),
    "reason": "NoStepLeft",
    "message": "no step is left",
    "severity": "critical",
    "level": 2,
    "workload": {"kind": "Deployment", "name": "api"},
    "evidence": (FACT, {**FACT, "reason": "Down"}),
    "attempts": (ATTEMPT,),
}


def write(text: str, **values: Any) -> str:
    return message_template.write(text, {**VALUES, **values}, str)


WORDS = {
    "text alone": ("Hello", "Hello"),
    "a field": ("{{ reason }}: {{ workload.name }}", "NoStepLeft: api"),
    "a number": ("level {{ level }}", "level 2"),
    "a condition": ("{% if severity == 'critical' %}!{% elif level > 3 %}?{% else %}.{% endif %}", "!"),
    "one within another": ("{% if level > 1 %}{% if 'step' in message %}s{% endif %}{% endif %}", "s"),
    "a loop": (
        "{% for fact in evidence %}{{ loop.index }} {{ fact.reason }};{% endfor %}",
        "1 CrashLoopBackOff;2 Down;",
    ),
    "two loops": ("{% for f in evidence %}x{% endfor %}{% for a in attempts %}{{ a.verdict }}{% endfor %}", "xxFailed"),
    "some of a list": ("{% for f in evidence if f.reason == 'Down' %}{{ f.message }}{% endfor %}", "2 of 2 pods"),
    "a loop over nothing": ("{% for f in attempts if level > 9 %}{% else %}none{% endfor %}", "none"),
    "filters": ("{{ message|upper|truncate(5) }} {{ evidence|length }} {{ step|default('-') }}", "NO S… 2 -"),
    "the last attempt": ("{% if attempts %}{% endif %}{{ (attempts|last).summary }}", "undo to revision 3"),
    "either": ("{{ step or reason }} {{ 'a' if level == 2 else 'b' }}", "NoStepLeft a"),
    "put together": ("{{ reason ~ '/' ~ level }}", "NoStepLeft/2"),
    "a remark": ("a{# b #}c", "ac"),
}


@pytest.mark.parametrize(("text", "expected"), WORDS.values(), ids=WORDS)
def test_what_can_be_said(text: str, expected: str) -> None:
    message_template.check(text)
    assert write(text) == expected


REFUSED = {
    "an unknown name": ("a\n{{ evidnce }}", "line 2: there is no 'evidnce': it can say kind, reason"),
    "an unknown name that is not reached": ("{% if level > 99 %}{{ nme }}{% endif %}", "there is no 'nme'"),
    "an unknown field": ("{{ workload.nme }}", "there is no .nme here: it can say kind, name"),
    "a method": ("{{ workload.items }}", "there is no .items here"),
    "a field of a text": ("{{ reason.upper }}", "there is no .upper here"),
    "what is behind the language": ("{{ reason.__class__.__mro__ }}", "there is no .__class__ here"),
    "a syntax error": ("{{ reason", "line 1: "),
    "an end that is missing": ("{% if level %}", "line 1: "),
    "an unknown statement": ("{% launch %}", "line 1: "),
    "a list as a text": ("{{ evidence }}", "this is a list: say it in a loop"),
    "an object as a text": ("{{ workload }}", "this is an object: say one of kind, name"),
    "a loop inside another": (
        "{% for a in evidence %}{% for b in evidence %}x{% endfor %}{% endfor %}",
        "a loop inside another is not allowed",
    ),
    "a loop inside another's condition": (
        "{% for a in evidence %}{% if level %}{% for b in evidence %}x{% endfor %}{% endif %}{% endfor %}",
        "a loop inside another is not allowed",
    ),
    "range": ("{% for i in range(9999999) %}x{% endfor %}", "call is not allowed"),
    "a loop over a text": ("{% for c in message %}x{% endfor %}", "a loop is over a list of the notice"),
    "a loop that calls itself": ("{% for a in evidence recursive %}{{ loop(evidence) }}{% endfor %}", "not allowed"),
    "a loop over a written list": ("{% for a in [1, 2] %}x{% endfor %}", "list is not allowed"),
    "a power": ("{{ 9**9**9 }}", "pow is not allowed"),
    "a product": ("{{ 'x' * 999999999 }}", "mul is not allowed"),
    "a format": ("{{ '%9999999d' % 1 }}", "mod is not allowed"),
    "a call": ("{{ reason.format(1) }}", "call is not allowed"),
    "an assignment": ("{% set a = reason %}{{ a }}", "assign is not allowed"),
    "a macro": ("{% macro m() %}{{ m() }}{% endmacro %}", "macro is not allowed"),
    "an include": ("{% include 'x' %}", "include is not allowed"),
    "an import": ("{% import 'x' as y %}", "import is not allowed"),
    "an extension of another": ("{% extends 'x' %}", "extends is not allowed"),
    "a block": ("{% block a %}{% endblock %}", "block is not allowed"),
    "a filter block": ("{% filter upper %}{% endfilter %}", "filterblock is not allowed"),
    "a filter that grows": ("{{ reason|center(99999999) }}", "line 1: "),
    "a filter with a field": ("{{ reason|truncate(level) }}", "truncate takes int"),
    "a filter without what it takes": ("{{ reason|default }}", "default takes str"),
    "a filter of something else": ("{{ level|upper }}", "upper is of a text"),
    "the length of a text": ("{{ reason|length }}", "length is of a list"),
    "a text compared to a number": ("{{ 'a' if level > 'x' else 'b' }}", "both must be texts, or both numbers"),
    "a number in a text": ("{{ 'a' if level in message else 'b' }}", "both must be texts, or both numbers"),
    "nested without an end": ("{{ " + "(" * 900 + "level" + ")" * 900 + " }}", ""),
    "conditions without an end": ("{% if level %}" * 150 + "{% endif %}" * 150, "it is nested too deeply"),
}


@pytest.mark.parametrize(("text", "words"), REFUSED.values(), ids=REFUSED)
def test_what_is_refused_says_where_and_why(text: str, words: str) -> None:
    with pytest.raises(BadTemplateError) as error:
        message_template.check(text)
    assert words in str(error.value)
    with pytest.raises(BadTemplateError):
        write(text)


HOSTILE = ("{{ 7 * 7 }}", "{% for a in evidence %}", "{{ evidence }}", "{#", "<!channel>", "&amp;", "\x00", "%s")


@pytest.mark.parametrize("spoken", HOSTILE)
def test_what_a_notice_says_is_no_template(spoken: str) -> None:
    assert write("a{{ message }}b", message=spoken) == f"a{spoken}b"


def test_for_slack_what_a_notice_says_is_escaped_and_what_the_template_says_is_not() -> None:
    text = "<https://wiki/api|runbook> {{ message }} {{ '<' ~ message|lower }}"
    written = message_template.write(text, {**VALUES, "message": "<!HERE> & co"}, slack.escape)
    assert written == "<https://wiki/api|runbook> &lt;!HERE&gt; &amp; co &lt;&lt;!here&gt; &amp; co"


def test_what_is_too_long_is_cut_and_never_within_an_escape() -> None:
    for before in range(8):
        text = "x" * before + "{{ message }}" * 40
        written = message_template.write(text, {**VALUES, "message": "<" * 1000}, slack.escape)
        assert len(written) <= MOST_WRITTEN
        assert written.endswith(";…")


def test_what_fails_only_for_a_notice_says_so() -> None:
    with pytest.raises(BadTemplateError, match="empty list"):
        write("{{ (evidence|first).reason }}", evidence=())


INCIDENT = an_escalation(a_policy(), a_status(state="Escalated", attempts=(an_attempt(),)))


@pytest.mark.parametrize("notice", [INCIDENT, replace(INCIDENT, remediation=None, kind="Untargeted")])
def test_a_notice_has_each_field_of_its_type(notice: Notice) -> None:
    values = notice_fields.values_of(notice)
    assert set(values) == set(FIELDS)
    assert all(_has_type(values[name], wanted) for name, wanted in FIELDS.items())


def _has_type(value: Any, wanted: Any) -> bool:
    if isinstance(wanted, tuple):
        return all(_has_type(item, wanted[0]) for item in value)
    if isinstance(wanted, dict):
        return set(value) == set(wanted) and all(_has_type(value[name], kind) for name, kind in wanted.items())
    return type(value) is wanted


STATEMENTS = ("for f in evidence", "endfor", "if level", "else", "endif", "set a = 1", "raw")
EXPRESSIONS = (
    *("reason", "evidence", "x", "f.message", "(evidence|first).message", "range(9)"),
    *("message|truncate(3)", "2**99", "loop.index"),
)
PIECES = st.one_of(
    st.sampled_from([f"{{% {statement} %}}" for statement in STATEMENTS]),
    st.sampled_from([f"{{{{ {expression} }}}}" for expression in EXPRESSIONS]),
    st.sampled_from(["{{", "}}", "%}", "x"]),
)


@given(st.lists(PIECES, max_size=12), st.text(max_size=30))
def test_whatever_is_written_is_refused_or_comes_to_a_bounded_text(pieces: list[str], spoken: str) -> None:
    try:
        written = write("".join(pieces), message=spoken)
    except BadTemplateError:
        return
    assert len(written) <= MOST_WRITTEN


def test_jinja_is_loaded_where_there_is_a_template_and_nowhere_else() -> None:
    code = "import sys, json, platelet.shell.run.wiring; print(json.dumps('jinja2' in sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)  # noqa: S603 - our own
    assert json.loads(done.stdout) is False
