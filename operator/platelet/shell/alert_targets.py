"""What the alerts of a delivery are about: which policies they match, and which workloads these look after."""

from collections.abc import Iterator, Mapping
from datetime import datetime

from platelet.model.alert import Alert
from platelet.model.signal import Evidence
from platelet.model.workload import WorkloadRef
from platelet.shell.delivery import Delivery, Item
from platelet.shell.kube import WORKLOADS, Kube, NotFound
from platelet.shell.policy_book import Standing
from platelet.shell.targets import Found, TargetFinder
from platelet.triggers import alert as alert_trigger
from platelet.triggers import clusters, matchers, targeting


class AlertTargets:
    """Finds the workloads behind alerts' labels. Within one delivery each thing is looked up once."""

    def __init__(self, kube: Kube, finder: TargetFinder, cluster: str) -> None:
        """`cluster` is how alerts call this cluster; empty: that is not known."""
        self._kube = kube
        self._finder = finder
        self._cluster = cluster

    def elsewhere(self, standing: Standing, alert: Alert) -> clusters.Elsewhere | None:
        """Whether the alert is about another cluster, or may be."""
        exact = {name: value for each in _exactly_matched(standing, alert) for name, value in each.items()}
        return clusters.elsewhere(alert.labels, self._cluster, exact)

    async def of(self, standing: Standing, alert: Alert, delivery: Delivery) -> tuple[list[WorkloadRef], Found | None]:
        """The targets of the policy that this alert is about; or, where there should be one and is none, why.

        `refs` say what is meant by an alert that names nothing; one that names something is about that alone. What the
        policy's own matchers have spelled out is no name: whoever wrote them wrote the refs, too.
        """
        refs, namespace = standing.loaded.targets.refs, standing.policy.namespace
        if refs is None:
            found, labels = await self._find(alert, "", delivery)
            target = found.target
            if target is None:
                return [], found
            mine = target.namespace in standing.namespaces
            return [target] if mine and standing.loaded.targets.matches(labels, target.name, target.kind) else [], None
        chosen = [WorkloadRef(kind=each.kind, namespace=namespace, name=each.name) for each in refs]
        found, _ = await self._find(alert, "" if targeting.namespaces_of(alert.labels) else namespace, delivery)
        if found.target is not None:
            return [each for each in chosen if each == found.target], None
        if not found.named or _is_spelled_out(standing, alert):
            return chosen, None
        return [], None if found.other else found

    async def _find(self, alert: Alert, namespace: str, delivery: Delivery) -> tuple[Found, Mapping[str, str]]:
        """Where the labels lead, and the labels of the workload there. `namespace` stands in for one they lack."""
        key = (alert.episode, namespace)
        if key not in delivery.located:
            labels = {**alert.labels, "namespace": namespace} if namespace else alert.labels
            delivery.located[key] = targeting.locate(labels)
        located = delivery.located[key]
        if located not in delivery.found:
            delivery.found[located] = await self._look_up(located)
        return delivery.found[located]

    async def _look_up(self, located: targeting.Located) -> tuple[Found, Mapping[str, str]]:
        found = await self._finder.of_alert(located)
        if found.target is None:
            return found, {}
        try:
            stored = await self._kube.get(WORKLOADS[found.target.kind], found.target.namespace, found.target.name)
        except NotFound:
            return Found(why=f"{found.target} does not exist"), {}
        return found, stored["metadata"].get("labels") or {}


def match(standing: Standing, item: Item, now: datetime) -> Evidence | None:
    """What the alert says to this policy; None when no trigger matches. One of another namespace never matches."""
    if not standing.policy.ready:
        return None
    alert, named = item.alert, item.namespaces
    if (named and not named & standing.namespaces) or (not named and standing.loaded.targets.refs is None):
        return None
    if item.fact is not None:
        return item.fact if standing.policy.key == item.policy else None
    said = (alert_trigger.observe(each, alert, now) for each in standing.loaded.alert_triggers)
    return next((each for each in said if each is not None), None)


def _is_spelled_out(standing: Standing, alert: Alert) -> bool:
    """Whether all that the alert names is in matchers with `=` of a trigger that matches it."""
    for exact in _exactly_matched(standing, alert):
        rest = targeting.locate({name: value for name, value in alert.labels.items() if name not in exact})
        if isinstance(rest, targeting.Nothing) and not rest.named:
            return True
    return False


def _exactly_matched(standing: Standing, alert: Alert) -> Iterator[dict[str, str]]:
    for trigger in standing.loaded.alert_triggers:
        wanted = matchers.parse_matchers(trigger.matchers)
        if matchers.matches(wanted, alert.labels):
            yield {each.name: each.value for each in wanted if each.operator == "="}
