"""Which templates count as proven: those that the operator has attested in its own namespace.

The mark on a revision record is for people, and written a moment before. A test that then takes the operator's network
away, or kills it, must not mistake the one for the other.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from tests.cluster import installation

PATH = f"/apis/apps/v1/namespaces/{installation.NAMESPACE}/controllerrevisions"


def proven(attestations: Iterable[Mapping[str, Any]], namespace: str) -> list[str]:
    """The names of a namespace's workloads, once for each of their templates that is Healthy."""
    names = []
    for attestation in attestations:
        metadata = attestation["metadata"]
        labels, annotations = metadata.get("labels") or {}, metadata.get("annotations") or {}
        in_namespace = labels.get("platelet.dev/target-namespace") == namespace
        if in_namespace and annotations.get("platelet.dev/health") == "Healthy":
            names.append(annotations["platelet.dev/target"])
    return names
