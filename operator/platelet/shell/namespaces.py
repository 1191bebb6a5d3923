"""Whether a namespace is there to stay: nothing can be stored in one that ends, and soon nothing is there to heal."""

from platelet.shell.kube import NAMESPACES, Kube, NotFound


async def is_ending(kube: Kube, namespace: str) -> bool:
    """Whether it is gone or being deleted. Raises ApiError when it cannot be known."""
    try:
        stored = await kube.get(NAMESPACES, "", namespace)
    except NotFound:
        return True
    return "deletionTimestamp" in stored["metadata"]
