"""Alerts of another cluster, where one Alertmanager, Mimir or Thanos serves several and all names are the same."""

import pytest

from platelet.triggers import clusters

# Each row: the label that names the cluster, as senders spell it.
WORDS = [
    "cluster",
    "cluster_name",
    "clusterName",
    "clustername",
    "k8s_cluster",
    "k8s_cluster_name",
    "k8s.cluster.name",
    "resource_k8s_cluster_name",
    "kube_cluster_name",
    "kubernetes_cluster",
    "kubernetes_cluster_name",
    "exported_cluster",
    "k8scluster",
    "eks_cluster",
    "gke_cluster_name",
    "aks_cluster",
    "destination_cluster",
    "dst_cluster",
    "dst_target_cluster",
]


@pytest.mark.parametrize("label", WORDS)
def test_an_alert_that_names_another_cluster_is_elsewhere(label: str) -> None:
    elsewhere = clusters.elsewhere({"namespace": "bank", label: "fra-2"}, "ams-1")
    assert elsewhere is not None
    assert (elsewhere.cluster, elsewhere.surely) == ("fra-2", True)
    assert "'fra-2'" in elsewhere.why
    assert "'ams-1'" in elsewhere.why


@pytest.mark.parametrize("label", WORDS)
def test_an_alert_that_names_this_cluster_is_here(label: str) -> None:
    assert clusters.elsewhere({"namespace": "bank", label: "ams-1"}, "ams-1") is None


@pytest.mark.parametrize("label", WORDS)
def test_where_this_clusters_name_is_not_known_one_that_names_any_is_not_known_to_be_here(label: str) -> None:
    """Unknown means no, and the reason says what to write where."""
    elsewhere = clusters.elsewhere({"namespace": "bank", label: "ams-1"}, "")
    assert elsewhere is not None
    assert not elsewhere.surely
    assert "clusterName" in elsewhere.why


# Each row: labels that name no cluster of Kubernetes, so the alert is of this one.
HERE = {
    "no label": {"namespace": "bank"},
    "an empty one": {"cluster": "", "k8s_cluster_name": ""},
    "what calls": {"source_cluster": "fra-2", "client_cluster": "fra-2"},
    "Istio where it is told no name": {"destination_cluster": "Kubernetes"},
    "an upstream of Envoy": {"envoy_cluster_name": "outbound|80||api"},
    "a cluster of Redis": {"redis_cluster": "carts"},
    "a cluster of Kafka": {"strimzi_io_cluster": "events", "kafka_cluster": "events"},
    "its id": {"k8s_cluster_uid": "d3b0-7384"},
    "a role": {"clusterrole": "admin"},
}


@pytest.mark.parametrize("ours", ["ams-1", ""])
@pytest.mark.parametrize("labels", HERE.values(), ids=HERE)
def test_an_alert_that_names_no_cluster_is_of_this_one(labels: dict[str, str], ours: str) -> None:
    assert clusters.elsewhere(labels, ours) is None


def test_one_label_that_names_another_is_enough() -> None:
    """A federation: the metric says where it was measured, the target from whom it was scraped."""
    elsewhere = clusters.elsewhere({"cluster": "ams-1", "exported_cluster": "fra-2"}, "ams-1")
    assert elsewhere is not None
    assert elsewhere.cluster == "fra-2"


@pytest.mark.parametrize(("ours", "elsewhere"), [("", False), ("ams-1", True)])
def test_what_a_policys_own_matcher_spells_out_is_known_where_the_settings_say_nothing(
    ours: str, elsewhere: object
) -> None:
    """`cluster="fra-2"` in a trigger: whoever wrote that says which cluster this is, or what the label means."""
    judged = clusters.elsewhere({"cluster": "fra-2"}, ours, {"cluster": "fra-2"})
    assert (judged is not None) is elsewhere


def test_a_name_of_others_is_shown_bounded() -> None:
    elsewhere = clusters.elsewhere({"cluster": "x" * 5000}, "ams-1")
    assert elsewhere is not None
    assert len(elsewhere.why) < 300
