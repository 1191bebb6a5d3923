"""The objects of a Kubernetes API server in memory, with the rules that its writes follow.

Modelled: optimistic concurrency, the subresources status, scale and resize, generations, patches, preconditions,
finalizers; the schemas of our own kinds, and admission (`admissions`).
Not modelled: managed fields, what Kubernetes checks and fills in of its own kinds, watches.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from platelet.api.generation.structural import Schema
from platelet.model.durations import format_time
from platelet.replay import patches, resizes, schemas, selectors, strategies
from platelet.replay.admission import Admission, Review
from platelet.shell import kube
from platelet.shell.kube import Json, Resource

Key = tuple[str, str, str]  # plural, namespace, name
Change = Callable[[Json], Json]


class Store:
    """What etcd holds, behind the rules of the API server. Values are copied in and out."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        """Start empty; `now` is the server's clock."""
        self._now = now
        self._objects: dict[Key, Json] = {}
        self._order: dict[str, list[Key]] = {}  # all keys of a kind, sorted; absent after one came or went
        self._serial = 100
        self.journal: list[Key] = []  # what was changed, in order
        self.admissions: list[Admission] = []  # asked in turn about every CREATE, PUT and PATCH
        self.schemas: Mapping[str, Schema] = {}  # of our kinds; without them anything can be stored

    @property
    def revision(self) -> int:
        """How many changes there were."""
        return len(self.journal)

    def peek(self, key: Key) -> Json | None:
        """The stored object itself, not to be changed; None when it is gone."""
        return self._objects.get(key)

    def view(self, resource: Resource, namespace: str = "") -> list[Json]:
        """The stored objects themselves, not to be changed, in order of namespace and name."""
        keys = self._order.get(resource.plural)
        if keys is None:
            keys = self._order[resource.plural] = sorted(key for key in self._objects if key[0] == resource.plural)
        return [self._objects[key] for key in keys if namespace in ("", key[1])]

    def get(self, resource: Resource, namespace: str, name: str) -> Json:
        """A copy of one object. Raises NotFound."""
        return strategies.deep_copy(self._stored(resource, namespace, name))

    def find(self, resource: Resource, namespace: str = "", *, labels: str = "", fields: str = "") -> list[Json]:
        """Copies of all objects of a kind, in order of namespace and name."""
        chosen, fitting = selectors.parse(labels), selectors.parse_fields(fields)
        return [
            strategies.deep_copy(stored)
            for stored in self.view(resource, namespace)
            if chosen(stored["metadata"].get("labels") or {}) and fitting(stored)
        ]

    def create(self, resource: Resource, namespace: str, body: Mapping[str, Any]) -> Json:
        """Add an object. Raises Conflict when its name exists, Refused for what the server would not take."""
        new: Json = strategies.deep_copy(dict(body))
        meta = new.setdefault("metadata", {})
        if meta.get("resourceVersion"):
            raise kube.Refused(400, "BadRequest", "resourceVersion should not be set on objects to be created")
        if meta.get("namespace", namespace) != namespace:
            raise kube.Refused(400, "BadRequest", "the namespace of the object does not match the request")
        if (
            new.get("apiVersion", resource.api_version) != resource.api_version
            or new.get("kind", resource.kind) != resource.kind
        ):
            raise kube.Refused(400, "BadRequest", "the kind of the object does not match the request")
        name = meta.get("name") or (meta["generateName"] + self._suffix() if meta.get("generateName") else "")
        if not name:
            raise kube.Refused(422, "Invalid", "metadata.name: Required value: name or generateName is required")
        key = (resource.plural, namespace, name)
        if key in self._objects:
            raise kube.Conflict(409, "AlreadyExists", f'{resource.plural} "{name}" already exists')
        for owned in strategies.SERVER_OWNED:
            meta.pop(owned, None)
        if resource.plural in strategies.WITH_STATUS:
            new.pop("status", None)
        meta.update({"name": name, "uid": self._uid(), "creationTimestamp": self._stamp(), "generation": 1})
        if namespace:
            meta["namespace"] = namespace
        new = {"apiVersion": resource.api_version, "kind": resource.kind, **new}
        self._admit(Review(verb="create", resource=resource, subresource="", old=None, new=new))
        return self._commit(key, new)

    def replace(
        self, resource: Resource, namespace: str, name: str, body: Mapping[str, Any], *, subresource: str = ""
    ) -> Json:
        """PUT. Raises Conflict on a stale resourceVersion or another uid."""
        wanted: Json = strategies.deep_copy(dict(body))
        if resource.plural in strategies.NEVER_UNCONDITIONAL and not wanted.get("metadata", {}).get("resourceVersion"):
            raise kube.Refused(422, "Invalid", "metadata.resourceVersion: must be specified for an update")
        return self._update(resource, (namespace, name), subresource, lambda _current: wanted)

    def patch(
        self,
        resource: Resource,
        namespace: str,
        name: str,
        body: Mapping[str, Any] | Sequence[Mapping[str, Any]],
        *,
        subresource: str = "",
    ) -> Json:
        """PATCH: a mapping merges (RFC 7386), a sequence is a JSON Patch (RFC 6902)."""
        change = strategies.deep_copy(body)
        return self._update(resource, (namespace, name), subresource, lambda current: patches.apply(current, change))

    def delete(
        self, resource: Resource, namespace: str, name: str, *, uid: str = "", resource_version: str = ""
    ) -> None:
        """Remove an object, or mark it when it has finalizers. Raises NotFound, Conflict on another uid or version."""
        stored = self._stored(resource, namespace, name)
        strategies.check_preconditions(stored, _preconditions(uid, resource_version))
        if stored["metadata"].get("finalizers"):
            self.mark_deleted(resource, namespace, name)
            return
        key = (resource.plural, namespace, name)
        self._drop(key)
        self.journal.append(key)

    def delete_gracefully(
        self, resource: Resource, namespace: str, name: str, *, uid: str, resource_version: str = ""
    ) -> None:
        """Mark an object that goes by itself in a while: a pod."""
        preconditions = _preconditions(uid, resource_version)
        strategies.check_preconditions(self._stored(resource, namespace, name), preconditions)
        self.mark_deleted(resource, namespace, name)

    def mark_deleted(self, resource: Resource, namespace: str, name: str) -> None:
        """Set the deletionTimestamp: the object is going, and still there."""
        marked = self.get(resource, namespace, name)
        if "deletionTimestamp" not in marked["metadata"]:
            marked["metadata"]["deletionTimestamp"] = self._stamp()
            self._commit((resource.plural, namespace, name), marked)

    def _update(self, resource: Resource, where: tuple[str, str], subresource: str, change: Change) -> Json:
        stored = self._stored(resource, *where)
        key = (resource.plural, *where)
        if subresource == "scale":
            wanted = change(strategies.scale_of(stored))
            strategies.check_preconditions(stored, wanted)
            scale = strategies.scale_of(stored)
            self._admit(Review(verb="update", resource=resource, subresource="scale", old=scale, new=wanted))
            updated = strategies.deep_copy(stored)
            updated["spec"]["replicas"] = int(wanted["spec"].get("replicas") or 0)
            strategies.bump_generation(resource, stored, updated)
            return strategies.scale_of(self._commit(key, updated))
        wanted = change(strategies.deep_copy(stored))
        strategies.check_preconditions(stored, wanted)
        if subresource == "status":
            updated = strategies.with_status_of(resource, stored, wanted)
        elif subresource == "resize" and resource is kube.PODS:
            updated = resizes.resized(stored, wanted)
        elif subresource:
            raise kube.NotFound(404, "NotFound", f"{resource.plural} has no subresource {subresource}")
        else:
            updated = strategies.with_main_of(resource, stored, wanted)
        self._admit(Review(verb="update", resource=resource, subresource=subresource, old=stored, new=updated))
        if subresource != "status":
            strategies.bump_generation(resource, stored, updated)
        return self._commit(key, updated)

    def _admit(self, review: Review) -> None:
        """Prune and fill in, let the admissions change or refuse it, and hold the result to its schema."""
        schema, new = self.schemas.get(review.resource.plural), review.new
        schemas.complete(schema, new)
        for admission in self.admissions:
            admission(review)
        if self.admissions:
            schemas.complete(schema, new)
        schemas.check(schema, new)

    def _commit(self, key: Key, new: Json) -> Json:
        old = self._objects.get(key)
        meta = new["metadata"]
        if old is not None:
            meta["resourceVersion"] = old["metadata"]["resourceVersion"]
            if new == old:
                return strategies.deep_copy(old)  # nothing changed: the server writes nothing
        self._serial += 1
        self.journal.append(key)
        meta["resourceVersion"] = str(self._serial)
        if old is None:
            self._order.pop(key[0], None)
        self._objects[key] = new
        if (
            "deletionTimestamp" in meta
            and old is not None
            and old["metadata"].get("finalizers")
            and not meta.get("finalizers")
        ):
            self._drop(key)
        return strategies.deep_copy(new)

    def _drop(self, key: Key) -> None:
        del self._objects[key]
        self._order.pop(key[0], None)

    def _stored(self, resource: Resource, namespace: str, name: str) -> Json:
        try:
            return self._objects[(resource.plural, namespace, name)]
        except KeyError:
            raise kube.NotFound(404, "NotFound", f'{resource.plural} "{name}" not found') from None

    def _uid(self) -> str:
        self._serial += 1
        return str(UUID(int=self._serial))

    def _suffix(self) -> str:
        self._serial += 1
        return f"{self._serial:05d}"

    def _stamp(self) -> str:
        return format_time(self._now().replace(microsecond=0))


def _preconditions(uid: str, resource_version: str) -> Json:
    return {"metadata": {"uid": uid, "resourceVersion": resource_version}}
