"""What a pod template needs beside itself: the ConfigMaps, Secrets, claims and accounts without which no pod starts."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

_NAMED_BY: Final = {
    "secretRef": ("secret", ("name",)),
    "secretKeyRef": ("secret", ("name",)),
    "secret": ("secret", ("secretName", "name")),
    "configMapRef": ("configmap", ("name",)),
    "configMapKeyRef": ("configmap", ("name",)),
    "configMap": ("configmap", ("name",)),
    "persistentVolumeClaim": ("persistentvolumeclaim", ("claimName",)),
}
SECRET: Final = "secret"  # noqa: S105 - a kind
DEFAULT_ACCOUNT: Final = "default"


def needed(template: Mapping[str, Any]) -> frozenset[str]:
    """What must exist, as `configmap/settings`; what is optional is left out."""
    spec = template.get("spec")
    account = spec.get("serviceAccountName") if isinstance(spec, Mapping) else None
    accounts = (
        {f"serviceaccount/{account}"} if isinstance(account, str) and account not in ("", DEFAULT_ACCOUNT) else set()
    )
    return frozenset(f"{kind}/{name}" for kind, name, _, optional in named(template) if not optional) | accounts


def named(node: Any) -> Iterator[tuple[str, str, str, bool]]:
    """All that is named somewhere below a node: kind, name, key (empty: as a whole), and whether it is optional."""
    if isinstance(node, Mapping):
        for field, value in node.items():
            if field in _NAMED_BY and isinstance(value, Mapping):
                kind, keys = _NAMED_BY[field]
                key, optional = value.get("key"), value.get("optional") is True
                names = (value[each] for each in keys if isinstance(value.get(each), str))
                yield from ((kind, name, key if isinstance(key, str) else "", optional) for name in names)
            yield from named(value)
    elif isinstance(node, Sequence) and not isinstance(node, str):
        for each in node:
            yield from named(each)
