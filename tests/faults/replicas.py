"""Replicas of the operator, each behind a proxy of its own, and who of them leads."""

import urllib.error
import urllib.request
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import dataclass, field

from tests.cluster import patience
from tests.cluster.control_plane import ControlPlane
from tests.cluster.installation import Installation, OperatorProcess
from tests.faults import moments, scene
from tests.faults.proxy import Proxy
from tests.faults.reader import Reader


@dataclass(frozen=True, slots=True)
class Replica:
    """One operator process and its line to the API server."""

    process: OperatorProcess
    proxy: Proxy

    @property
    def leads(self) -> bool:
        """Whether it says that it leads; a frozen or dead one says nothing."""
        code, text = _read(f"{self.process.metrics_url}/metrics")
        return code == 200 and "\nplatelet_leader 1.0" in text

    def end(self) -> None:
        """End it if it still runs."""
        if self.process.alive:
            self.process.resume()
            self.process.kill()

    @property
    def ready(self) -> bool:
        """What /readyz answers."""
        return self.readiness[0] == 200

    @property
    def warm(self) -> bool:
        """Whether it is ready. Raises RuntimeError with its last words when it has ended."""
        if not self.process.alive:
            raise RuntimeError("\n".join(["a replica ended:", *self.process.log.read_text().splitlines()[-20:]]))
        return self.ready

    @property
    def readiness(self) -> tuple[int, str]:
        """Status and text of /readyz; 0 when nobody answers."""
        return _read(f"{self.process.metrics_url}/readyz")


@dataclass(slots=True)
class Replicas:
    """Starts replicas one by one; their proxies end with the stack."""

    installation: Installation
    stack: ExitStack
    all: list[Replica] = field(default_factory=list)

    def start(self) -> Replica:
        """Start one more."""
        proxy = self.stack.enter_context(Proxy(self.installation.plane).running())
        replica = Replica(self.installation.start(server=proxy.url), proxy)
        self.stack.callback(replica.end)  # before its proxy ends
        self.all.append(replica)
        return replica

    @property
    def alive(self) -> list[Replica]:
        """Those that run, frozen ones included."""
        return [replica for replica in self.all if replica.process.alive]

    def alert_urls(self) -> list[str]:
        """Where alerts may be sent."""
        return [replica.process.alerts_url for replica in self.alive]

    def leader(self, *, other_than: Replica | None = None, seconds: float = 30) -> Replica:
        """Wait until one leads."""

        def new_leader() -> Replica | None:
            return next((replica for replica in self.alive if replica is not other_than and replica.leads), None)

        return patience.until("a leader", new_leader, seconds)

    def complete(self, count: int = 2, spare: int = 0) -> Replica:
        """Start what is missing, wait until so many are warm, and return the one that leads.

        Spare ones warm up meanwhile, so that a successor's successor need not be waited for.
        """
        while len(self.alive) < count + spare:
            self.start()
        patience.until("warm replicas", lambda: sum(replica.warm for replica in self.alive) >= count, 120)
        return self.leader()


@dataclass(frozen=True, slots=True)
class Ward:
    """A namespace of a cluster, and the replicas that heal what falls ill in it."""

    plane: ControlPlane
    namespace: str
    reader: Reader
    replicas: Replicas

    def admit(self, action: str, names: Iterable[str]) -> None:
        """Release healthy targets of a policy, and wait until that is on record."""
        chosen = list(names)
        scene.release(self.plane, self.namespace, action, chosen)
        scene.until_proven(self.reader, self.namespace, chosen)

    def rehearse(self, action: str, replicas: int = 2) -> tuple[scene.EndState, moments.Rehearsal]:
        """Install the action's policy, and heal once without any fault: the oracle."""
        self.plane.kubectl("apply", "-n", self.namespace, "-f", "-", input=scene.policies(action))
        leader = self.replicas.complete(replicas)
        self.admit(action, [scene.ORACLE])
        leader.proxy.arm()
        end = self.heal(action, scene.ORACLE)
        if {state for state, _ in end.incidents} != {"Closed"}:
            raise RuntimeError(f"the heal without a fault ended as {end}")
        return end, moments.Rehearsal.of(leader.proxy.exchanges)

    def heal(self, action: str, name: str, fault: object = "no fault") -> scene.EndState:
        """Make one ill, and wait until its incident is over. Raises TimeoutError that names the fault."""
        try:
            return scene.Patient(self.reader, self.replicas.alert_urls, action, self.namespace, name).heal()
        except TimeoutError as error:
            statuses = [remediation.get("status") for remediation in self.reader.remediations(self.namespace, name)]
            error.add_note(f"{name}: {fault}, {statuses}")
            raise

    def effects(self) -> dict[str, list[str]]:
        """By workload, the attempt ids of all granted changes of its spec, by the audit log."""
        return scene.effects(self.plane.audit_events(), self.namespace)

    def attempts(self, name: str) -> list[str]:
        """Ids of the attempts on record."""
        return scene.attempts_of(self.reader, self.namespace, name)


def _read(url: str) -> tuple[int, str]:
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with direct.open(url, timeout=1) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()
    except OSError:
        return 0, ""
