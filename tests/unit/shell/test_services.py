"""Alerts that name a Service: its selector finds the one workload behind it, or people hear why there is none."""

from typing import Any

import pytest

from platelet.shell import kube
from platelet.triggers.targeting import KindlessNamed, ReplicaSetNamed, ServicesNamed
from tests.scenarios.manifests import on_alert, policy
from tests.scenarios.world import SHOP
from tests.unit.shell.in_memory import ALERT, API, Shell


def a_service(shell: Shell, name: str, selector: dict[str, str] | None) -> None:
    spec: dict[str, Any] = {"ports": [{"port": 80}], **({"selector": selector} if selector is not None else {})}
    shell.apply(kube.SERVICES, {"metadata": {"name": name}, "spec": spec})


def a_pod(
    shell: Shell, name: str, labels: dict[str, str], owner: dict[str, Any] | None, phase: str = "Running"
) -> None:
    owners = [{"uid": f"uid-{owner['name']}", "controller": True, **owner}] if owner else []
    metadata = {"name": name, "labels": labels, "ownerReferences": owners}
    pod = shell.world.store.create(kube.PODS, SHOP, {"metadata": metadata, "spec": {}})
    shell.world.store.replace(kube.PODS, SHOP, name, {**pod, "status": {"phase": phase}}, subresource="status")


def two_of_a_tier(shell: Shell) -> None:
    """Two Deployments whose pods have a label in common."""
    labelled = {"spec": {"template": {"metadata": {"labels": {"tier": "all"}}}}}
    for name in ("web", "stable"):
        shell.world.deploy(name, "app:good-1", labels={"heal": "yes"})
        shell.world.store.patch(kube.DEPLOYMENTS, SHOP, name, labelled)


ROLLOUT = {"apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout", "name": "canary"}
JOB = {"apiVersion": "batch/v1", "kind": "Job", "name": "import"}

# Each row: what the Service `front` selects, and a word of why there is no target; empty where it is `api`.
BEHIND: dict[str, tuple[dict[str, str] | None, str]] = {
    "one Deployment": ({"app": "api"}, ""),
    "nothing": ({"app": "gone"}, "no workload is behind Service front"),
    "no selector, as of an external name": (None, "no workload is behind"),
    "an empty selector": ({}, "no workload is behind"),
    "several": ({"tier": "all"}, "shop/deployment/stable, shop/deployment/web"),
    "a workload without pods": ({"app": "idle"}, ""),
    "a Rollout": ({"app": "canary"}, "Rollout canary"),
    "a pod of nobody": ({"app": "lonely"}, "a pod of nobody"),
    "a Deployment and a pod that is over": ({"app": "mixed"}, ""),
}


@pytest.mark.parametrize(("selector", "why"), BEHIND.values(), ids=BEHIND)
async def test_a_service_leads_to_the_one_workload_behind_it(selector: dict[str, str] | None, why: str) -> None:
    shell = Shell()
    two_of_a_tier(shell)
    shell.world.deploy("idle", "app:good-1", replicas=0)
    shell.world.deploy("mixed", "app:good-1")
    a_pod(shell, "canary-1", {"app": "canary"}, ROLLOUT)
    a_pod(shell, "lonely", {"app": "lonely"}, None)
    a_pod(shell, "import-1", {"app": "mixed"}, JOB, "Succeeded")
    a_service(shell, "front", selector)
    target = await shell.finder.of_alert(ServicesNamed(namespace=SHOP, names=("front",)))
    expected = (selector or {}).get("app", "")
    assert (target.target.name if target.target else "") == ("" if why else expected)
    assert why in target.why
    assert target.named


async def test_labels_that_differ_are_several_names_for_one_service() -> None:
    """OpenTelemetry calls an application as its authors do, and Kubernetes its Service."""
    shell = Shell()
    shell.world.deploy("web", "app:good-1")
    a_service(shell, "front", {"app": "api"})
    a_service(shell, "web", {"app": "web"})
    both = ServicesNamed(namespace=SHOP, names=("front", "frontend-service"))
    assert (await shell.finder.of_alert(both)).target == API
    two = await shell.finder.of_alert(ServicesNamed(namespace=SHOP, names=("front", "web")))
    assert (two.target, "front and web" in two.why) == (None, True)


async def test_where_no_service_is_called_so_the_label_of_pods_leads_to_the_one_workload_that_has_it() -> None:
    """Helm calls a Service after the release, and what runs in it by app.kubernetes.io/name."""
    shell = Shell()
    two_of_a_tier(shell)
    one = ServicesNamed(namespace=SHOP, names=("api",), pod_label="app")
    assert (await shell.finder.of_alert(one)).target == API
    several = await shell.finder.of_alert(ServicesNamed(namespace=SHOP, names=("all",), pod_label="tier"))
    assert (several.target, several.named) == (None, True)
    assert several.why.startswith("behind label tier=all (no Service is called so) is not one")
    none = await shell.finder.of_alert(ServicesNamed(namespace=SHOP, names=("gone",), pod_label="app"))
    assert (none.target, none.named) == (None, True)
    a_service(shell, "api", {"app": "web"})
    assert (await shell.finder.of_alert(one)).target != API, "the Service is asked first"


async def test_a_service_that_does_not_exist_is_named_unless_it_is_only_likely_one() -> None:
    shell = Shell()
    gone = await shell.finder.of_alert(ServicesNamed(namespace=SHOP, names=("front",)))
    assert (gone.target, gone.named, gone.why) == (None, True, "there is no Service front in namespace shop")
    job = await shell.finder.of_alert(ServicesNamed(namespace=SHOP, names=("blackbox",), likely=False))
    assert (job.target, job.named) == (None, False)


async def test_a_name_without_a_kind_is_a_workload_where_only_one_is_called_so() -> None:
    shell = Shell()
    assert (await shell.finder.of_alert(KindlessNamed(namespace=SHOP, name="api"))).target == API
    assert "there is no" in (await shell.finder.of_alert(KindlessNamed(namespace=SHOP, name="gone"))).why
    shell.apply(kube.STATEFUL_SETS, {"metadata": {"name": "api"}, "spec": {}})
    several = await shell.finder.of_alert(KindlessNamed(namespace=SHOP, name="api"))
    assert (several.target, "Deployment, StatefulSet" in several.why) == (None, True)


async def test_a_replica_set_leads_to_its_deployment() -> None:
    shell = Shell()
    (stored,) = shell.world.store.find(kube.REPLICA_SETS, SHOP)
    named = ReplicaSetNamed(namespace=SHOP, name=stored["metadata"]["name"])
    assert (await shell.finder.of_alert(named)).target == API
    assert "is gone" in (await shell.finder.of_alert(ReplicaSetNamed(namespace=SHOP, name="gone"))).why


WORDS = {
    "service": {"service": "front"},
    "service_name": {"service_name": "front"},
    "destination_service_name": {"destination_service_name": "front"},
    "app_kubernetes_io_name": {"app_kubernetes_io_name": "front"},
    "job": {"job": "front"},
}


@pytest.mark.parametrize("labels", WORDS.values(), ids=WORDS)
async def test_an_alert_about_errors_is_about_the_workload_behind_its_service(labels: dict[str, str]) -> None:
    shell = Shell()
    a_service(shell, "front", {"app": "api"})
    await shell.book.refresh()
    await shell.inbox.store([shell.an_alert(labels={"namespace": SHOP, **labels})], 0)
    (only,) = shell.remediations()
    assert only.spec.target_ref.name == "api"


@pytest.mark.parametrize("labels", WORDS.values(), ids=WORDS)
async def test_an_alert_whose_service_is_not_one_workload_is_on_record(labels: dict[str, str]) -> None:
    shell = Shell()
    two_of_a_tier(shell)
    a_service(shell, "front", {"tier": "all"})
    await shell.book.refresh()
    await shell.inbox.store([shell.an_alert(labels={"namespace": SHOP, **labels})], 0)
    assert not shell.remediations()
    (event,) = shell.people.events
    assert "behind Service front is not one" in event.note


async def test_many_alerts_about_one_service_are_looked_up_once() -> None:
    """I19: a storm of errors names few Services."""
    shell = Shell()
    a_service(shell, "front", {"app": "api"})
    await shell.book.refresh()
    before = len(shell.world.server.audit)
    alerts = [shell.an_alert(number, labels={"namespace": SHOP, "service": "front"}) for number in range(50)]
    await shell.inbox.store(alerts, 0)
    assert sum(call.resource == "services" for call in shell.world.server.audit[before:]) == 1
    assert len(shell.remediations()) == 1


# Each row: the policy's matchers beside the alert's name, and whether its refs are acted on.
SPELLED_OUT = {
    "by its name": (['service="front"'], True),
    "by a pattern": (['service=~"front|back"'], False),
    "another label": (['team="a"'], False),
}


@pytest.mark.parametrize(("extra", "acts"), SPELLED_OUT.values(), ids=SPELLED_OUT)
async def test_what_the_matchers_have_spelled_out_is_what_refs_are_about(extra: list[str], *, acts: bool) -> None:
    """Whoever writes `service="front"` above refs knows which workload that is."""
    shell = Shell()
    trigger = on_alert(ALERT)
    trigger["alert"]["matchers"] += extra
    refs = {"refs": [{"kind": "Deployment", "name": "api"}]}
    shell.world.store.delete(kube.POLICIES, SHOP, "heal")
    shell.apply(kube.POLICIES, policy("by-name", triggers=[trigger], targets=refs))
    await shell.book.refresh()
    await shell.inbox.store([shell.an_alert(labels={"namespace": SHOP, "service": "front", "team": "a"})], 0)
    assert bool(shell.remediations()) is acts
    assert bool(shell.people.events) is not acts
