"""PromQL with placeholders: a name means itself and nothing else, and every other `$` is refused with its place."""

import ast
from datetime import timedelta

import pytest
import re2
from hypothesis import given
from hypothesis import strategies as st

from platelet.model import promql

NAMES = st.text(st.characters(codec="utf-8"), max_size=30)
RENDERED = {
    "nothing to fill in": ("sum(up) < 3", "sum(up) < 3"),
    "a whole value": ('up{deployment="$target.name"}', 'up{deployment="api.v1"}'),
    "both": (
        "up{ns=\"$target.namespace\",d='$target.name'}",
        "up{ns=\"shop\",d='api.v1'}",
    ),
    "twice in one value": ('up{a="$target.namespace/$target.name"}', 'up{a="shop/api.v1"}'),
    "as a part of an expression": (r'up{pod=~"$target.name-.*"}', r'up{pod=~"api\\.v1-.*"}'),
    "in a negated expression": (r'up{pod!~"$target.name|x"}', r'up{pod!~"api\\.v1|x"}'),
    "in a difference": ('up{a!="$target.name"}', 'up{a!="api.v1"}'),
    "a blank around the operator": ('up{a = "$target.name" , b="c"}', 'up{a = "api.v1" , b="c"}'),
    "the groups of label_replace": (
        'label_replace(up, "a", "$1-${2}", "b", "(.*)")',
        'label_replace(up, "a", "$1-${2}", "b", "(.*)")',
    ),
    "braces and quotes in a string": ('up{a="{}\\"}"}', 'up{a="{}\\"}"}'),
    "a comment with a quote": ("up # it's fine\n > 1", "up # it's fine\n > 1"),
    "a metric's name in quotes": ('{"my.metric", a="$target.name"}', '{"my.metric", a="api.v1"}'),
    "backquotes without a placeholder": (r"up{a=~`api-\d+`}", r"up{a=~`api-\d+`}"),
    "an equation outside of braces": ("up == 1 and vector(1) != bool 2", "up == 1 and vector(1) != bool 2"),
}


@pytest.mark.parametrize(("query", "rendered"), RENDERED.values(), ids=RENDERED)
def test_a_target_is_filled_in(query: str, rendered: str) -> None:
    assert promql.parse(query).render("shop", "api.v1") == rendered


REFUSED = {
    "nothing": (" ", "the query is empty"),
    "in place of a metric": ("$target.name", "at character 1: $target.name and $target.namespace stand only in label"),
    "in place of a number": ("up > $target.name", "at character 6: "),
    "in a string that is no matcher's": ('count_values("$target.name", up)', "at character 15: "),
    "in place of a label": ('up{$target.name="a"}', "at character 4: "),
    "as a metric's name in quotes": ('{"$target.name"}', "at character 3: "),
    "in a comment": ("up # $target.name", "at character 6: "),
    "in backquotes": ("up{a=`$target.name`}", "at character 7: use double quotes"),
    "another field": ('up{a="$target.uid"}', "at character 7: here a $ can only begin $target.name"),
    "a longer field": ('up{a="$target.names"}', "at character 7: "),
    "a variable of a dashboard": ('up{a="$namespace"}', "at character 7: "),
    "the end of an expression": ('up{a=~"api$"}', "at character 11: here a $ can only begin"),
    "an escaped dollar": (r'up{a="\$target.name"}', "at character 7: this is no escape of PromQL"),
    "a backslash that would become the name's": (r'up{a=~"\\$target.name"}', "at character 10: the backslash before"),
    "half an escape before a name": (r'up{a="\x4$target.name"}', "at character 7: this is no escape"),
    "an open quote": ('up{a="$target.name}', "at character 6: this quote is not closed"),
    "an open parenthesis": ("sum(rate(load[5m])", "at character 4: this ( is not closed"),
    "a parenthesis too many": ("sum(load))", "at character 10: ) does not belong here"),
    "an open range": ("rate(load[5m)", "at character 13: ) does not belong here"),
    "a range that was never opened": ("load 5m]", "at character 8: ] does not belong here"),
    "an open brace": ('up{a="$target.name"', "at character 3: this brace is not closed"),
    "a brace in a brace": ('up{{a="b"}', "at character 4: { does not belong here"),
    "a brace too many": ("up}", "at character 3: } does not belong here"),
}


@pytest.mark.parametrize(("query", "message"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_used_is_refused_with_its_place(query: str, message: str) -> None:
    with pytest.raises(promql.InvalidQueryError) as refused:
        promql.parse(query)
    assert str(refused.value).startswith(message)


@pytest.mark.parametrize("quote", ['"', "'"])
@pytest.mark.parametrize("operator", ["=", "!=", "=~", "!~"])
@given(name=NAMES, before=st.sampled_from(["", "x-", "."]), after=st.sampled_from(["", "-x", "."]))
def test_any_name_stays_inside_its_matchers_string_and_means_itself(
    quote: str, operator: str, name: str, before: str, after: str
) -> None:
    """However the name is made: what is around it is unchanged, and the string reads back as the name."""
    head, tail = f"sum(up{{a{operator}{quote}{before}", f'{after}{quote},b="c"}}) > 1'
    rendered = promql.parse(f"{head}$target.name{tail}").render("shop", name)
    assert rendered.startswith(head)
    assert rendered.endswith(tail)
    inside = rendered[len(head) : len(rendered) - len(tail)]
    read = ast.literal_eval(f"{quote}{inside}{quote}")  # Python's escapes include those of PromQL
    if operator in ("=", "!="):
        assert read == name
    else:
        assert re2.fullmatch(f"(?s){read}", name) is not None
        assert re2.fullmatch(f"(?s){read}", f"{name}x") is None


@given(text=st.text("ab${}\"'`\\=~!#,. \n()1targetname", max_size=40))
def test_any_text_is_read_or_refused(text: str) -> None:
    """Nothing else is raised, and what has no placeholder is left as it is."""
    try:
        template = promql.parse(text)
    except promql.InvalidQueryError:
        return
    if not template.names_the_target:
        assert template.render("shop", "api") == text


LOOK_BACKS = {
    "the present": ('up{job="[5m]"}', timedelta()),
    "a range": ("rate(errors[5m])", timedelta(minutes=5)),
    "of several the longest": ("rate(a[90s]) / rate(b[1m])", timedelta(seconds=90)),
    "in more than one unit": ("rate(a[1h30m])", timedelta(minutes=90)),
    "a subquery sees its own range further": ("max_over_time(rate(a[5m])[30m:1m])", timedelta(minutes=35)),
    "a subquery without a step": ("max_over_time(a[2d:])", timedelta(days=2)),
    "with blanks": ("rate(a[ 5m ])", timedelta(minutes=5)),
    "in a comment": ("a # [5m]", timedelta()),
    "no duration": ("rate(a[many])", timedelta()),
    "beyond all bounds": ("rate(a[99999999999999y])", timedelta(days=365)),
    "beyond what a float holds": (f"rate(a[{'9' * 400}s])", timedelta(days=365)),
    "a subquery beyond what a float holds": (f"max_over_time(a[{'9' * 400}ms:])", timedelta(days=365)),
}


@pytest.mark.parametrize("name", LOOK_BACKS)
def test_how_far_a_query_sees_into_the_past(name: str) -> None:
    text, expected = LOOK_BACKS[name]
    assert promql.look_back(text) == expected
