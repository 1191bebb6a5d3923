"""Not in the namespaces that keep the cluster, or platelet itself, alive (DESIGN 6)."""

from datetime import datetime

from platelet.guards import occurrence
from platelet.model import reasons
from platelet.model.situation import Situation
from platelet.model.verdict import Deny

ALWAYS = frozenset({"kube-system"})


def deny(situation: Situation, now: datetime) -> Deny | None:
    """Deny in kube-system, in the operator's own namespace, and in those that the settings protect."""
    namespace = situation.target.namespace
    if namespace not in ALWAYS | {situation.settings.namespace} | situation.settings.protected_namespaces:
        return None
    message = f"namespace {namespace} is protected: no action is taken there, whatever a policy says"
    return occurrence.hopeless(situation, now, reasons.PROTECTED_NAMESPACE, message)
