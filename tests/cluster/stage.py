"""A pack of deploy/packs on a test's cluster, with what it asks and the people whom it needs."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import yaml

from tests.cluster import cron_jobs, incidents, installation, listening, manifests, operating, people
from tests.cluster.app import App
from tests.cluster.audit import AuditEvent
from tests.cluster.incidents import Scene
from tests.cluster.installation import OperatorProcess
from tests.cluster.listening import Call, Publishers
from tests.cluster.manifests import Json
from tests.cluster.test_cli import platelet

_PROBLEM = "app_problem"  # a series with the labels of the alert that is to fire
_OF = "alert"  # the label that names it
_ALERTS = (
    *("ArchitectAPIDown", "DatabaseConnectionsExhausted", "ProductionDown", "DataLoss", "DDoS"),
    *("ConflictoDown", "DatabaseConnectionTimeouts", "DataCorruption", "MigrationStuck"),
    *("HighErrorRate", "HighCPUUsage"),
    *("DatabaseUnavailable", "RedisLostCounters", "AIProviderDown"),
)


def _rule(alertname: str) -> Json:
    """Fires as long as the series says so, also where a scrape comes late on a busy machine."""
    problem = f'last_over_time({_PROBLEM}{{{_OF}="{alertname}"}}[10s])'
    return {"alert": alertname, "expr": f"max by (namespace, deployment, severity) ({problem}) > 0"}


RULES = [_rule(alertname) for alertname in _ALERTS]
"""What Prometheus alerts on for a Rehearsal."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """What is left of an incident: the record, what others will find changed, and who knows of it."""

    state: str
    attempts: list[tuple[str, str, str]]  # what was done, whether it was, and whether it helped
    writes: list[str]  # on what is not the operator's own, by the audit log: each once
    told: set[tuple[int, str, str]]  # the level, the sink, and what it took


@dataclass(slots=True)
class Stage:
    """A pack in a namespace of its own, in which its workloads are put."""

    scene: Scene
    operator: OperatorProcess
    objects: Sequence[Json]

    def deploy(
        self, name: str, replicas: int = 2, image: str = manifests.GOOD, *, proven: bool = True, **container: Any
    ) -> None:
        """A workload with one release, whose container has these fields; an undo needs one that is proven."""
        self.put(name, replicas, image, **container)
        if image == manifests.GOOD and proven:
            self.scene.until_proven(name)
        elif image == manifests.GOOD:
            self.scene.kubectl("rollout", "status", f"deployment/{name}", "--timeout=60s")

    def put(self, name: str, replicas: int, image: str, **container: Any) -> None:
        """The same, whatever becomes of it."""
        manifest = yaml.safe_load(installation.deployment(name, image, replicas=replicas))
        manifest["spec"]["template"]["spec"]["containers"][0].update(container)
        self.scene.apply(yaml.safe_dump(manifest))

    def approve(self, target: str, *before: str) -> None:
        """Alice, who may, approves the plan that is shown once it is; until then only this was done."""
        remediation = self.scene.until_state(target, "AwaitingApproval", seconds=90)
        assert incidents.acts(remediation) == list(before)
        assert len(self.scene.effects(target)) == len(before)
        plane, name = self.scene.plane, remediation["metadata"]["name"]
        people.bind(plane, "alice", self.scene.namespace, "platelet-approve")
        token = remediation["status"]["approval"]["token"]
        words = [f"platelet.dev/approve={token}", "platelet.dev/approved-by=alice"]
        plane.kubectl("annotate", "--overwrite", "rem", name, "-n", self.scene.namespace, *words, user="alice")

    def finish_job(self, target: str, phase: str = "Succeeded") -> None:
        """Wait until the operator has started a Job, and end it."""

        def jobs() -> list[Json]:
            return self.scene.items(cron_jobs.JOBS)

        self.scene.until("a Job", target, jobs, 90)
        (job,) = jobs()
        cron_jobs.end(self.scene, job, phase)

    def steps(self, name: str) -> list[Json]:
        """The steps of a Runbook of the pack."""
        (runbook,) = [
            entry for entry in self.objects if (entry["kind"], entry["metadata"]["name"]) == ("Runbook", name)
        ]
        steps: list[Json] = runbook["spec"]["steps"]
        return steps

    def share_secret(self, name: str, **values: str) -> None:
        """A Secret that the operator may read, with these values."""
        literals = [f"--from-literal={key}={value}" for key, value in values.items()]
        self.scene.kubectl("create", "secret", "generic", name, *literals)
        self.scene.kubectl("create", "role", name, "--verb=get", "--resource=secrets", f"--resource-name={name}")
        self.scene.kubectl("create", "rolebinding", name, f"--role={name}", f"--user={self.scene.operator}")

    def share_pagers(self) -> None:
        """The Secrets of those whom the pack calls; a routing key says by whose name it is known."""
        policies = [entry for entry in self.objects if entry["kind"] == "EscalationPolicy"]
        sinks = [sink for entry in policies for sink in entry["spec"]["sinks"]]
        keys = [sink["pagerduty"]["routingKeyRef"]["key"] for sink in sinks if "pagerduty" in sink]
        self.share_secret("slack", token=listening.SLACK_TOKEN)
        self.share_secret("pagers", **{key: key.ljust(listening.ROUTING_KEY_LENGTH, "0") for key in keys})

    def container(self, name: str) -> Json:
        """The container that a workload asks for."""
        container: Json = self.scene.workload(name)["spec"]["template"]["spec"]["containers"][0]
        return container

    def run(self, runbook: str, target: str) -> None:
        """A person runs a Runbook by hand."""
        answer = platelet(self.scene.plane, "run", runbook, target, "-n", self.scene.namespace)
        assert answer.code == 0, answer.err

    def shown(self, target: str) -> set[str]:
        """By what the incidents of a target have shown themselves: the names of triggers among it."""
        facts = [fact for seen in self.scene.remediations(target) for fact in seen["status"].get("evidence", ())]
        return {str(fact["reason"]) for fact in facts}

    def until_over(self, target: str) -> Json:
        """Wait until a Remediation that has acted was found to have helped."""

        def find() -> Json | None:
            acted = [remediation for remediation in self.scene.remediations(target) if incidents.acts(remediation)]
            over = [remediation for remediation in acted if remediation["status"]["state"] in ("Monitoring", "Closed")]
            return over[0] if over else None

        return self.scene.until(f"{target} to recover", target, find, 180)

    def until_attempted(self, target: str) -> None:
        """Wait until an attempt is on record."""
        self.scene.until("an attempt", target, lambda: self._acting(target), 180)

    def restart_operator(self, target: str) -> None:
        """Kill the operator as soon as an attempt is on record that is not proven yet, and start it again."""
        self.until_attempted(target)
        self.operator.kill()
        (remediation,) = self._acting(target)
        assert remediation["status"]["state"] in ("Acting", "Verifying"), "it was killed too late to be in the middle"
        self.operator.start_again()
        operating.until_leading(self.operator)

    def ending(self, target: str) -> Ending:
        """Wait until all is done and everybody was told, and say what became of the only incident in which it acted."""

        def all_done_and_told() -> Json | None:
            (remediation,) = self._acting(target)
            status: Json = remediation["status"]
            begun = any(attempt["phase"] == "Intended" for attempt in status["attempts"])
            pending = any(call["state"] == "Pending" for call in status["notifications"])
            return None if begun or pending else status

        status = self.scene.until("everybody to be told", target, all_done_and_told)
        return Ending(
            state=status["state"],
            attempts=[(made["action"], made["phase"], made.get("verdict", "")) for made in status["attempts"]],
            writes=[f"{write.verb} {write.resource}" for write in self.scene.foreign_writes()],
            told={(call.get("level", 1), call["sink"], call["kind"]) for call in status["notifications"]},
        )

    def _acting(self, target: str) -> list[Json]:
        """The Remediations with an attempt."""
        return [seen for seen in self.scene.remediations(target) if seen["status"].get("attempts")]

    def unnamed_writes(self) -> list[AuditEvent]:
        """What the operator changed here that is neither its own nor named by a step of the pack."""
        return [write for write in self.scene.foreign_writes() if not self._names(write)]

    def _names(self, write: AuditEvent) -> bool:
        """Whether a step of the pack says so."""
        steps = [step for entry in self.objects if entry["kind"] == "Runbook" for step in entry["spec"]["steps"]]
        match write.verb, write.resource:
            case "patch", "deployments":
                refs = [
                    ref["name"]
                    for entry in self.objects
                    if entry["kind"] == "RemediationPolicy"
                    for ref in entry["spec"]["targets"]["refs"]
                ]
                return write.name in refs
            case "patch", "configmaps":
                return write.name in [step["setConfig"]["configMap"] for step in steps if "setConfig" in step]
            case "create", "pods" if write.subresource == "eviction":
                return any("evictPods" in step for step in steps)
            case "create", "jobs":
                owners = ((write.request or {}).get("metadata") or {}).get("ownerReferences") or []
                named = [step["job"]["fromCronJob"] for step in steps if "job" in step]
                return [owner["name"] for owner in owners if owner["name"] in named] != []
        return False


Interrupt = Callable[[Stage, str], None]
"""What is done once the first attempt on a target is on record."""


@dataclass(slots=True)
class Rehearsal(Stage):
    """One whose app Prometheus scrapes: what it does and what others find wrong with it is as the test wants."""

    app: App
    publishers: Publishers | None = None  # in the place of PagerDuty and Slack; None: people cannot be told

    def deploy(
        self, name: str, replicas: int = 2, image: str = manifests.GOOD, *, proven: bool = True, **container: Any
    ) -> None:
        """The same, and from now on this workload is scraped."""
        self.app.start(self.scene.namespace, name)
        Stage.deploy(self, name, replicas, image, proven=proven, **container)

    def fire(self, alertname: str, **labels: str) -> Mapping[str, str]:
        """From now on a rule of Prometheus finds this, with these labels beside the namespace. Returns the problem."""
        assert alertname in _ALERTS
        problem = {_OF: alertname, **labels}
        self.app.measure(_PROBLEM, 1, **problem)
        return problem

    def resolve(self, problem: Mapping[str, str]) -> None:
        """From now on it does not any more."""
        self.app.measure(_PROBLEM, 0, **problem)

    def paged(self) -> set[str]:
        """Whom PagerDuty calls, by the routing keys."""
        pages = self.publishers.taken("/v2/enqueue") if self.publishers is not None else []
        return {str(page["routing_key"]).rstrip("0") for page in pages if page["event_action"] == "trigger"}

    def posted(self) -> set[str]:
        """The names of the alerts that platelet has posted itself."""
        bodies: list[Any] = [*self.publishers.taken("/api/v2/alerts")] if self.publishers is not None else []
        return {str(alert["labels"]["alertname"]) for alerts in bodies for alert in alerts}

    def called(self) -> set[str]:
        """Who was sent anything: routing keys of PagerDuty as the test shares them, channels of Slack."""
        calls = self.publishers.calls if self.publishers is not None else []
        events = [call.event for call in calls]
        return {str(event.get("routing_key", event.get("channel"))).rstrip("0") for event in events}

    def posts(self, endpoint: str) -> list[Call]:
        """What was sent to an endpoint, by the last part of its path."""
        return [call for call in self.app.asked if call.method == "POST" and call.path.endswith(endpoint)]


class PutOn(Protocol):
    """What puts a pack on the cluster."""

    def __call__(self, pack: str, faster: int = 60, *, publishers: Publishers | None = None) -> Rehearsal:
        """Its objects in a namespace of the test's, with so much shorter times; and whom it calls."""
