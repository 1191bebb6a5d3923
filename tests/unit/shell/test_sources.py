"""What is remembered is asked of nobody, for each kind by itself."""

from platelet.shell import kube
from platelet.shell.read.sources import sources_of
from platelet.shell.watch.cluster_memory import ClusterMemory
from platelet.shell.watch.memory import StreamMemory
from platelet.shell.watch.workload_records import WorkloadRecord
from tests.unit.shell.memory_kube import MemoryKube

API = WorkloadRecord(namespace="shop", name="api", uid="u1", resource_version="1")


async def test_a_kind_whose_stream_has_fallen_silent_makes_nobody_list_the_others() -> None:
    """DaemonSets hardly ever change, and a busy API server is late with its bookmarks."""
    api = MemoryKube()
    memory = ClusterMemory(
        streams=StreamMemory(workloads={"Deployment": {("shop", "api"): API}, "DaemonSet": {}}, pods={}),
        knows_workloads=lambda kind: kind == "Deployment",
    )
    remembered = sources_of(api, memory).remembered
    assert await remembered.workloads("Deployment", {"shop"}) == [API]
    assert api.calls == []
    assert await remembered.workloads("DaemonSet", {"shop"}) == []
    assert [kube.WORKLOADS["DaemonSet"].plural in str(call) for call in api.calls] == [True]
