"""Admission of revision records and their attestations: they are the operator's alone.

A template that a record calls healthy is one that an undo may restore, by the operator's rights (DESIGN 6).
"""

from typing import Final

from platelet.api.generation.admission_policy import NOT_THE_OPERATOR, WHO, Policy, Rule
from platelet.api.readers import records

_NOT_KUBERNETES: Final = (  # the garbage collector, the end of a namespace; a controller copies labels of templates
    f"!({WHO}.startsWith('system:serviceaccount:kube-system:') || {WHO} == 'system:kube-controller-manager')"
)


def build_policy() -> Policy:
    """Let nobody else write or remove one. A backup restored without them costs little: health is proven anew."""
    return Policy(
        name="platelet-records",
        group="apps",
        resource="controllerrevisions",
        operations=("CREATE", "UPDATE", "DELETE"),
        conditions={
            "a-revision-record": " || ".join(_is_record(name) for name in ("object", "oldObject")),
            "not-kubernetes-itself": _NOT_KUBERNETES,
            "not-the-operator": NOT_THE_OPERATOR,
        },
        rules=[
            Rule(
                expression="false",
                message=f"{WHO} + ' may neither write nor remove revision records in ' + request.namespace"
                " + ': only platelet does'",
            )
        ],
    )


def _is_record(name: str) -> str:
    """By what it is found by: the labels, and a name that two creators would collide on."""
    labels = f"{name}.metadata.labels"
    labelled = " || ".join(f"'{key}' in {labels}" for key in (records.TARGET_KIND, records.TARGET))
    named = f"has({name}.metadata.name) && {name}.metadata.name.matches('{records.NAME_PATTERN}')"
    return f"({name} != null && ((has({labels}) && ({labelled})) || ({named})))"
