"""Which cluster an alert is about: one Alertmanager, Mimir or Thanos may serve several, with the same names in all.

Senders: Prometheus' external label `cluster` (also that of the kubernetes-mixin), OpenTelemetry (`k8s.cluster.name`),
Datadog (`kube_cluster_name`), Istio and Linkerd (`destination_cluster`, `dst_target_cluster`), clouds (`eks_cluster`).
"""

import functools
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from platelet.triggers import vocabulary

_WORD: Final = re.compile(
    r"(exported_)?((?P<called>destination|dst|server|peer)_(target_)?)?(resource_)?"
    r"(k8s_?|kube_|kubernetes_|eks_|gke_|aks_)?cluster_?(name)?"
)
_ISTIOS_DEFAULT: Final = "Kubernetes"  # of whoever has not named the clusters of a mesh
_FIX: Final = "write clusterName in platelet's settings"
_SHOWN = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Elsewhere:
    """The cluster that an alert names, and why nothing may be done about it here."""

    cluster: str
    why: str
    surely: bool  # False: which cluster this is is not known


def elsewhere(labels: Mapping[str, str], ours: str, spelled_out: Mapping[str, str] | None = None) -> Elsewhere | None:
    """Say whether these labels name another cluster than `ours`; empty: what ours is called is not known.

    Then an alert that names any may be of another, unless the policy says by its matchers which it means: `spelled_out`
    are labels with the values that a trigger demands. None: it is of this cluster, or of the only one.
    """
    for label, theirs in labels.items():
        if theirs == ours or not _names_a_cluster(label, theirs):
            continue
        shown = repr(theirs[:_SHOWN])
        if ours:
            why = f"the alert is about cluster {shown}, and this is {ours[:_SHOWN]!r}"
            return Elsewhere(cluster=theirs, why=why, surely=True)
        if (spelled_out or {}).get(label) != theirs:
            why = f"the alert is about cluster {shown}; whether that is this one is not known: {_FIX}"
            return Elsewhere(cluster=theirs, why=why, surely=False)
    return None


def _names_a_cluster(label: str, value: str) -> bool:
    side = _side(label) if value else None
    return side == "own" or (side == "called" and value != _ISTIOS_DEFAULT)


@functools.lru_cache(maxsize=4096)
def _side(label: str) -> Literal["own", "called"] | None:
    word = _WORD.fullmatch(vocabulary.plain(label))
    if word is None:
        return None
    return "called" if word["called"] else "own"
