"""Who may write revision records: the admission policy's own conditions, evaluated on what would be written."""

from typing import Any

import pytest
from cel_expr_python import cel

from platelet.api.generation import admission
from platelet.api.readers import attestations, records
from platelet.model import effects, templates
from platelet.model.workload import KINDS, WorkloadRef
from tests.unit.api.values import NOW

TEMPLATE = {"spec": {"containers": [{"name": "app", "image": "app:1", "env": [{"name": "KEY", "value": "secret"}]}]}}
[POLICY] = [
    document
    for document in admission.build_documents()
    if admission.name_of(document).endswith("Policy/platelet-records")
]
CONDITIONS = {condition["name"]: condition["expression"] for condition in POLICY["spec"]["matchConditions"]}


def holds(condition: str, *, new: Any = None, old: Any = None, user: str = "") -> bool:
    """Whether a condition of the policy is met."""
    environment = cel.NewEnv(variables=dict.fromkeys(("object", "oldObject", "request"), cel.Type.DYN))
    request = {"userInfo": {"username": user}}
    data = {"object": new, "oldObject": old, "request": request}
    return bool(environment.compile(CONDITIONS[condition]).eval(data=data).value())


def a_record(kind: Any = "Deployment", name: str = "api") -> dict[str, Any]:
    """As the operator writes it."""
    effect = effects.RememberRevision(
        target=WorkloadRef(kind=kind, namespace="shop", name=name),
        template_hash=templates.hash_template(TEMPLATE),
        template=TEMPLATE,
        first_seen=NOW,
    )
    return records.write_record(effect)


def an_attestation() -> dict[str, Any]:
    """As the operator writes it."""
    stored = a_record()
    stored["metadata"] |= {"uid": "u", "resourceVersion": "1", "creationTimestamp": "2026-11-21T12:00:00Z"}
    return attestations.write_attestation(records.read_record(stored), {})


JUDGED = {
    **{f"a record of a {kind}": a_record(kind) for kind in KINDS},
    "of a workload with a long name": a_record(name="a" * 200),
    "an attestation": an_attestation(),
    "only one of the labels that it is found by": {"metadata": {"name": "x", "labels": {records.TARGET: "api"}}},
    "the name alone": {"metadata": {"name": a_record()["metadata"]["name"]}},
}
NOT_JUDGED = {
    "a StatefulSet's own": {"metadata": {"name": "db-7c9f8b5d4", "labels": {"app": "db"}}},
    "without labels": {"metadata": {"name": "db-7c9f8b5d4"}},
    "of a StatefulSet whose pods carry a label of ours": {
        "metadata": {
            "name": "db-1",
            "labels": {"platelet.dev/heal": "true"},
            "annotations": {"platelet.dev/suspend": ""},
        }
    },
    "of a StatefulSet that is called like a record": {"metadata": {"name": "platelet-deployment-7c9f8b5d4"}},
    "without a name yet": {"metadata": {"generateName": "db-"}},
}


@pytest.mark.parametrize("obj", JUDGED.values(), ids=JUDGED)
def test_what_a_record_could_be_found_by_is_judged_when_it_comes_changes_and_goes(obj: dict[str, Any]) -> None:
    other = NOT_JUDGED["without labels"]
    written: list[dict[str, Any]] = [
        {"new": obj},
        {"new": obj, "old": obj},
        {"new": other, "old": obj},
        {"new": obj, "old": other},
    ]
    removed: dict[str, Any] = {"old": obj}
    assert all(holds("a-revision-record", **versions) for versions in (*written, removed))


@pytest.mark.parametrize("obj", NOT_JUDGED.values(), ids=NOT_JUDGED)
def test_what_controllers_keep_for_themselves_is_no_business_of_ours(obj: dict[str, Any]) -> None:
    written: list[dict[str, Any]] = [{"new": obj}, {"new": obj, "old": obj}, {"old": obj}]
    assert not any(holds("a-revision-record", **versions) for versions in written)


@pytest.mark.parametrize(
    ("user", "judged"),
    [
        ("ann", True),
        ("system:serviceaccount:shop:default", True),
        ("system:serviceaccount:kube-system-2:default", True),
        ("system:serviceaccount:kube-system:generic-garbage-collector", False),
        ("system:serviceaccount:kube-system:namespace-controller", False),
        ("system:kube-controller-manager", False),
    ],
)
def test_a_namespace_can_still_end(user: str, judged: bool) -> None:  # noqa: FBT001 - a table
    assert holds("not-kubernetes-itself", user=user) == judged


def test_every_other_request_is_denied() -> None:
    """Creation, change and deletion, in every namespace, whatever the version of the API."""
    [rule] = POLICY["spec"]["matchConstraints"]["resourceRules"]
    assert (rule["apiGroups"], rule["resources"]) == (["apps"], ["controllerrevisions"])
    assert rule["operations"] == ["CREATE", "UPDATE", "DELETE"]
    assert [validation["expression"] for validation in POLICY["spec"]["validations"]] == ["false"]


def test_an_attestation_shows_images_and_nothing_else_of_the_template() -> None:
    """It lies in another namespace, whose readers may not read this one's environment."""
    assert an_attestation()["data"]["template"] == {"spec": {"containers": [{"name": "app", "image": "app:1"}]}}
    assert "secret" not in str(an_attestation())
