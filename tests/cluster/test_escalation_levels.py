"""People are told level by level by local pagers; and what is wrong with an EscalationPolicy is said at once."""

import json
import time
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import timedelta

import pytest

from platelet.model.durations import parse_time
from tests.cluster import control_plane as cluster
from tests.cluster import incidents, listening, manifests
from tests.cluster.incidents import Scene
from tests.cluster.installation import OperatorProcess
from tests.cluster.listening import Pager, Publishers
from tests.cluster.manifests import UNDO, Json
from tests.published import standard_webhooks

pytestmark = pytest.mark.cluster
WORDS: Json = {"title": "{{ kind }}: {{ workload.name }} {{ '{{ reason }}' }}"}
SIGNED: Json = {"signingSecretRef": {"name": "pagers", "key": "signing"}}
SICK = [manifests.fires("Sick")]
STUBBORN = {
    **manifests.RESTART,
    "verify": {"timeout": "8s", "stableFor": "1s", "checks": [{"alertResolved": {"timeout": "8s"}}]},
}


@pytest.fixture
def scene(control_plane: cluster.ControlPlane, operator: OperatorProcess) -> Iterator[Scene]:  # noqa: ARG001 - it must run
    """A fresh namespace."""
    with incidents.scene(control_plane) as scene:
        yield scene


def allow_secret(scene: Scene, name: str, **values: str) -> None:
    """A Secret that the operator may read."""
    keys = [f"--from-literal={key}={value}" for key, value in values.items()]
    scene.kubectl("create", "secret", "generic", name, *keys)
    scene.kubectl("create", "role", name, "--verb=get", "--resource=secrets", f"--resource-name={name}")
    scene.kubectl("create", "rolebinding", name, f"--role={name}", "--user=platelet")


def oncall(sinks: list[Json], *levels: Json) -> str:
    body = {
        "apiVersion": "platelet.dev/v1alpha1",
        "kind": "EscalationPolicy",
        "metadata": {"name": "oncall"},
        "spec": {"sinks": sinks, "levels": list(levels)},
    }
    return json.dumps(body)


def kinds(pager: Pager, scene: Scene) -> list[str]:
    """What a pager has taken about the namespace, a repetition once."""
    taken = {call.event["id"]: call.event["type"].rpartition(".")[2] for call in pager.of(scene.namespace)}
    return list(taken.values())


def test_levels_are_told_in_their_order_until_somebody_has_heard_and_all_of_them_hear_the_end(
    scene: Scene, operator: OperatorProcess
) -> None:
    """The ladder of a runbook, with seconds for minutes; the third level never comes."""
    with ExitStack() as stack:
        pagers = {name: stack.enter_context(listening.pager()) for name in ("first", "second", "third")}
        allow_secret(scene, "pagers", signing=standard_webhooks.SECRET)
        sinks = [{"name": name, "webhook": {"url": pager.url, **SIGNED}} for name, pager in pagers.items()]
        scene.apply(
            oncall(
                sinks,
                {"after": "0s", "sinks": ["first"]},
                {"after": "3s", "sinks": ["second"]},
                {"after": "10m", "sinks": ["third"]},
            )
        )
        scene.use(manifests.policy("people", SICK, UNDO, escalation={"policyRef": {"name": "oncall"}}))
        scene.admit("people", "web")
        firing = manifests.alert("Sick", scene.namespace, deployment="web")
        manifests.send(operator.alerts_url, firing)
        scene.until("the second level", "web", lambda: kinds(pagers["second"], scene) == ["escalated"])
        assert kinds(pagers["first"], scene) == ["escalated"]
        token = pagers["second"].of(scene.namespace)[0].event["data"]["acknowledge"]["token"]
        answer = [f"platelet.dev/acknowledge={token}", "platelet.dev/acknowledged-by=admin"]
        scene.kubectl("annotate", "rem", "deployment-web-1", *answer)
        scene.until("the acknowledgement", "web", lambda: acknowledged_by(scene, "web") == "admin")
        scene.kubectl("delete", "deployment", "web")
        for name in ("first", "second"):
            scene.until(f"the end at the {name}", "web", lambda: "resolved" in kinds(pagers[name], scene))  # noqa: B023 - at once
        assert kinds(pagers["third"], scene) == []
        for call in pagers["first"].of(scene.namespace):
            assert standard_webhooks.fault(call.headers, call.body, standard_webhooks.SECRET, time.time()) == ""
            assert call.headers["webhook-id"] == call.event["id"]


def acknowledged_by(scene: Scene, name: str) -> str:
    """Who has said that they have heard."""
    by: str = scene.remediations(name)[0]["status"]["escalation"].get("acknowledgedBy", "")
    return by


def test_a_question_climbs_the_levels_until_it_is_answered_and_all_who_were_asked_hear_the_answer(
    scene: Scene, operator: OperatorProcess
) -> None:
    """Nothing is done until a person says yes; the third level is never asked."""
    with ExitStack() as stack:
        pagers = {name: stack.enter_context(listening.pager()) for name in ("first", "second", "third")}
        sinks = [{"name": name, "webhook": {"url": pager.url}} for name, pager in pagers.items()]
        levels = [{"after": after, "sinks": [name]} for after, name in zip(("0s", "3s", "10m"), pagers, strict=True)]
        scene.apply(oncall(sinks, *levels))
        followed = {"policyRef": {"name": "oncall"}}
        scene.use(manifests.policy("people", SICK, manifests.RESTART, mode="Approve", escalation=followed))
        scene.admit("people", "web")
        manifests.send(operator.alerts_url, manifests.alert("Sick", scene.namespace, deployment="web"))
        scene.until("the second level", "web", lambda: kinds(pagers["second"], scene) == ["approvalneeded"])
        assert kinds(pagers["first"], scene) == ["approvalneeded"]
        assert scene.effects("web") == []
        (asked,) = scene.remediations("web")
        answer = [f"platelet.dev/approve={asked['status']['approval']['token']}", "platelet.dev/approved-by=admin"]
        scene.kubectl("annotate", "rem", asked["metadata"]["name"], *answer)
        for name in ("first", "second"):
            scene.until(f"the answer at the {name}", "web", lambda: "answered" in kinds(pagers[name], scene))  # noqa: B023 - at once
        scene.until("what was approved", "web", lambda: len(scene.effects("web")) == 1)
        assert kinds(pagers["third"], scene) == []


def test_pagerduty_slack_and_an_alertmanager_are_told_within_their_published_limits_from_the_call_to_the_end(
    scene: Scene, operator: OperatorProcess
) -> None:
    allow_secret(scene, "pagers", pagerduty=listening.ROUTING_KEY, slack=listening.SLACK_TOKEN)
    with listening.publishers() as publishers:
        pager = {"url": publishers.url, "routingKeyRef": {"name": "pagers", "key": "pagerduty"}}
        channel = {"url": publishers.url, "channel": "C0123456789", "tokenRef": {"name": "pagers", "key": "slack"}}
        sinks = [
            {"name": "pager", "pagerduty": pager},
            {"name": "channel", "slack": channel},
            {"name": "alerts", "alertmanager": {"url": publishers.url}},
        ]
        scene.apply(oncall(sinks, {"after": "0s", "sinks": ["pager", "channel", "alerts"]}))
        scene.use(manifests.policy("people", SICK, UNDO, escalation={"policyRef": {"name": "oncall"}}))
        scene.admit("people", "web")
        manifests.send(operator.alerts_url, manifests.alert("Sick", scene.namespace, deployment="web"))
        scene.until("the thread", "web", lambda: len(publishers.taken("/api/chat.postMessage")) == 2)
        scene.until("the page", "web", lambda: len(publishers.taken("/v2/enqueue")) == 1)
        scene.kubectl("delete", "deployment", "web")
        scene.until("the end", "web", lambda: len(publishers.taken("/api/chat.postMessage")) == 3)
        scene.until("its resolution", "web", lambda: len(publishers.taken("/v2/enqueue")) == 2)
        scene.until("the end of the alert", "web", lambda: len(publishers.taken("/api/v2/alerts")) == 2)
    assert publishers.faults == []
    trigger, resolution = publishers.taken("/v2/enqueue")
    assert (trigger["event_action"], resolution["event_action"]) == ("trigger", "resolve")
    assert trigger["dedup_key"] == resolution["dedup_key"]
    root, detail, end = publishers.taken("/api/chat.postMessage")
    (update,) = publishers.taken("/api/chat.update")
    assert "thread_ts" not in root
    assert detail["thread_ts"] == end["thread_ts"] == update["ts"]
    assert update["text"].startswith("RESOLVED")
    stored = json.dumps(scene.items("/apis/platelet.dev/v1alpha1|remediations"))
    assert listening.ROUTING_KEY not in stored
    assert listening.SLACK_TOKEN not in stored


def test_a_page_is_held_while_an_attempt_runs_and_let_go_when_people_have_it(
    scene: Scene, operator: OperatorProcess
) -> None:
    with listening.publishers() as publishers, listening.pager() as pager:
        holding = {"url": publishers.url, "holdPageWhileHealing": True}
        first = {"name": "first", "webhook": {"url": pager.url}, "template": WORDS}
        sinks = [{"name": "pages", "alertmanager": holding}, first]
        scene.apply(oncall(sinks, {"after": "0s", "sinks": ["first"]}))
        scene.use(manifests.policy("people", SICK, STUBBORN, escalation={"policyRef": {"name": "oncall"}}))
        scene.admit("people", "web")
        manifests.send(operator.alerts_url, manifests.alert("Sick", scene.namespace, deployment="web"))
        scene.until("the hold", "web", lambda: publishers.taken("/api/v2/alerts"))
        scene.until_state("web", "Escalated")
        scene.until("its end", "web", lambda: len(publishers.taken("/api/v2/alerts")) == 2)
        scene.until("the call", "web", lambda: kinds(pager, scene) == ["escalated"])
        assert pager.calls[0].event["data"]["title"] == "Escalated: web {{ reason }}"
    assert publishers.faults == []
    (held,), (over,) = alerts(publishers)
    assert held["labels"] == over["labels"]
    assert (held["labels"]["alertname"], held["labels"]["deployment"]) == ("PlateletHealing", "web")
    remediation = scene.remediations("web")[0]["status"]
    intended, escalated = remediation["attempts"][0]["intendedAt"], remediation["escalation"]["at"]
    assert parse_time(held["endsAt"]) > parse_time(intended)
    assert parse_time(over["endsAt"]) <= parse_time(escalated) + timedelta(seconds=5)


def alerts(publishers: Publishers) -> list[list[Json]]:
    """The bodies that an Alertmanager was posted."""
    return [json.loads(call.body) for call in publishers.calls if call.path == "/api/v2/alerts"]


HOOK: Json = {"name": "first", "webhook": {"url": "http://127.0.0.1:1/x"}}
LEVEL: Json = {"after": "5m", "sinks": ["first"]}
REFUSED: dict[str, tuple[str, str]] = {
    "after is not ascending": (oncall([HOOK], LEVEL, {**LEVEL, "after": "1m"}), "in the order of their `after`"),
    "two at the same time": (oncall([HOOK], LEVEL, {**LEVEL, "after": "300s"}), "two levels have the same `after`"),
    "a level without sinks": (oncall([HOOK], {**LEVEL, "sinks": []}), "spec.levels[0].sinks"),
    "a sink that is not there": (oncall([HOOK], {**LEVEL, "sinks": ["pager"]}), "that spec.sinks does not have"),
    "a template without words": (oncall([{**HOOK, "template": {}}], LEVEL), "a template without words"),
    "a template without an end": (oncall([{**HOOK, "template": {"body": "x" * 4001}}], LEVEL), "template.body"),
    "a sink without a kind": (oncall([{"name": "first"}], LEVEL), "a sink needs its kind"),
}


@pytest.mark.parametrize(("manifest", "words"), REFUSED.values(), ids=REFUSED)
def test_the_api_server_refuses_what_nobody_could_be_told_by(scene: Scene, manifest: str, words: str) -> None:
    with pytest.raises(cluster.KubectlFailed) as error:
        scene.apply(manifest)
    assert words in str(error.value)


def test_what_only_the_operator_can_see_is_told_on_the_object(scene: Scene) -> None:
    secret = {"name": "nowhere", "key": "token"}
    sinks = [
        {"name": "first", "webhook": {"url": "http://127.0.0.1:1/x", "secretRef": secret}},
        {"name": "second", "webhook": {"url": "http://example.org/x"}, "template": {"body": "{{ evidnce }}"}},
        {"name": "third", "webhook": {"url": "http://127.0.0.1:1/x", **SIGNED}},
    ]
    allow_secret(scene, "pagers", signing="correct horse battery staple")
    severities = [["critical"], ["warning"]]
    scene.apply(oncall(sinks, *({**LEVEL, "severities": words, "sinks": ["first", "second"]} for words in severities)))
    scene.kubectl("wait", "escpol/oncall", "--for=condition=Warning", "--timeout=30s")
    message = scene.kubectl("get", "escpol/oncall", "-o", 'jsonpath={.status.conditions[?(@.type=="Warning")].message}')
    assert "spec.sinks.first.secretRef: the Secret" in message
    assert "spec.sinks.second.url: example.org is not in allowedHosts" in message
    assert "spec.sinks.second.template.body: line 1: there is no 'evidnce': it can say kind, reason" in message
    assert "spec.sinks.third.signingSecretRef: the Secret" in message
    assert "signing is no signing secret: 24 to 64 bytes in base64" in message
    assert "horse" not in message
    assert (
        scene.kubectl("get", "escpol/oncall", "-o", 'jsonpath={.status.conditions[?(@.type=="Ready")].status}')
        == "True"
    )
