"""Matchers mean what they mean in Alertmanager."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from platelet.triggers.matchers import InvalidMatcherError, matches, name_the_alert, parse_matchers

LABELS = {"alertname": "ApiDown", "severity": "critical", "namespace": "shop", "path": 'a.b\\"\n'}


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        pytest.param(['alertname="ApiDown"'], True, id="equal"),
        pytest.param(["alertname=ApiDown"], True, id="quotes are optional"),
        pytest.param(['  alertname  =  "ApiDown"  '], True, id="spaces around"),
        pytest.param(['alertname="ApiDow"'], False, id="a prefix is not equal"),
        pytest.param(['namespace=shop,alertname!="Other"'], True, id="not equal"),
        pytest.param(['alertname=~"Api"'], False, id="a regular expression is anchored at the end"),
        pytest.param(['alertname=~"Down"'], False, id="and at the start"),
        pytest.param(['alertname=~"Api.*"'], True, id="a regular expression that fits whole"),
        pytest.param(['severity=~"crit|critical"'], True, id="each alternative is anchored, not the first one only"),
        pytest.param(['severity=~"page|crit"'], False, id="no alternative fits whole"),
        pytest.param(['alertname=ApiDown, severity!~"warn.*|info"'], True, id="not matching"),
        pytest.param(['namespace=shop,alertname!~"Api.*"'], False, id="not matching what matches"),
        pytest.param(['{alertname="ApiDown", severity="critical"}'], True, id="braces and a comma"),
        pytest.param(['{alertname="ApiDown",}'], True, id="a comma at the end"),
        pytest.param(['alertname="ApiDown"', 'severity="info"'], False, id="all must match"),
        pytest.param(['alertname="ApiDown"', 'team=""'], True, id="a missing label equals the empty string"),
        pytest.param(['alertname="ApiDown"', "team="], True, id="also unquoted"),
        pytest.param(['team!="a"', "alertname=ApiDown"], True, id="a missing label is not a"),
        pytest.param(['team=~".+"'], False, id="a missing label does not match something"),
        pytest.param(['"alertname"="ApiDown"'], True, id="a quoted label name"),
        pytest.param(['path="a.b\\\\\\"\\n"'], True, id="escapes of backslash, quote and line feed"),
        pytest.param(['path=~"a\\.b.*\\s"'], True, id="other backslashes stand for themselves"),
        pytest.param(['path=~"a\\\\.b.*\\s"'], True, id="doubled backslashes mean the same"),
        pytest.param(['namespace="shop,bar"'], False, id="a comma in quotes is text"),
        pytest.param(['severity=~"(?i)CRITICAL"'], True, id="flags of RE2"),
    ],
)
def test_meaning(texts: list[str], expected: object) -> None:
    assert matches(parse_matchers(texts), LABELS) is expected


def test_names_beyond_the_classic_ones() -> None:
    parsed = parse_matchers(['"k8s.io/app name"="x"', "größe.x=1"])
    assert matches(parsed, {"k8s.io/app name": "x", "größe.x": "1"})


@pytest.mark.parametrize(
    ("text", "fix"),
    [
        pytest.param("alertname", "one of = != =~ !~", id="no operator"),
        pytest.param('="x"', "must start with a label name", id="no name"),
        pytest.param("alertname==x", "double quotes", id="an operator of other languages"),
        pytest.param('alertname="x', "closing double quote is missing", id="an open quote"),
        pytest.param('{alertname="x"', "comma or the end|closing brace", id="an open brace"),
        pytest.param('alertname="x"}', "comma or the end", id="a brace too many"),
        pytest.param('alertname="x" severity="y"', "comma", id="no comma"),
        pytest.param('{alertname="x"} y', "closing brace", id="text after the brace"),
        pytest.param("alertname=~a{2}", "double quotes", id="braces unquoted"),
        pytest.param("alertname=~a\\.b", "double quotes", id="a backslash unquoted"),
        pytest.param("a=b,,c=d", "must start with a label name", id="two commas"),
        pytest.param('alertname=~"("', "not an RE2 expression", id="a broken expression"),
        pytest.param('alertname=~"(?=x)"', "not an RE2 expression", id="look-ahead, which RE2 has not"),
        pytest.param('alertname=~"a)(b"', "not an RE2 expression", id="an expression that leaves its anchors"),
        pytest.param('alertname=~"(x{1000}){1000}"', "not an RE2 expression", id="an expression of a million states"),
        pytest.param(r'alertname=~"\pL{100}"', "pattern too large", id="one of tens of thousands"),
    ],
)
def test_an_invalid_matcher_is_named_with_its_fix(text: str, fix: str) -> None:
    with pytest.raises(InvalidMatcherError, match=fix) as raised:
        parse_matchers(['severity="critical"', text])
    assert repr(text) in str(raised.value)


@pytest.mark.parametrize(
    "texts",
    [
        pytest.param(['foo=~".*"'], id="anything"),
        pytest.param(['foo!="bar"'], id="not something"),
        pytest.param(['foo=""', 'bar!~"x"'], id="several that all match nothing"),
        pytest.param(["{}"], id="an empty pair of braces"),
        pytest.param([" "], id="blank"),
        pytest.param([], id="none at all"),
    ],
)
def test_empty_never_means_all(texts: list[str]) -> None:
    """What an alert without labels would match is refused (TRAPS 29)."""
    with pytest.raises(InvalidMatcherError, match="also matches an alert without any label"):
        parse_matchers(texts)


def test_too_many_matchers_are_refused() -> None:
    with pytest.raises(InvalidMatcherError, match="at most 64"):
        parse_matchers([",".join(f"a{i}=x" for i in range(65))])


@given(st.lists(st.text(st.sampled_from('ab=~!"\\{},. é\n('), max_size=20), max_size=3))
def test_whatever_is_written_is_parsed_or_refused(texts: list[str]) -> None:
    """And what is parsed never matches an alert without labels."""
    try:
        parsed = parse_matchers(texts)
    except InvalidMatcherError:
        return
    assert not matches(parsed, {})


@given(st.text(), st.text())
def test_a_quoted_value_equals_exactly_itself(value: str, other: str) -> None:
    quoted = '"' + value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'
    parsed = parse_matchers([f"x={quoted}, alertname=a"])
    assert matches(parsed, {"x": value, "alertname": "a"})
    assert matches(parsed, {"x": other, "alertname": "a"}) == (value == other)


NAMING = {
    "its very name": ('alertname="ApiDown"', True),
    "names, of which it is one": ('alertname=~"ApiDown|ApiSlow"', True),
    "names that begin like it": ('alertname=~"Api.*"', True),
    "names that end like it": ('alertname=~".*Down"', True),
    "without regard to case": ('alertname=~"(?i)apidown"', True),
    "another name": ('severity="critical",alertname="ApiSlow"', False),
    "any name": ('alertname=~".+"', False),
    "any name, and may be none": ('severity="critical",alertname=~".*"', False),
    "any name with a capital": ('alertname=~"[A-Z].*"', False),
    "any word": (r'alertname=~"\w+"', False),
    "this one or any": ('alertname=~"ApiDown|.+"', False),
    "any but another": ('severity="critical",alertname!="ApiSlow"', False),
    "any but those": ('severity="critical",alertname!~"Kube.*"', False),
    "a severity": ('severity=~"critical|page"', False),
    "a name in another label": ('rulename="ApiDown"', False),
}


@pytest.mark.parametrize(("text", "named"), NAMING.values(), ids=NAMING)
def test_which_matchers_say_that_they_are_for_this_alert(text: str, *, named: bool) -> None:
    assert name_the_alert(parse_matchers([text]), "ApiDown") is named


@given(
    st.text(st.characters(categories=["Ll", "Lu", "Nd"]), min_size=1),
    st.sampled_from([".+", ".*", "[a-zA-Z0-9].*", "(.|x)+"]),
)
def test_what_matches_any_name_names_none(alertname: str, expression: str) -> None:
    assert not name_the_alert(parse_matchers(["severity=critical", f'alertname=~"{expression}"']), alertname)
