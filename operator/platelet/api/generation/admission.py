"""Admission: what people may write is judged by the API server itself, by their own rights (DESIGN 6).

A Runbook may contain only what its author may do; a policy, or a Remediation made by hand, needs the verb `use` on its
Runbook; an answer to a plan needs the verb `approve` and the name of the one who gives it. Revision records and their
attestations are the operator's alone. The operator, who may write the status of Remediations, is not asked about those
that it opens.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import yaml

from platelet.actions import ACTIONS
from platelet.api.generation import record_admission
from platelet.api.generation.admission_policy import NOT_THE_OPERATOR, WHO, Policy, Rule, to_documents
from platelet.api.generation.cluster_role import HOME_LABEL, LOGS
from platelet.api.kinds.escalation_policy import ANSWERS
from platelet.model import approval
from platelet.model.policy import OPERATOR_NAMESPACE
from platelet.model.rights import Right

_HERE: Final = "object.metadata.namespace"
_LABELS: Final = "namespaceObject.metadata.labels"
_IS_HOME: Final = (  # under another name, too; whoever puts the label on a namespace of theirs is judged more strictly
    f"{_HERE} == '{OPERATOR_NAMESPACE}' || (has({_LABELS}) && '{HOME_LABEL}' in {_LABELS})"
)
_CHANGED: Final = "oldObject == null || object.spec != oldObject.spec"
_SAME: Final = "key in oldObject.spec && object.spec[key] == oldObject.spec[key]"
_ONLY_SUSPENDED: Final = (  # whoever may write a policy may stop it; an end that is past would set it free
    f"oldObject != null && has(object.spec.suspended) && object.spec.all(key, key == 'suspended' || ({_SAME}))"
    " && oldObject.spec.all(key, key == 'suspended' || key in object.spec)"
    " && (!has(oldObject.spec.suspended) || !has(object.spec.suspended.until))"
)


def build_admission() -> dict[str, str]:
    """Generate the files of deploy/base, without their header: name -> YAML."""
    return {
        name: "---\n".join(yaml.safe_dump(document, sort_keys=False, width=120) for document in to_documents(policies))
        for name, policies in _files().items()
    }


def build_documents() -> list[dict[str, Any]]:
    """All of it as objects: each admission policy, followed by its binding."""
    return [document for policies in _files().values() for document in to_documents(policies)]


def name_of(document: Mapping[str, Any]) -> str:
    """`Kind/name`."""
    return f"{document['kind']}/{document['metadata']['name']}"


def _files() -> dict[str, list[Policy]]:
    return {
        "admission-runbooks.yaml": [_runbooks()],
        "admission-policies.yaml": [_policies(), _approvers(), _acknowledgements_on_policies()],
        "admission-remediations.yaml": [_remediations(), _approvals()],
        "admission-records.yaml": [record_admission.build_policy()],
    }


def _runbooks() -> Policy:
    """One in the operator's own namespace may act in every namespace, by a policy with a namespaceSelector."""
    return Policy(
        name="platelet-runbooks",
        resource="runbooks",
        conditions={"spec-changed": _CHANGED},
        variables={
            "steps": "object.spec.steps",
            "at_home": _IS_HOME,
            "scope": f"variables.at_home ? '' : {_HERE}",
            "where": f"variables.at_home ? 'every namespace' : {_HERE}",
        },
        rules=_by_steps("runbook"),
    )


def _policies() -> Policy:
    selecting = [
        Rule(
            expression=f"!has(object.spec.namespaceSelector) || {_may(right)}",
            message=f"{WHO} + ' may not {right.deed} in every namespace, so neither may a namespaceSelector'",
        )
        for right in _rights()
    ]
    return Policy(
        name="platelet-policies",
        resource="remediationpolicies",
        conditions={"spec-changed": _CHANGED, "not-only-suspended": f"!({_ONLY_SUSPENDED})"},
        variables={"runbook": "has(object.spec.runbookRef) ? object.spec.runbookRef.name : ''", "home": _HERE},
        rules=[_may_use("policy", unless="variables.runbook == ''"), *selecting, _may_read_logs()],
    )


def _may_read_logs() -> Rule:
    """What a log says is on the Remediation: who may not read logs must not come by them that way."""
    keeps = "has(object.spec.evidence) && has(object.spec.evidence.logs) && object.spec.evidence.logs"
    where = f".namespace(has(object.spec.namespaceSelector) ? '' : {_HERE})"
    return Rule(
        expression=f"!({keeps}) || {_may(LOGS, where)}",
        message=f"{WHO} + ' may not {LOGS.verb} {LOGS.path} where this policy acts, so neither may its evidence.logs'",
    )


def _approvers() -> Policy:
    """Whoever says who may approve by a callback, or by which key that is known, could approve themselves."""
    after, before = "object.spec.callbacks", "oldObject.spec.callbacks"
    rules, variables = [], {"at_home": _IS_HOME, "scope": f"variables.at_home ? '' : {_HERE}"}
    for name in (name for name, callback in ANSWERS.items() if callback.approvers is not None):
        is_named = f"has({after}) && has({after}.{name}) && has({after}.{name}.approvers)"
        was_named = f"oldObject != null && has({before}) && has({before}.{name}) && {before}.{name} == {after}.{name}"
        variables[name] = f"{is_named} && {after}.{name}.approvers.size() > 0 && !({was_named})"
        may = "authorizer.group('platelet.dev').resource('remediations').namespace(variables.scope)"
        where = f"(variables.at_home ? 'every namespace' : {_HERE})"
        rules.append(
            Rule(
                expression=f"!variables.{name} || {may}.check('{approval.VERB}').allowed()",
                message=f"{WHO} + ' may not approve what remediations in ' + {where} + ' plan, so neither may they say "
                f"who does: callbacks.{name}.approvers needs the verb {approval.VERB} on remediations.platelet.dev'",
            )
        )
    return Policy(
        name="platelet-approvers",
        resource="escalationpolicies",
        conditions={"spec-changed": _CHANGED},
        variables=variables,
        rules=rules,
    )


def _remediations() -> Policy:
    reference = "object.spec.runbookRef"
    named = f"has({reference}.namespace) && {reference}.namespace != ''"
    return Policy(
        name="platelet-remediations",
        resource="remediations",
        operations=("CREATE",),
        conditions={"made-by-hand": NOT_THE_OPERATOR},
        variables={
            "runbook": f"{reference}.name",
            "home": f"{named} ? {reference}.namespace : {_HERE}",
            "steps": "has(object.spec.steps) ? object.spec.steps : []",
            "scope": _HERE,
            "where": _HERE,
        },
        rules=[
            _may_use("remediation"),
            *_by_steps("remediation"),
            Rule(
                expression=f"!has(object.spec.requestedBy) || object.spec.requestedBy in ['', {WHO}]",
                message=f"'spec.requestedBy must be ' + {WHO} + ', who asks, and not ' + object.spec.requestedBy",
            ),
        ],
    )


def _approvals() -> Policy:
    keys = ", ".join(f"'{key}'" for key in approval.ANNOTATIONS)
    may = (
        f"authorizer.group('platelet.dev').resource('remediations').namespace({_HERE}).name(object.metadata.name)"
        f".check('{approval.VERB}').allowed()"
    )
    fix = f"it needs the verb {approval.VERB} on remediations.platelet.dev"
    return Policy(
        name="platelet-approvals",
        resource="remediations",
        variables={
            "before": "oldObject != null && has(oldObject.metadata.annotations) ? oldObject.metadata.annotations : {}",
            "after": "has(object.metadata.annotations) ? object.metadata.annotations : {}",
            "changed": f"[{keys}].filter(key, (key in variables.before) != (key in variables.after) || "
            "(key in variables.after && variables.after[key] != variables.before[key]))",
        },
        rules=[
            Rule(
                expression=f"variables.changed.size() == 0 || {may}",
                message=f"{WHO} + ' may neither approve nor reject what remediations in ' + {_HERE} + ' plan, '"
                f" + 'nor acknowledge it, nor try again: {fix}'",
            ),
            _own_name(approval.APPROVE, approval.APPROVED_BY),
            _own_name(approval.REJECT, approval.REJECTED_BY),
            _own_name(approval.RETRY, approval.RETRIED_BY),
            _own_name(approval.ACKNOWLEDGE, approval.ACKNOWLEDGED_BY),
        ],
    )


def _acknowledgements_on_policies() -> Policy:
    """Of what a policy has on record, on that policy; what is taken away was heard, or is said again."""
    key = approval.ACKNOWLEDGED_ON_POLICY
    here = f"authorizer.group('platelet.dev').resource('remediations').namespace({_HERE})"
    return Policy(
        name="platelet-job-acknowledgements",
        resource="remediationpolicies",
        operations=("UPDATE",),
        variables={
            "before": "has(oldObject.metadata.annotations) ? oldObject.metadata.annotations : {}",
            "after": "has(object.metadata.annotations) ? object.metadata.annotations : {}",
            "written": f"variables.after.filter(key, key.startsWith('{key}') && !(key in variables.before && "
            "variables.before[key] == variables.after[key]))",
        },
        rules=[
            Rule(
                expression=f"variables.written.size() == 0 || {here}.check('{approval.VERB}').allowed()",
                message=f"{WHO} + ' may not acknowledge what policies have on record in ' + {_HERE} + ': it needs the "
                f"verb {approval.VERB} on remediations.platelet.dev'",
            ),
            Rule(
                expression=f"variables.written.all(key, variables.after[key] == {WHO})",
                message=f"'the value of {key}TOKEN must be ' + {WHO} + ', who answers'",
            ),
        ],
    )


def _own_name(answer: str, by: str) -> Rule:
    """Whoever answers does so in their own name; taking both away needs none."""
    touched = f"variables.changed.exists(key, key in ['{answer}', '{by}'])"
    present = f"['{answer}', '{by}'].exists(key, key in variables.after)"
    own = f"'{by}' in variables.after && variables.after['{by}'] == {WHO}"
    answered = f"('{by}' in variables.after ? string(variables.after['{by}']) : 'nobody')"
    return Rule(
        expression=f"!({touched} && {present}) || ({own})",
        message=f"'{by} must be ' + {WHO} + ', who answers, and not ' + {answered}",
    )


def _may_use(what: str, *, unless: str = "") -> Rule:
    runbook = "authorizer.group('platelet.dev').resource('runbooks').namespace(variables.home).name(variables.runbook)"
    may = f"{runbook}.check('use').allowed()"
    sentence = f"{WHO} + ' may not use the Runbook ' + variables.runbook + ' in ' + variables.home"
    return Rule(
        expression=f"{unless} || {may}" if unless else may,
        message=f"{sentence} + ', so neither may a {what} of theirs: it needs the verb use on runbooks.platelet.dev'",
    )


def _by_steps(what: str) -> list[Rule]:
    """For each right: either no step needs it, or the author has it."""
    rules = []
    for right, keys in _rights().items():
        needed = " || ".join(_needs(right, key) for key in keys)
        may = _may(right, ".namespace(variables.scope)")
        message = f"{WHO} + ' may not {right.deed} in ' + variables.where + ', so neither may a {what} of theirs"
        rules.append(
            Rule(
                expression=f"!variables.steps.exists(step, {needed}) || {may}",
                message=f"{message}: {' and '.join(keys)} would'",
            )
        )
    return rules


def _needs(right: Right, key: str) -> str:
    """Whether a step with this action needs the right."""
    if right.only_with is None:
        return f"has(step.{key})"
    setting, value = right.only_with
    return f"(has(step.{key}) && has(step.{key}.{setting}) && step.{key}.{setting} == '{value}')"


def _may(right: Right, namespace: str = "") -> str:
    """Without a namespace: in all of them."""
    subresource = f".subresource('{right.subresource}')" if right.subresource else ""
    resource = f"authorizer.group('{right.group}').resource('{right.resource}'){subresource}"
    return f"{resource}{namespace}.check('{right.verb}').allowed()"


def _rights() -> Mapping[Right, Sequence[str]]:
    """Each right that any action needs, with the keys of those actions."""
    actions: dict[Right, list[str]] = {}
    for action in ACTIONS:
        for right in action.rights:
            actions.setdefault(right, []).append(action.key)
    return actions
