"""What people may write is what they may do: the API server judges it, as users with and without each right."""

import json
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import pytest

from tests.cluster import installation, patience, people
from tests.cluster.control_plane import ControlPlane, KubectlFailed
from tests.cluster.manifests import CRASHES, RESTART, UNDO, runbook, step

Json = dict[str, Any]
HOME = installation.NAMESPACE
SCALE = step("scale", scale={"by": 1})
AUTHOR: list[Json] = [
    {
        "apiGroups": ["platelet.dev"],
        "resources": ["runbooks", "remediationpolicies", "remediations", "escalationpolicies"],
        "verbs": ["create", "get", "list", "patch", "update"],
    }
]
PATCHES = {"apiGroups": ["apps"], "resources": ["deployments", "statefulsets", "daemonsets"], "verbs": ["patch"]}
DELETES = {"apiGroups": [""], "resources": ["pods"], "verbs": ["delete"]}
SCALES_DEPLOYMENTS = {"apiGroups": ["apps"], "resources": ["deployments/scale"], "verbs": ["patch"]}
USES_HEAL = {"apiGroups": ["platelet.dev"], "resources": ["runbooks"], "resourceNames": ["heal"], "verbs": ["use"]}
KEEPS_REVISIONS = {
    "apiGroups": ["apps"],
    "resources": ["controllerrevisions"],
    "verbs": ["create", "delete", "get", "list", "patch"],
}
APPROVES = {"apiGroups": ["platelet.dev"], "resources": ["remediations"], "verbs": ["approve"]}


@dataclass(frozen=True)
class Team:
    """A namespace in which alice may patch workloads, use the Runbook `heal` and approve; bob may only scale."""

    plane: ControlPlane
    namespace: str

    def asks(self, user: str, manifest: str | Json, *, namespace: str = "") -> str:
        """What the API server answers to a creation that it would carry out: nothing, or why not."""
        text = manifest if isinstance(manifest, str) else json.dumps(manifest)
        arguments = ("create", "-n", namespace or self.namespace, "--dry-run=server", "-o", "name", "-f", "-")
        return self._try(partial(self.plane.kubectl, *arguments, user=user, input=text))

    def kubectl(self, user: str, *arguments: str) -> str:
        """Do it; nothing, or why not."""
        return self._try(partial(self.plane.kubectl, *arguments, "-n", self.namespace, user=user))

    @staticmethod
    def _try(call: "partial[str]") -> str:
        try:
            call()
        except KubectlFailed as error:
            return error.stderr
        return ""


@pytest.fixture(scope="module")
def team(control_plane: ControlPlane) -> Iterator[Team]:
    """Platelet's kinds and admission policies, in force, and a team's namespace."""
    namespace = f"team-{secrets.token_hex(4)}"
    installation.install(control_plane)
    control_plane.kubectl("create", "namespace", namespace)
    people.grant(control_plane, "alice", namespace, [*AUTHOR, PATCHES, DELETES, USES_HEAL, APPROVES])
    people.grant(control_plane, "alice", HOME, [*AUTHOR, PATCHES, DELETES])
    people.grant(control_plane, "bob", namespace, [*AUTHOR, SCALES_DEPLOYMENTS, KEEPS_REVISIONS])
    control_plane.kubectl("apply", "-n", namespace, "-f", "-", input=runbook("heal", RESTART))
    team = Team(control_plane, namespace)
    manifests = (runbook("any", RESTART), policy("nobodys"), remediation("nobodys"), remediation("heal", approve="x"))
    for manifest in manifests:
        patience.until("admission to be in force", partial(_denies, team, manifest))
    yield team
    control_plane.kubectl("delete", "namespace", namespace, "--wait=false")


def _denies(team: Team, manifest: Json | str) -> bool:
    return "denied request" in team.asks("bob", manifest)


def policy(book: str, **spec: Any) -> Json:
    """A policy that follows a Runbook."""
    return {
        "apiVersion": "platelet.dev/v1alpha1",
        "kind": "RemediationPolicy",
        "metadata": {"name": "any"},
        "spec": {"triggers": [CRASHES], "targets": {"all": True}, "runbookRef": {"name": book}, **spec},
    }


def remediation(book: str, *steps: Json, **annotations: str) -> Json:
    """A Remediation as made by hand; annotations without our prefix."""
    return {
        "apiVersion": "platelet.dev/v1alpha1",
        "kind": "Remediation",
        "metadata": {
            "name": "by-hand",
            "annotations": {f"platelet.dev/{key.replace('_', '-')}": text for key, text in annotations.items()},
        },
        "spec": {
            "targetRef": {"kind": "Deployment", "name": "api"},
            "policyRef": {"name": "any"},
            "runbookRef": {"name": book},
            "mode": "Enforce",
            "signal": {
                "source": "pod",
                "reason": "ByHand",
                "fingerprint": "x",
                "message": "",
                "firstSeen": "2026-11-21T08:00:00Z",
                "lastSeen": "2026-11-21T08:00:00Z",
            },
            "steps": list(steps),
        },
    }


def escalation(*approvers: str, name: str = "oncall", key: str = "signing") -> Json:
    """An EscalationPolicy with these approvers."""
    channel = {"channel": "C0123456789", "tokenRef": {"name": "chat", "key": "token"}}
    app = {"secretRef": {"name": "chat", "key": key}, "approvers": list(approvers)}
    return {
        "apiVersion": "platelet.dev/v1alpha1",
        "kind": "EscalationPolicy",
        "metadata": {"name": name},
        "spec": {
            "sinks": [{"name": "channel", "slack": channel}],
            "levels": [{"after": "0s", "sinks": ["channel"]}],
            "callbacks": {"slack": app},
        },
    }


MAY: dict[str, tuple[str, str | Json]] = {
    "approvers by one who may approve": ("alice", escalation("U0123456789")),
    "an app without approvers by anybody": ("bob", escalation()),
    "a restart by one who may patch": ("alice", runbook("mine", RESTART)),
    "an undo by one who may patch": ("alice", runbook("mine", UNDO)),
    "a policy for a runbook that one may use": ("alice", policy("heal")),
    "a remediation by hand of a runbook that one may use": ("alice", remediation("heal", RESTART)),
    "everything by an admin": ("admin", policy("heal", namespaceSelector={"matchLabels": {"a": "b"}})),
    "logs as evidence by one who may read them": ("admin", policy("heal", evidence={"logs": True})),
    "no logs as evidence": ("alice", policy("heal", evidence={"logs": False})),
    "an approval in one's own name": ("alice", remediation("heal", RESTART, approve="x", approved_by="alice")),
}
MAY_NOT: dict[str, tuple[str, str | Json, str]] = {
    "approvers by one who may not approve": (
        "bob",
        escalation("U0123456789"),
        "bob may not approve what remediations in NS plan, so neither may they say who does: callbacks.slack.approvers",
    ),
    "a scale by one who may only patch": (
        "alice",
        runbook("mine", RESTART, SCALE),
        "alice may not scale deployments in NS, so neither may a runbook of theirs: scale would",
    ),
    "a scale by one who may scale Deployments only": (
        "bob",
        runbook("mine", SCALE),
        "bob may not scale statefulsets in NS, so neither may a runbook of theirs: scale would",
    ),
    "a restart by one who may not patch": (
        "bob",
        runbook("mine", RESTART),
        "bob may not patch deployments in NS, so neither may a runbook of theirs: rolloutUndo and rolloutRestart",
    ),
    "a policy for somebody else's runbook": (
        "bob",
        policy("heal"),
        "bob may not use the Runbook heal in NS, so neither may a policy of theirs: it needs the verb use on",
    ),
    "a policy for another runbook than one may use": ("alice", policy("other"), "may not use the Runbook other in NS"),
    "a remediation by hand of a runbook that one may not use": (
        "bob",
        remediation("heal"),
        "bob may not use the Runbook heal in NS, so neither may a remediation of theirs",
    ),
    "a remediation by hand whose steps are more than one may": (
        "alice",
        remediation("heal", SCALE),
        "alice may not scale deployments in NS, so neither may a remediation of theirs: scale would",
    ),
    "a remediation by hand in another's name": (
        "alice",
        {**remediation("heal"), "spec": {**remediation("heal")["spec"], "requestedBy": "bob"}},
        "spec.requestedBy must be alice, who asks, and not bob",
    ),
    "a selector of namespaces by one whose rights end at one": (
        "alice",
        policy("heal", namespaceSelector={"matchLabels": {"a": "b"}}),
        "alice may not patch deployments in every namespace, so neither may a namespaceSelector",
    ),
    "logs as evidence by one who may not read them": (
        "alice",
        policy("heal", evidence={"logs": True}),
        "alice may not get pods/log where this policy acts, so neither may its evidence.logs",
    ),
    "an approval in another's name": (
        "alice",
        remediation("heal", RESTART, approve="x", approved_by="admin"),
        "platelet.dev/approved-by must be alice, who answers, and not admin",
    ),
    "an approval in nobody's name": (
        "alice",
        remediation("heal", RESTART, approve="x"),
        "platelet.dev/approved-by must be alice, who answers, and not nobody",
    ),
}


@pytest.mark.parametrize(("user", "manifest"), MAY.values(), ids=MAY)
def test_one_may_write_what_one_may_do(team: Team, user: str, manifest: str | Json) -> None:
    assert team.asks(user, manifest) == ""


@pytest.mark.parametrize(("user", "manifest", "words"), MAY_NOT.values(), ids=MAY_NOT)
def test_one_may_not_write_what_one_may_not_do(team: Team, user: str, manifest: str | Json, words: str) -> None:
    """The message names who, what and where."""
    assert words.replace("NS", team.namespace) in team.asks(user, manifest)


def test_a_policy_that_never_acts_needs_the_right_to_no_runbook(team: Team) -> None:
    """One that names one does, whatever its triggers."""
    telling: Json = {"triggers": [{"job": {}}]}
    never = {**policy(""), "spec": telling}
    assert team.asks("bob", never) == ""
    assert "may not use the Runbook heal" in team.asks(
        "bob", {**never, "spec": {**telling, "runbookRef": {"name": "heal"}}}
    )


def test_a_runbook_of_the_operators_namespace_is_judged_by_rights_in_every_namespace(team: Team) -> None:
    """A policy there may carry a namespaceSelector."""
    answer = team.asks("alice", runbook("mine", RESTART), namespace=HOME)
    assert "alice may not patch deployments in every namespace, so neither may a runbook of theirs" in answer


def test_the_operators_namespace_is_known_by_its_label_under_any_name(team: Team) -> None:
    """Installed elsewhere by a kustomization of one's own."""
    assert team.asks("alice", runbook("mine", RESTART)) == ""
    team.plane.kubectl("label", "namespace", team.namespace, "platelet.dev/home=true")
    try:
        refused = "alice may not patch deployments in every namespace"
        patience.until("the label to count", lambda: refused in team.asks("alice", runbook("mine", RESTART)))
    finally:
        team.plane.kubectl("label", "namespace", team.namespace, "platelet.dev/home-")
    patience.until("the label to be gone", lambda: team.asks("alice", runbook("mine", RESTART)) == "")


def test_a_label_is_no_authorship_and_another_spec_is(team: Team) -> None:
    assert team.kubectl("bob", "label", "runbook", "heal", "team=b") == ""
    change = json.dumps({"spec": {"description": "b"}})
    assert "bob may not patch deployments" in team.kubectl("bob", "patch", "rbk", "heal", "--type=merge", "-p", change)


def test_a_policy_can_be_stopped_without_the_right_to_use_its_runbook_and_not_be_set_free(team: Team) -> None:
    """Stopping must always be possible; everything else is authorship."""
    made = policy("heal")
    made["metadata"]["name"] = "stopped"
    team.plane.kubectl("create", "-n", team.namespace, "-f", "-", input=json.dumps(made))

    def patch(spec: Json) -> str:
        change = json.dumps({"spec": spec})
        return team.kubectl("bob", "patch", "rempol", "stopped", "--type=merge", "-p", change)

    stop = {"suspended": {"reason": "bob"}}
    assert "bob may not use the Runbook heal" in patch({"priority": 5})
    assert "bob may not use the Runbook heal" in patch({**stop, "priority": 5})
    assert patch(stop) == ""
    assert "bob may not use the Runbook heal" in patch({"suspended": None})
    assert "bob may not use the Runbook heal" in patch({"suspended": {"until": "2020-01-01T00:00:00Z"}})
    assert patch({"suspended": {"reason": "bob, again"}}) == ""


ANSWERS: dict[str, tuple[str, str, str]] = {
    "with the right, in one's own name": ("alice", "alice", ""),
    "with the right, in another's name": ("alice", "bob", "-by must be alice, who answers, and not bob"),
    "without the right, in one's own name": ("bob", "bob", "bob may neither approve nor reject"),
    "without the right, in another's name": ("bob", "alice", "bob may neither approve nor reject"),
}


@pytest.mark.parametrize("verb", ["approve", "reject", "retry", "acknowledge"])
@pytest.mark.parametrize(("user", "name", "words"), ANSWERS.values(), ids=ANSWERS)
def test_an_answer_needs_the_verb_and_ones_own_name(team: Team, user: str, name: str, words: str, verb: str) -> None:
    """All four combinations of own and other name, with and without the verb; on an object of others."""
    made = remediation("heal")
    made["metadata"]["name"] = f"asked-{secrets.token_hex(3)}"
    team.plane.kubectl("create", "-n", team.namespace, "-f", "-", input=json.dumps(made))
    by = {"approve": "approved", "reject": "rejected", "retry": "retried", "acknowledge": "acknowledged"}[verb]
    annotations = (f"platelet.dev/{verb}=0-1-x", f"platelet.dev/{by}-by={name}")
    answer = team.kubectl(user, "annotate", "rem", made["metadata"]["name"], *annotations)
    assert words in answer
    assert (answer == "") == (words == "")


def test_an_answer_of_others_cannot_be_changed_nor_taken_away_without_the_right(team: Team) -> None:
    made = remediation("heal", approve="0-1-x", approved_by="admin")
    made["metadata"]["name"] = "answered"
    team.plane.kubectl("create", "-n", team.namespace, "-f", "-", input=json.dumps(made))
    annotate = partial(team.kubectl, "bob", "annotate", "--overwrite", "rem", "answered")
    for change in ("platelet.dev/approve=0-1-y", "platelet.dev/approve-", "platelet.dev/reject-reason=no"):
        assert "bob may neither approve nor reject" in annotate(change)
    assert "must be alice" in team.kubectl(
        "alice", "annotate", "--overwrite", "rem", "answered", "platelet.dev/approve=0-1-y"
    )
    assert annotate("note=mine") == "", "other annotations are no answers"


HEARD: dict[str, tuple[str, str, str]] = {
    "with the right, in one's own name": ("alice", "alice", ""),
    "with the right, in another's name": ("alice", "bob", "TOKEN must be alice, who answers"),
    "without the right, in one's own name": ("bob", "bob", "bob may not acknowledge what policies have on record"),
    "without the right, in another's name": ("bob", "alice", "bob may not acknowledge what policies have on record"),
}


@pytest.mark.parametrize(("user", "name", "words"), HEARD.values(), ids=HEARD)
def test_a_failed_job_is_acknowledged_with_the_verb_and_in_ones_own_name(
    team: Team, user: str, name: str, words: str
) -> None:
    made = policy("heal")
    made["metadata"]["name"] = f"jobs-{secrets.token_hex(3)}"
    team.plane.kubectl("create", "-n", team.namespace, "-f", "-", input=json.dumps(made))
    annotate = partial(team.kubectl, user, "annotate", "--overwrite", "rempol", made["metadata"]["name"])
    answer = annotate(f"acknowledge.platelet.dev/0123456789abcdef={name}")
    assert words in answer
    assert (answer == "") == (words == "")
    assert annotate("note=mine") == "", "other annotations are no answers"
    assert annotate("acknowledge.platelet.dev/0123456789abcdef-") == "", "what is on record stays there"


def test_who_has_heard_cannot_be_changed_by_others(team: Team) -> None:
    made = policy("heal")
    made["metadata"]["name"] = "heard"
    made["metadata"]["annotations"] = {"acknowledge.platelet.dev/0123456789abcdef": "alice"}
    team.plane.kubectl("create", "-n", team.namespace, "-f", "-", input=json.dumps(made))
    annotate = partial(team.kubectl, "bob", "annotate", "--overwrite", "rempol", "heard")
    assert "bob may not acknowledge" in annotate("acknowledge.platelet.dev/0123456789abcdef=bob")
    stop = json.dumps({"spec": {"suspended": {"reason": "bob"}}})
    assert team.kubectl("bob", "patch", "rempol", "heard", "--type=merge", "-p", stop) == "", (
        "what others have said stays"
    )


def a_revision(name: str, **labels: str) -> Json:
    """A ControllerRevision, as whoever may create them would write it."""
    metadata = {"name": name, "labels": {f"platelet.dev/{key.replace('_', '-')}": labels[key] for key in labels}}
    return {
        "apiVersion": "apps/v1",
        "kind": "ControllerRevision",
        "metadata": metadata,
        "revision": 1,
        "data": {"template": {"spec": {}}},
    }


RECORDS = {
    "by its labels": a_revision("any", target_kind="Deployment", target="api"),
    "by its name": a_revision("platelet-deployment-0123456789abcdef"),
}


@pytest.mark.parametrize("record", RECORDS.values(), ids=RECORDS)
def test_a_revision_record_is_the_operators_alone(team: Team, record: Json) -> None:
    """Bob may do all with ControllerRevisions; an administrator may still remove one."""
    denied = "bob may neither write nor remove revision records"
    name, note = record["metadata"]["name"], ("platelet.dev/health=Healthy",)
    assert denied in team.asks("bob", record)
    team.plane.kubectl("create", "-n", team.namespace, "-f", "-", input=json.dumps(record))
    assert denied in team.kubectl("bob", "annotate", "controllerrevision", name, *note)
    assert denied in team.kubectl("bob", "delete", "controllerrevision", name)
    team.plane.kubectl("delete", "-n", team.namespace, "controllerrevision", name)
    assert team.asks("bob", a_revision("of-my-own", heal="true")) == ""


def test_who_may_not_approve_changes_neither_approvers_nor_the_key_that_they_are_known_by(team: Team) -> None:
    """And may go on changing the rest."""
    listed = escalation("U0123456789", name="kept")
    team.plane.kubectl("create", "-n", team.namespace, "-f", "-", input=json.dumps(listed))

    def changes(user: str, spec: Json) -> str:
        return team.kubectl(user, "patch", "escpol", "kept", "--type=merge", "-p", json.dumps({"spec": spec}))

    other_key = {"callbacks": {"slack": {"secretRef": {"key": "mine"}}}}
    longer_list = {"callbacks": {"slack": {"approvers": ["U0123456789", "U0999999999"]}}}
    for spec in (other_key, longer_list):
        assert "so neither may they say who does" in changes("bob", spec)
    assert changes("bob", {"levels": [{"after": "1m", "sinks": ["channel"]}]}) == ""
    assert changes("bob", {"callbacks": {"slack": {"approvers": []}}}) == ""
    assert changes("alice", longer_list) == ""


def test_at_home_approvers_answer_for_every_namespace_so_their_author_must_be_able_to(team: Team) -> None:
    answer = team.asks("alice", escalation("U0123456789"), namespace=HOME)
    assert "alice may not approve what remediations in every namespace plan" in answer
