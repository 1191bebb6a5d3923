"""Admission in the model: what a cluster's webhooks and policies do to writes, and some that clusters have."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from platelet.shell import kube
from platelet.shell.kube import Json, Resource


@dataclass(frozen=True, slots=True, kw_only=True)
class Review:
    """A write that is about to be stored. An admission may change `new`, or refuse by raising an ApiError."""

    verb: str  # create, update
    resource: Resource
    subresource: str
    old: Json | None
    new: Json  # of the subresource scale the Scale


Admission = Callable[[Review], None]


def adds_to_templates(review: Review) -> None:
    """A default that templates are given: a Kyverno rule, an Autopilot, a newer Kubernetes."""
    if _writes_workload(review):
        for container in review.new["spec"]["template"]["spec"]["containers"]:
            container.setdefault("resources", {"requests": {"cpu": "500m"}})


def caps_replicas(most: int) -> Admission:
    """A quota as it is written with a mutating policy."""

    def cap(review: Review) -> None:
        written = review.new.get("spec", {}).get("replicas", 1)
        if (_writes_workload(review) or review.subresource == "scale") and written > most:
            review.new["spec"]["replicas"] = most

    return cap


def caps_bounds(most: int) -> Admission:
    """The same for autoscalers."""

    def cap(review: Review) -> None:
        if review.resource.plural == kube.AUTOSCALERS.plural and not review.subresource:
            for name in ("minReplicas", "maxReplicas"):
                review.new["spec"][name] = min(most, review.new["spec"].get(name, 1))

    return cap


def keeps_templates(review: Review) -> None:
    """Whoever writes a workload keeps its pod template as it is: a promotion happens elsewhere."""
    if _writes_workload(review) and review.old is not None:
        review.new["spec"]["template"] = review.old["spec"]["template"]


def strips_annotations(prefix: str) -> Admission:
    """Annotations that are not on a list are taken off, of the object as of its template."""

    def strip(review: Review) -> None:
        if review.resource.plural not in _PLURALS or review.subresource:
            return
        template = review.new["spec"]["template"]
        for owner in (review.new, template):
            annotations = owner.get("metadata", {}).get("annotations") or {}
            for key in [annotation for annotation in annotations if annotation.startswith(prefix)]:
                del annotations[key]

    return strip


def refuses(resource: Resource, subresource: str = "", holds: Callable[[Any], bool] = lambda _new: True) -> Admission:
    """A validating webhook that says no for good to what `holds`."""

    def refuse(review: Review) -> None:
        if (review.resource, review.subresource) == (resource, subresource) and holds(review.new):
            raise kube.Refused(403, "Forbidden", 'admission webhook "strict.example" denied the request')

    return refuse


_PLURALS = frozenset(workload.plural for workload in kube.WORKLOADS.values())


def _writes_workload(review: Review) -> bool:
    return review.resource.plural in _PLURALS and not review.subresource
