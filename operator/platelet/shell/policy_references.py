"""Looks up what a policy names beside its Runbook: the workloads of its refs, and the Secret of its webhook."""

from collections.abc import Iterable

from platelet.api.caveats import Surroundings
from platelet.api.policy import LoadedPolicy, SecretRef
from platelet.api.targets import WorkloadName
from platelet.shell.kube import SECRETS, WORKLOADS, Kube, NotFound, Refused

_NAMESPACES_ASKED = 5  # a ref of more namespaces may be anywhere: it is not looked for


async def look_up(kube: Kube, loaded: LoadedPolicy, namespaces: Iterable[str]) -> Surroundings:
    """Look up what is missing. What may not be read, but for the Secret, is taken for present. Raises ApiError."""
    places = sorted(namespaces)
    refs = loaded.targets.refs or ()
    missing = [ref for ref in refs if len(places) <= _NAMESPACES_ASKED and not await _exists(kube, ref, places)]
    token = loaded.webhook.secret_ref if loaded.webhook is not None else None
    return Surroundings(
        missing_targets=tuple(f"{ref.kind} {ref.name}" for ref in missing),
        secret_fault=await _fault_of(kube, loaded.policy.namespace, token) if token is not None else "",
    )


async def _exists(kube: Kube, ref: WorkloadName, namespaces: Iterable[str]) -> bool:
    for namespace in namespaces:
        try:
            await kube.get(WORKLOADS[ref.kind], namespace, ref.name)
        except NotFound:
            continue
        except Refused:
            return True
        return True
    return False


async def _fault_of(kube: Kube, namespace: str, reference: SecretRef) -> str:
    """Why the Secret gives no token; empty when it does. Its value is not looked at."""
    where = f"the Secret {namespace}/{reference.name}"
    try:
        secret = await kube.get(SECRETS, namespace, reference.name)
    except NotFound:
        return f"there is no Secret {namespace}/{reference.name}"
    except Refused as error:
        return f"{where} may not be read by the operator ({error.code} {error.reason})"
    return "" if reference.key in (secret.get("data") or {}) else f"{where} has no key {reference.key}"
