"""A fault of platelet itself ends neither the process nor its candidacy: it gives the Lease away and stands again."""

import asyncio
from datetime import timedelta

import pytest
from kubernetes.aio.client.configuration import Configuration

from platelet.api.operator_config import OperatorConfig
from platelet.shell import kube
from platelet.shell.kube import clock
from platelet.shell.kube.client import ClusterClient
from platelet.shell.leader import lease
from platelet.shell.run import wiring
from platelet.shell.telemetry.metrics import Metrics
from tests.unit.shell.memory_kube import MemoryKube

FAULTS = (KeyError("metadata"), ValueError("no"), clock.ClockNotReadyError("no time yet"), RecursionError())


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: type(fault).__name__)
async def test_a_fault_while_leading_is_counted_and_survived(fault: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wiring, "_PAUSE", 0.0)
    metrics, api = Metrics(), MemoryKube()
    config = OperatorConfig(api_version="platelet.dev/v1alpha1", kind="OperatorConfig")
    client = ClusterClient(Configuration(host="http://127.0.0.1:1"), clock.ServerClock())
    operator = wiring.Operator(config, client, metrics)
    election = lease.Leadership(api, client.clock, "system", "pod", duration=timedelta(seconds=15))
    holders, led = [], asyncio.Event()

    async def work() -> None:
        holders.append(api.objects[kube.LEASES.plural, "system", lease.NAME]["spec"]["holderIdentity"])
        if len(holders) < 3:
            raise fault
        led.set()
        await asyncio.Event().wait()

    monkeypatch.setattr(operator, "_lease", election)
    monkeypatch.setattr(operator, "_work", work)
    task = asyncio.create_task(operator._stand())  # noqa: SLF001 - the loop under test
    async with asyncio.timeout(10):
        await led.wait()
    assert holders == [election.holder] * 3
    assert metrics.registry.get_sample_value("platelet_unexpected_errors_total", {"where": "leading"}) == 2
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await client.close()
