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
CONFIG_MAP: Final = "configmap"
SECRET: Final = "secret"  # noqa: S105 - a kind
DEFAULT_ACCOUNT: Final = "default"


def needed(template: Mapping[str, Any]) -> frozenset[str]:
    """What a template needs to start, as `configmap/settings`; what is optional is left out."""
    spec = template.get("spec")
    account = spec.get("serviceAccountName") if isinstance(spec, Mapping) else None
    accounts = (
        {f"serviceaccount/{account}"} if isinstance(account, str) and account not in ("", DEFAULT_ACCOUNT) else set()
    )
    return frozenset(f"{kind}/{name}" for kind, name, _, optional in named(template) if not optional) | accounts


def named(node: Any) -> Iterator[tuple[str, str, str, bool]]:
    """All that is named somewhere below a node: kind, name, key (empty: as a whole), and whether it is optional."""
    nodes = [node]
    while nodes:
        inner = nodes.pop()
        if isinstance(inner, str | int | float | None):
            continue
        if isinstance(inner, Mapping):
            nodes.extend(inner.values())
            for field in inner.keys() & _NAMED_BY.keys():
                yield from _named_by(field, inner[field])
        elif isinstance(inner, Sequence):
            nodes.extend(inner)


def _named_by(field: str, value: Any) -> Iterator[tuple[str, str, str, bool]]:
    if not isinstance(value, Mapping):
        return
    kind, keys = _NAMED_BY[field]
    key, optional = value.get("key"), value.get("optional") is True
    for name in (value.get(key) for key in keys):
        if isinstance(name, str):
            yield kind, name, key if isinstance(key, str) else "", optional
