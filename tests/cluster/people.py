"""People with rights of their own: alice and bob have none until a test grants them some."""

from collections.abc import Mapping, Sequence
from typing import Any

import yaml

from tests.cluster.control_plane import ControlPlane

_GROUP = "rbac.authorization.k8s.io"


def grant(plane: ControlPlane, user: str, namespace: str, rules: Sequence[Mapping[str, Any]]) -> None:
    """Give a user rights in one namespace."""
    name = f"{user}-of-the-test"
    role = _object("Role", name, namespace, rules=list(rules))
    plane.kubectl("apply", "-f", "-", input=yaml.safe_dump_all([role, _binding(user, namespace, "Role", name)]))


def bind(plane: ControlPlane, user: str, namespace: str, cluster_role: str) -> None:
    """Give a user the rights of a ClusterRole in one namespace."""
    plane.kubectl("apply", "-f", "-", input=yaml.safe_dump(_binding(user, namespace, "ClusterRole", cluster_role)))


def _binding(user: str, namespace: str, kind: str, role: str) -> dict[str, Any]:
    reference = {"apiGroup": _GROUP, "kind": kind, "name": role}
    subject = {"apiGroup": _GROUP, "kind": "User", "name": user}
    return _object("RoleBinding", f"{user}-{role}", namespace, roleRef=reference, subjects=[subject])


def _object(kind: str, name: str, namespace: str, **content: Any) -> dict[str, Any]:
    head = {"apiVersion": f"{_GROUP}/v1", "kind": kind, "metadata": {"name": name, "namespace": namespace}}
    return {**head, **content}
