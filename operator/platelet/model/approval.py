"""How people answer to a plan or an escalation: annotations on its Remediation, which plain kubectl can write."""

from typing import Final

APPROVE: Final = "platelet.dev/approve"  # the token of the plan
APPROVED_BY: Final = "platelet.dev/approved-by"  # admission holds it equal to the user who writes it
REJECT: Final = "platelet.dev/reject"
REJECTED_BY: Final = "platelet.dev/rejected-by"
REJECT_REASON: Final = "platelet.dev/reject-reason"
RETRY: Final = "platelet.dev/retry"  # the token of the escalation
RETRIED_BY: Final = "platelet.dev/retried-by"  # held equal to the user, too
ANNOTATIONS: Final = (APPROVE, APPROVED_BY, REJECT, REJECTED_BY, REJECT_REASON, RETRY, RETRIED_BY)
VERB: Final = "approve"  # the RBAC verb on remediations that an answer needs


def how_to_approve(namespace: str, name: str) -> str:
    """Say what a person types."""
    return f"platelet approve remediation/{name} -n {namespace} (or: platelet reject)"


def how_to_retry(namespace: str, name: str) -> str:
    """Say what a person types who hands an escalated incident back."""
    return f"platelet retry remediation/{name} -n {namespace}"


def how_to_annotate_a_retry(namespace: str, name: str, token: str) -> str:
    """Say it for those who have only kubectl."""
    return f"kubectl annotate --overwrite rem {name} -n {namespace} {RETRY}={token} {RETRIED_BY}=YOU"


def how_to_annotate(namespace: str, name: str, token: str) -> str:
    """Say it for those who have only kubectl."""
    return f"kubectl annotate --overwrite rem {name} -n {namespace} {APPROVE}={token} {APPROVED_BY}=YOU"
