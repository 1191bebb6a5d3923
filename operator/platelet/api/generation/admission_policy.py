"""A ValidatingAdmissionPolicy as we write one: what is asked of the API server, and whom it does not concern."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

API: Final = "admissionregistration.k8s.io/v1"
WHO: Final = "request.userInfo.username"
NOT_THE_OPERATOR: Final = (  # nor an administrator, who may do all that the operator may
    "!authorizer.group('platelet.dev').resource('remediations').subresource('status')"
    ".namespace(request.namespace).check('update').allowed()"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One question to the author's rights: at most one `check()`, of which each costs a third of what CEL may cost."""

    expression: str
    message: str  # an expression, too: it names the user


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """One ValidatingAdmissionPolicy on a kind of objects."""

    name: str
    group: str = "platelet.dev"
    resource: str
    operations: tuple[str, ...] = ("CREATE", "UPDATE")
    conditions: Mapping[str, str] = field(default_factory=dict)  # all of which must hold for it to be asked at all
    variables: Mapping[str, str] = field(default_factory=dict)
    rules: Sequence[Rule]


def _policy(policy: Policy) -> dict[str, Any]:
    where = {
        "apiGroups": [policy.group],
        "apiVersions": ["*"],
        "operations": list(policy.operations),
        "resources": [policy.resource],
    }
    spec: dict[str, Any] = {"failurePolicy": "Fail", "matchConstraints": {"resourceRules": [where]}}
    if policy.conditions:
        spec["matchConditions"] = [{"name": name, "expression": text} for name, text in policy.conditions.items()]
    if policy.variables:
        spec["variables"] = [{"name": name, "expression": text} for name, text in policy.variables.items()]
    spec["validations"] = [
        {"expression": rule.expression, "messageExpression": rule.message, "reason": "Forbidden"}
        for rule in policy.rules
    ]
    return {"apiVersion": API, "kind": "ValidatingAdmissionPolicy", "metadata": {"name": policy.name}, "spec": spec}


def _binding(policy: Policy) -> dict[str, Any]:
    return {
        "apiVersion": API,
        "kind": "ValidatingAdmissionPolicyBinding",
        "metadata": {"name": policy.name},
        "spec": {"policyName": policy.name, "validationActions": ["Deny"]},
    }


def to_documents(policies: Iterable[Policy]) -> list[dict[str, Any]]:
    """Make objects of them: each admission policy, followed by its binding."""
    return [document for policy in policies for document in (_policy(policy), _binding(policy))]
