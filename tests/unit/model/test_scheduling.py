"""What a new template asks of nodes that the one before it did not, in the scheduler's own words."""

from typing import Any

import pytest

from platelet.model import scheduling

SELECTOR = "0/3 nodes are available: 3 node(s) didn't match Pod's node affinity/selector."
CPU = "0/3 nodes are available: 3 Insufficient cpu. preemption: 0/3 nodes are available: 3 No preemption victims found."
GPU = "0/3 nodes are available: 3 Insufficient nvidia.com/gpu."
TAINT = "0/3 nodes are available: 3 node(s) had untolerated taint {team: data}."
SPREAD = "0/3 nodes are available: 3 node(s) didn't match pod topology spread constraints."
ANTI = "0/3 nodes are available: 3 node(s) didn't match pod anti-affinity rules."
AFFINE = "0/3 nodes are available: 3 node(s) didn't match pod affinity rules."
PORTS = "0/3 nodes are available: 3 node(s) didn't have free ports for the requested pod ports."
CLAIM = 'persistentvolumeclaim "fast" not found'
ZONE = "0/3 nodes are available: 3 node(s) had volume node affinity conflict."
CORDONED = "0/3 nodes are available: 3 node(s) were unschedulable."
CROWDED = "0/3 nodes are available: 3 Too many pods."
MIXED = "0/5 nodes are available: 2 node(s) were unschedulable, 3 node(s) didn't match Pod's node affinity/selector."


def template(*containers: dict[str, Any], labels: Any = None, **spec: Any) -> dict[str, Any]:
    return {"metadata": {"labels": labels or {"app": "api"}}, "spec": {**spec, "containers": list(containers)}}


def asking(cpu: str, field: str = "requests", name: str = "cpu") -> dict[str, Any]:
    return {"name": "app", "resources": {field: {name: cpu}}}


def required(kind: str, *terms: str) -> dict[str, Any]:
    return {kind: {"requiredDuringSchedulingIgnoredDuringExecution": list(terms)}}


def volume(name: str, **kind: Any) -> dict[str, Any]:
    return {"name": name, **kind}


PLAIN = template(asking("100m"))
SPREADS = [{"topologyKey": "zone", "whenUnsatisfiable": "DoNotSchedule"}]
TOLERATIONS = [{"key": "team", "operator": "Exists"}]
OWN: dict[str, tuple[dict[str, Any], dict[str, Any], str, str]] = {
    "a node selector": (template(nodeSelector={"disk": "nvme"}), template(), SELECTOR, "nodeSelector"),
    "another value in it": (
        template(nodeSelector={"arch": "arm64"}),
        template(nodeSelector={"arch": "amd64"}),
        SELECTOR,
        "nodeSelector",
    ),
    "a node selector, where other nodes are cordoned": (
        template(nodeSelector={"disk": "nvme"}), template(), MIXED, "nodeSelector",
    ),
    "a node affinity": (template(affinity=required("nodeAffinity", "gpu")), template(), SELECTOR, "nodeAffinity"),
    "a pod anti-affinity": (template(affinity=required("podAntiAffinity", "x")), template(), ANTI, "podAntiAffinity"),
    "a label that another's anti-affinity names": (template(labels={"app": "db"}), template(), ANTI, "labels"),
    "a pod affinity": (template(affinity=required("podAffinity", "cache")), template(), AFFINE, "podAffinity"),
    "a topology spread": (
        template(topologySpreadConstraints=SPREADS), template(), SPREAD, "topologySpreadConstraints",
    ),
    "a toleration that is gone": (template(), template(tolerations=TOLERATIONS), TAINT, "tolerations"),
    "a larger request": (template(asking("64")), PLAIN, CPU, "requests.cpu"),
    "a larger request in other units": (template(asking("0.2")), PLAIN, CPU, "requests.cpu"),
    "a limit that counts as a request": (template(asking("64", "limits")), PLAIN, CPU, "requests.cpu"),
    "another container": (template(asking("100m"), asking("100m")), PLAIN, CPU, "requests.cpu"),
    "a large init container": (template(asking("100m"), initContainers=[asking("9")]), PLAIN, CPU, "requests.cpu"),
    "an overhead": (template(asking("100m"), overhead={"cpu": "4"}), PLAIN, CPU, "requests.cpu"),
    "a resource that no node has": (
        template(asking("1", name="nvidia.com/gpu")), PLAIN, GPU, "requests.nvidia.com/gpu",
    ),
    "a lower priority": (
        template(asking("100m"), priorityClassName="low"), PLAIN, CPU, "priorityClassName",
    ),
    "a claim that is not there": (
        template(volumes=[volume("data", persistentVolumeClaim={"claimName": "fast"})]), template(), CLAIM, "volumes",
    ),
    "a claim in another zone": (
        template(volumes=[volume("data", persistentVolumeClaim={"claimName": "other"})]),
        template(volumes=[volume("data", persistentVolumeClaim={"claimName": "mine"})]),
        ZONE,
        "volumes",
    ),
    "a host port": (
        template({"name": "app", "ports": [{"containerPort": 80, "hostPort": 80}]}), template(), PORTS, "hostPorts",
    ),
    "the host's network": (
        template({"name": "app", "ports": [{"containerPort": 80}]}, hostNetwork=True),
        template({"name": "app", "ports": [{"containerPort": 80}]}),
        PORTS,
        "hostPorts",
    ),
    "a resource claim": (
        template(resourceClaims=[{"name": "gpu"}]), template(), "3 cannot allocate all claims", "resourceClaims",
    ),
    "words that nobody knows": (template(nodeSelector={"disk": "nvme"}), template(), "it rains", "nodeSelector"),
}  # fmt: skip


@pytest.mark.parametrize(("live", "healthy", "words", "field"), OWN.values(), ids=OWN)
def test_what_the_new_template_brought(live: Any, healthy: Any, words: str, field: str) -> None:
    assert field in scheduling.brought(live, healthy, words)


NOT_OWN: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    "nothing differs": (PLAIN, PLAIN, CPU),
    "another image": (template({"name": "app", "image": "b"}), template({"name": "app", "image": "a"}), CPU),
    "it asks for less": (PLAIN, template(asking("64")), CPU),
    "it asks for the same in other units": (template(asking("0.1")), PLAIN, CPU),
    "it asks for more memory, and the cpu is short": (
        template(asking("100m"), asking("9Gi", name="memory")), PLAIN, CPU,
    ),
    "it asks for a node, and the cpu is short": (template(nodeSelector={"disk": "nvme"}), template(), CPU),
    "a node selector less": (template(), template(nodeSelector={"disk": "nvme"}), SELECTOR),
    "another toleration": (template(tolerations=TOLERATIONS), template(), TAINT),
    "a preferred affinity": (
        template(affinity={"nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": ["x"]}}),
        template(),
        SELECTOR,
    ),
    "a spread that is only wished for": (
        template(topologySpreadConstraints=[{"whenUnsatisfiable": "ScheduleAnyway"}]), template(), SPREAD,
    ),
    "a ConfigMap as a volume": (template(volumes=[volume("c", configMap={"name": "c"})]), template(), ZONE),
    "the same claim by another name": (
        template(volumes=[volume("new", persistentVolumeClaim={"claimName": "mine"})]),
        template(volumes=[volume("old", persistentVolumeClaim={"claimName": "mine"})]),
        ZONE,
    ),
    "all nodes are cordoned": (template(nodeSelector={"disk": "nvme"}), template(), CORDONED),
    "all nodes are crowded": (template(asking("64")), PLAIN, CROWDED),
}  # fmt: skip


@pytest.mark.parametrize(("live", "healthy", "words"), NOT_OWN.values(), ids=NOT_OWN)
def test_what_was_there_before(live: Any, healthy: Any, words: str) -> None:
    """Another template is no remedy for it."""
    assert scheduling.brought(live, healthy, words) == ()


@pytest.mark.parametrize("odd", [None, [], "x", 3, {"containers": None}, {"containers": ["x"], "volumes": "y"}])
def test_odd_templates_are_no_errors(odd: Any) -> None:
    for words in (SELECTOR, CPU, ZONE, PORTS, ""):
        assert scheduling.brought({"spec": odd}, PLAIN, words) == ()
        scheduling.brought(PLAIN, {"spec": odd}, words)
