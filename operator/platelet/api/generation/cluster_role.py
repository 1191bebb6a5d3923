"""The operator's own rights: what it reads, what it keeps, and one switch for each way to act (DESIGN 6).

How it acts is declared by the actions; what it reads and keeps is declared here, and a live test compares all of it
with what was really asked of the API server: nothing missing, nothing unused.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from platelet.actions import ACTIONS
from platelet.model.policy import OPERATOR_NAMESPACE
from platelet.model.rights import Right
from platelet.model.workload import KINDS

HOME_LABEL: Final = "platelet.dev/home"  # of the operator's own namespace, whatever its name
NAME: Final = "platelet"
_RBAC: Final = "rbac.authorization.k8s.io"
_WORKLOADS: Final = tuple(f"{kind.lower()}s" for kind in KINDS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """Verbs on resources, and what for."""

    why: str
    group: str = ""
    resources: tuple[str, ...]
    verbs: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Switch:
    """One way to act, with a binding of its own: without it, the API server refuses these actions."""

    name: str
    actions: tuple[str, ...]  # the actions that need it
    rule: Rule


_PLANNED_BY: Final = tuple(
    Rule(
        why=f"what {action.key} is planned by",
        group=group,
        resources=(resource,),
        verbs=tuple(right.verb for right in action.reads if (right.group, right.resource) == (group, resource)),
    )
    for action in ACTIONS
    for group, resource in dict.fromkeys((right.group, right.resource) for right in action.reads)
)
EVERYWHERE: Final = (
    Rule(why="what is sick", resources=("pods",), verbs=("get", "list", "watch")),
    Rule(why="targets", group="apps", resources=_WORKLOADS, verbs=("get", "list", "watch")),
    Rule(
        why="whose pods, and what ran before", group="apps", resources=("replicasets",), verbs=("get", "list", "watch")
    ),
    Rule(why="which workload an alert is about that names a Service", resources=("services",), verbs=("get",)),
    Rule(why="who has written which keys of a ConfigMap", resources=("configmaps",), verbs=("get",)),
    Rule(why="a cause that is elsewhere", resources=("nodes",), verbs=("get", "watch")),
    Rule(
        why="suspensions, and the scope of namespaceSelector", resources=("namespaces",), verbs=("get", "list", "watch")
    ),
    Rule(
        why="who owns the replicas", group="autoscaling", resources=("horizontalpodautoscalers",), verbs=("get", "list")
    ),
    Rule(why="the same, with KEDA", group="keda.sh", resources=("scaledobjects",), verbs=("get",)),
    Rule(
        why="what people have written",
        group="platelet.dev",
        resources=("actionbudgets", "escalationpolicies", "remediationpolicies", "runbooks"),
        verbs=("get", "list", "watch"),
    ),
    Rule(
        why="whether it is ready",
        group="platelet.dev",
        resources=("escalationpolicies/status", "remediationpolicies/status", "runbooks/status"),
        verbs=("update",),
    ),
    Rule(
        why="the record of each incident",
        group="platelet.dev",
        resources=("remediations",),
        verbs=("create", "delete", "get", "list", "watch"),
    ),
    Rule(why="how far it is", group="platelet.dev", resources=("remediations/status",), verbs=("update",)),
    Rule(
        why="which templates were healthy",
        group="apps",
        resources=("controllerrevisions",),
        verbs=("create", "delete", "get", "list", "patch", "watch"),
    ),
    *_PLANNED_BY,
    Rule(why="whether what blockWhile names runs", group="batch", resources=("jobs",), verbs=("list",)),
    Rule(
        why="which Jobs have failed, for a `job` trigger",
        group="batch",
        resources=("cronjobs", "jobs"),
        verbs=("list",),
    ),
    Rule(why="what kubectl describe shows", group="events.k8s.io", resources=("events",), verbs=("create", "patch")),
)
LOGS: Final = Right(group="", resource="pods", subresource="log", verb="get")
ON_DEMAND: Final = (  # not part of the base: deploy/logs
    Rule(why="the end of a failing container's log", resources=(LOGS.path,), verbs=(LOGS.verb,)),
)
AT_HOME: Final = (
    Rule(why="one leader", group="coordination.k8s.io", resources=("leases",), verbs=("create", "get", "update")),
    Rule(why="a place for every attempt", group="platelet.dev", resources=("actionbudgets/status",), verbs=("update",)),
    Rule(why="the label of the leader on its own pod", group="", resources=("pods",), verbs=("get", "list", "patch")),
)


def switches() -> tuple[Switch, ...]:
    """The ways to act, from what the actions declare. The mark of an escalation is a patch of the workload, too."""
    rights_of: dict[str, dict[Right, list[str]]] = {}
    for action in ACTIONS:
        for right in action.rights:
            rights_of.setdefault(_switch_name(right), {}).setdefault(right, []).append(action.key + right.condition)
    return tuple(_switch(name, rights) for name, rights in sorted(rights_of.items()))


def _switch_name(right: Right) -> str:
    return f"{NAME}-{right.deed.partition(' ')[0]}-{right.group or 'core'}"


def _switch(name: str, rights: dict[Right, list[str]]) -> Switch:
    actions = tuple(dict.fromkeys(key for keys in rights.values() for key in keys))
    first = next(iter(rights))
    return Switch(
        name=name,
        actions=actions,
        rule=Rule(
            why=", ".join(actions),
            group=first.group,
            resources=tuple(sorted({right.path for right in rights})),
            verbs=tuple(sorted({right.verb for right in rights})),
        ),
    )


def granted() -> frozenset[tuple[str, str, str]]:
    """Everything that the roles of this file grant: (API group, resource or resource/subresource, verb)."""
    rules = (*EVERYWHERE, *AT_HOME, *(switch.rule for switch in switches()))
    return frozenset((rule.group, path, verb) for rule in rules for path in rule.resources for verb in rule.verbs)


def build_cluster_role() -> str:
    """Generate deploy/base/cluster-role.yaml, without its header."""
    documents = [
        _comment("What the operator reads and keeps, in every namespace.", _role("ClusterRole", NAME, EVERYWHERE)),
        _binding("ClusterRole", NAME),
        _comment("In its own namespace only.", _role("Role", NAME, AT_HOME)),
        _binding("Role", NAME),
    ]
    for switch in switches():
        comment = f"A switch: without this binding it cannot carry out {', '.join(switch.actions)}."
        documents += [
            _role("ClusterRole", switch.name, [switch.rule]),
            _comment(comment, _binding("ClusterRole", switch.name)),
        ]
    return "---\n".join(documents)


def build_logs_role() -> str:
    """Generate deploy/logs/cluster-role.yaml, without its header: what `evidence.logs` of a policy needs."""
    name = f"{NAME}-logs"
    role = _comment("Only what policies with `evidence.logs: true` need.", _role("ClusterRole", name, ON_DEMAND))
    return "---\n".join([role, _binding("ClusterRole", name)])


def _comment(text: str, document: str) -> str:
    return f"# {text}\n{document}"


def _role(kind: str, name: str, rules: Iterable[Rule]) -> str:
    return "\n".join([*_head(kind, name), "rules:", *(line for rule in rules for line in _rule(rule)), ""])


def _rule(rule: Rule) -> Iterator[str]:
    group = rule.group or '""'
    yield f"- apiGroups: [{group}] # {rule.why}"
    yield f"  resources: [{', '.join(rule.resources)}]"
    yield f"  verbs: [{', '.join(rule.verbs)}]"


def _binding(kind: str, name: str) -> str:
    return "\n".join(
        [
            *_head(f"{kind}Binding", name),
            "roleRef:",
            f"  apiGroup: {_RBAC}",
            f"  kind: {kind}",
            f"  name: {name}",
            "subjects:",
            "- kind: ServiceAccount",
            f"  name: {NAME}",
            f"  namespace: {OPERATOR_NAMESPACE}",
            "",
        ]
    )


def _head(kind: str, name: str) -> list[str]:
    home = [f"  namespace: {OPERATOR_NAMESPACE}"] if kind.startswith("Role") else []
    return [f"apiVersion: {_RBAC}/v1", f"kind: {kind}", "metadata:", f"  name: {name}", *home]
