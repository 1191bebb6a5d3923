"""Whatever a `when` says, the operator that evaluates it holds little more memory, and goes on in a moment."""

import json
import subprocess
import sys
from typing import Any

import pytest

from platelet.api.kinds.expressions import Answer, ConditionError, compile_condition

A = "target.annotations.a"
LARGE = {"a": "x" * 250_000}  # what Kubernetes admits in all annotations of an object is 256 KiB


def facts(annotations: dict[str, str], **labels: str) -> dict[str, dict[str, Any]]:
    target = {"name": "api", "namespace": "shop", "kind": "Deployment", "replicas": 3, "availableReplicas": 1}
    return {
        "target": {**target, "labels": labels, "annotations": annotations, "templateAgeSeconds": 600.0},
        "signal": {"source": "pod", "reason": "OOMKilled", "severity": "", "message": "out of memory", "count": 4},
        "remediation": {"step": 1, "attempts": 2, "ageSeconds": 90.5},
    }


def nested(value: str, last: str, depth: int) -> str:
    """Loops in loops, each over one value that is made of the one before."""
    text = last.format(f"v{depth}")
    for level in range(depth, 0, -1):
        text = f"[{value.format(f'v{level - 1}')}].exists(v{level}, {text})"
    return f"[1].exists(v0, {text})"


JOINS = "texts and lists cannot be joined here, + is for numbers"
REFUSED = {
    "texts that are joined": (f"({A} + {A}).size() > 0", f"line 1, column {len(A) + 3}: {JOINS}"),
    "texts of which only dyn knows": ("dyn('a') + dyn('b') == dyn('ab')", JOINS),
    "texts from a list of many types": ("[1, 'a'][1] + [1, 'a'][1] == 'aa'", JOINS),
    "lists that are joined": ("[1] + [2] == [1, 2]", JOINS),
    "a list that is made of another": ("[1, 2].map(n, n * 2) == [2, 4]", f"{JOINS}; for map and filter write"),
    "a list that is a part of another": ("target.labels.filter(key, key > 'a').size() > 0", JOINS),
    "a loop in another": (
        "true &&\n [1].all(a, [1].all(b, a == b))",
        "line 2, column 20: a loop inside another is not allowed: say the second one after the first",
    ),
    "a loop over what a loop chooses": ("([1].all(a, a > 0) ? [1] : [2]).all(b, b > 0)", "a loop inside another"),
    "a value that doubles with each loop": (nested("[{0}, {0}]", "{0} == {0}", 14), "a loop inside another"),
    "a type that doubles with each loop": (
        nested("{{{0}: {0}}}", "true", 14),
        "the key of a map must be a constant: write it as a text or a number",
    ),
    "a map": ('{"Deployment": 1}[target.kind] == 1', "{} is not allowed: compare with each value"),
    "a message": ('google.protobuf.StringValue{value: "a"} == "a"', "{} is not allowed"),
    "a function that reads files of time zones": (
        f"timestamp('2026-01-01T00:00:00Z').getHours({A}) > 1",
        "getHours is not allowed: there are size, contains",
    ),
    "a pattern that only an annotation has": (f"target.name.matches({A})", "matches takes its pattern as a text"),
    "a pattern of many states": (r'target.name.matches("\\pL{100}")', r"'\\pL{100}' is not an RE2 expression (pattern"),
    "a pattern that is none": ('matches(target.name, "(")', "line 1, column 22: '(' is not an RE2 expression"),
}


@pytest.mark.parametrize(("text", "why"), REFUSED.values(), ids=REFUSED)
def test_what_could_grow_is_refused_at_load(text: str, why: str) -> None:
    with pytest.raises(ConditionError) as refused:
        compile_condition(text)
    assert why in str(refused.value)


ADMITTED = {
    "sums of numbers": "remediation.attempts + 1 == 3 && 1.5 + 1.5 == 3.0 && 1u + 1u == 2u",
    "sums of times": 'timestamp("2026-01-01T00:00:00Z") + duration("1h") > timestamp("2026-01-01T00:30:00Z")',
    "one loop after the other": '[1, 2].all(n, n > 0) && target.labels.exists(key, key == "tier")',
    "exactly one": '["api", "db"].exists_one(tier, tier == target.labels.tier)',
    "a pattern": 'target.name.matches("^(api|web)(-[a-z]{1,20})?$") && matches(target.name, "a")',
    "one thing or another": '(target.replicas > 2 ? target.labels.tier : "none") == "api"',
    "a number in an annotation": 'has(target.annotations.max) && int(target.annotations["max"]) > 3',
    "what a label holds": "signal.message.contains(target.labels.part)",
    "a long condition": " && ".join(['target.annotations["max"] != "x"'] * 20),
    "each annotation": 'target.annotations.exists(key, key.startsWith("m") && target.annotations[key] == "4")',
}


@pytest.mark.parametrize("text", ADMITTED.values(), ids=ADMITTED)
def test_what_people_ask_for_can_be_asked(text: str) -> None:
    """Also beside an annotation of 30 KB, as `kubectl apply` writes it, and twenty others."""
    annotations = {"max": "4", "last-applied": "x" * 30_000, **{f"example.com/{n}": "v" * 40 for n in range(20)}}
    assert compile_condition(text).evaluate(facts(annotations, tier="api", part="memory")) == Answer(holds=True)


EXCESSIVE = {
    "loops over what is large": (f"{list(range(200))}.exists(n, {A}.size() == n)", LARGE),
    "loops over many": (
        "target.annotations.exists(key, target.annotations[key] == key)",
        {f"example.com/{n}": "v" for n in range(5000)},
    ),
    "looks for what is large in what is large": (
        f"{A}.contains(target.annotations.b)",
        {"a": "x" * 128_000, "b": "x" * 60_000 + "y"},
    ),
}


@pytest.mark.parametrize(("text", "annotations"), EXCESSIVE.values(), ids=EXCESSIVE)
def test_what_takes_too_much_with_these_values_is_not_known(text: str, annotations: dict[str, str]) -> None:
    """Neither true nor false, and it says of which field there is too much."""
    answer = compile_condition(text).evaluate(facts(annotations))
    assert answer.holds is None
    assert answer.note.startswith("it could take too much to evaluate: target.annotations has ")


def test_what_is_not_asked_for_costs_nothing() -> None:
    """A large annotation does not stand in the way of a condition on something else."""
    text = f"{list(range(200))}.exists(n, target.replicas == n)"
    assert compile_condition(text).evaluate(facts(LARGE)) == Answer(holds=True)


def test_a_complaint_does_not_quote_a_large_value() -> None:
    """It goes into the record."""
    assert len(compile_condition(f"target.labels[{A}] == 'x'").evaluate(facts(LARGE)).note) <= 200
    assert len(compile_condition(f"target.changedWithin({A})").evaluate(facts(LARGE)).note) <= 200


HUNGRY = (
    f"{A} == 'q'",
    f"string({A}) == 'q'",
    f"[{A}, {A}, {A}] == ['q']",
    "[target.annotations, target.annotations] == [target.labels]",
    f"{A}.matches('.*q(a|b)*')",
    f"target.labels[{A}] == 'q'",
    f"target.changedWithin({A})",
)
PROCESS = """
import json, resource, sys
from platelet.api.kinds.expressions import compile_condition
texts, facts = json.load(sys.stdin)
compile_condition("true").evaluate(facts)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
answered = [compile_condition(text).evaluate(facts).note.startswith("it could take too much") for text in texts]
print(json.dumps([resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before, answered]))
"""


def test_the_hungriest_conditions_take_little_memory() -> None:
    """Each as often as it may be asked of the largest annotation; it was 800 MB before."""
    texts = [f"[{', '.join('1' * rounds)}].exists(n, {body})" for body in HUNGRY for rounds in (30, 60, 90)]
    asked = json.dumps([texts, facts(LARGE)])
    done = subprocess.run([sys.executable, "-c", PROCESS], input=asked, capture_output=True, text=True, check=True)  # noqa: S603 - our own
    kilobytes, excessive = json.loads(done.stdout)
    assert kilobytes < 64 << 10
    assert True in excessive, "they go up to the limit"
    assert False in excessive, "and are evaluated below it"
