"""What people type, against a real API server: explain says why, pause and resume stop and free the operator."""

import contextlib
import json
import os
import pty
import signal
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cluster import attested, installation, listening, operating, patience
from tests.cluster import control_plane as cluster
from tests.demo.alertmanager import Alertmanager as Sender

pytestmark = pytest.mark.cluster
HEALED = {"platelet.dev/heal": "true"}
UNDO = {"name": "undo", "rolloutUndo": {}, "verify": {"timeout": "30s", "stableFor": "5s"}}
CRASH = {"pod": {"reasons": ["CrashLoopBackOff"], "minRestarts": 1}}


@dataclass(frozen=True)
class Said:
    """What a command answered."""

    code: int
    out: str
    err: str


@pytest.fixture(scope="module")
def installed(
    control_plane: cluster.ControlPlane, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[installation.Installation]:
    """Platelet installed, and no operator running."""
    with installation.installed(control_plane, tmp_path_factory.mktemp("platelet")) as operator:
        yield operator


@pytest.fixture
def plane(installed: installation.Installation) -> cluster.ControlPlane:
    """A cluster on which platelet is installed."""
    return installed.plane


@pytest.fixture
def operator(installed: installation.Installation) -> Iterator[installation.OperatorProcess]:
    """One operator that leads, for the length of one test."""
    replica = installed.start()
    yield replica
    replica.stop()


def platelet(plane: cluster.ControlPlane, *arguments: str, user: str = "admin") -> Said:
    """Run a command as a person with this user's kubeconfig would."""
    command = [sys.executable, "-m", "platelet", *arguments]
    done = subprocess.run(  # noqa: S603 - our own command line
        command, capture_output=True, text=True, env=_environment(plane, user), check=False
    )
    return Said(done.returncode, done.stdout, done.stderr)


def _environment(plane: cluster.ControlPlane, user: str) -> dict[str, str]:
    return {
        **os.environ,
        "KUBECONFIG": str(plane.kubeconfig(user)),
        "PYTHONPATH": str(installation.ROOT / "operator"),
    }


def apply(plane: cluster.ControlPlane, namespace: str, text: str) -> None:
    """Apply a manifest."""
    plane.kubectl("apply", "-n", namespace, "-f", "-", input=text)


def a_policy(plane: cluster.ControlPlane, namespace: str, *, runbook: bool = True, **spec: Any) -> None:
    """Apply a policy `heal` that undoes a crash-looping release of labelled Deployments, with its Runbook `undo`."""
    kinds: list[tuple[str, str, dict[str, Any]]] = [
        (
            "RemediationPolicy",
            "heal",
            {
                "mode": "Enforce",
                "triggers": [CRASH],
                "targets": {"selector": {"matchLabels": HEALED}},
                "runbookRef": {"name": "undo"},
                "limits": {"maxUnhealthy": "100%"},
                **spec,
            },
        )
    ]
    if runbook:
        kinds.append(("Runbook", "undo", {"steps": [UNDO]}))
    documents = [
        {"apiVersion": "platelet.dev/v1alpha1", "kind": kind, "metadata": {"name": name}, "spec": content}
        for kind, name, content in kinds
    ]
    apply(plane, namespace, yaml.safe_dump_all(documents))


def a_bad_release(plane: cluster.ControlPlane, namespace: str, **annotations: str) -> None:
    """Bring `api` out well, wait until that is on record as healthy, then release what crash-loops."""
    manifest = yaml.safe_load(installation.deployment("api", "app:good-1", labels=HEALED))
    manifest["metadata"]["annotations"] = annotations
    apply(plane, namespace, yaml.safe_dump(manifest))

    def is_proven() -> bool:
        attestations = installation.get_all(plane, "controllerrevisions", installation.NAMESPACE)
        return "api" in attested.proven(attestations, namespace)

    patience.until("the good release to be on record as healthy", is_proven)
    plane.kubectl("set", "image", "deployment/api", "app=app:crash-1", "-n", namespace)


def a_crash_loop(plane: cluster.ControlPlane, namespace: str, labels: dict[str, str]) -> None:
    """Bring `api` out in a version that crash-loops, and wait until it does."""
    apply(plane, namespace, installation.deployment("api", "app:crash-1", labels=labels))

    def is_looping() -> bool:
        pods = installation.get_all(plane, "pods", namespace)
        statuses = [status for pod in pods for status in pod.get("status", {}).get("containerStatuses", [])]
        return bool(statuses) and all(status["restartCount"] >= 2 for status in statuses)

    patience.until("the pods to crash-loop", is_looping)


def image_of(plane: cluster.ControlPlane, namespace: str) -> str:
    """The image that the Deployment `api` wants."""
    deployment = installation.get(plane, "deployment", namespace, "api")
    assert deployment is not None
    image: str = deployment["spec"]["template"]["spec"]["containers"][0]["image"]
    return image


def test_pause_stops_an_attempt_and_resume_lets_it_heal(
    plane: cluster.ControlPlane, operator: installation.OperatorProcess, namespace: str
) -> None:
    """The kill switch holds a heal back with its reason for all to see, and lets it go on."""
    assert operator.alive
    a_policy(plane, namespace)
    try:
        answer = platelet(plane, "pause", "--for", "1h", "--reason", "release freeze")
        assert (answer.code, answer.err) == (0, "")
        assert "paused until" in answer.out
        assert "platelet resume" in answer.out
        a_bad_release(plane, namespace)

        def is_suspended() -> bool:
            remediation = installation.get(plane, "remediation", namespace, "deployment-api-1") or {}
            return (remediation.get("status", {}).get("waiting") or {}).get("reason") == "Suspended"

        patience.until("the Remediation to wait for the pause", is_suspended)
        answer = platelet(plane, "explain", "remediation/deployment-api-1", "-n", namespace)
        assert answer.code == 0
        assert "DENY      suspended: Suspended: everything is suspended by people until" in answer.out
        assert "release freeze" in answer.out
        assert image_of(plane, namespace) == "app:crash-1"
    finally:
        resumed = platelet(plane, "resume")
    assert (resumed.code, resumed.err) == (0, "")
    assert "resumed" in resumed.out
    installation.wait_for_state(plane, namespace, "deployment-api-1", "Monitoring")
    assert image_of(plane, namespace) == "app:good-1"
    answer = platelet(plane, "explain", "deployment/api", "-n", namespace)
    assert "an undo goes here" not in answer.out
    assert ": Bad" in answer.out
    answer = platelet(plane, "explain", "remediation/deployment-api-1", "-n", namespace)
    assert "Recovered" in answer.out
    _timeline_tells_all(plane, namespace)


def _timeline_tells_all(plane: cluster.ControlPlane, namespace: str) -> None:
    """The whole incident is one list: both releases, what the pods showed, the pause, the undo and what came of it."""

    def read() -> list[dict[str, Any]]:
        answer = platelet(plane, "timeline", "deploy/api", "-n", namespace, "-o", "json")
        assert (answer.code, answer.err) == (0, "")
        return list(json.loads(answer.out)["entries"])

    def has_events() -> bool:
        return any(entry["by"] == "deployment-controller" for entry in read() if entry["kind"] == "event")

    patience.until("the Deployment controller's Events, which it sends when it may", has_events)
    entries = read()
    kinds = [(entry["kind"], entry["reason"]) for entry in entries]
    story = [
        ("revision", "Healthy"),
        ("pods", "CrashLoopBackOff"),
        ("decision", "Suspended"),
        ("attempt", "Done"),
        ("verdict", "Recovered"),
    ]
    assert [kinds.index(entry) for entry in story] == sorted(kinds.index(entry) for entry in story)
    assert [entry["message"].rpartition("=")[2] for entry in entries if entry["kind"] == "rollout"] == [
        "app:good-1",
        "app:crash-1",
        "app:good-1",
    ]
    assert sum(entry["kind"] == "event" and entry["by"].startswith("platelet") for entry in entries) == 0
    later = platelet(plane, "timeline", "deploy/api", "-n", namespace, "--since", "1s")
    assert later.out.startswith(f"Deployment {namespace}/api: ")


def test_pause_and_resume_twice_are_pause_and_resume_once(plane: cluster.ControlPlane) -> None:
    """Repeating a command is no error, writes nothing, and says what is true."""
    try:
        first = platelet(plane, "pause", "--reason", "freeze")
        version = _version(plane)
        second = platelet(plane, "pause")
        assert (first.code, second.code) == (0, 0)
        assert second.out.startswith("still paused until resumed: no action is started; reason: freeze")
        shorter = platelet(plane, "pause", "--for", "1m")
        assert "never shortened" in shorter.out
        assert _version(plane) == version
    finally:
        resumed = platelet(plane, "resume")
    assert resumed.out.startswith("resumed")
    assert platelet(plane, "resume").out.startswith("not paused")
    budget = installation.get(plane, "budget", installation.NAMESPACE, "platelet") or {}
    assert "suspended" not in budget["spec"]


def _version(plane: cluster.ControlPlane) -> str:
    budget = installation.get(plane, "budget", installation.NAMESPACE, "platelet") or {}
    version: str = budget["metadata"]["resourceVersion"]
    return version


def test_explain_names_why_no_policy_is_for_a_deployment(plane: cluster.ControlPlane, namespace: str) -> None:
    """A missing Runbook, a missing label and a missing operator are each told with what to do."""
    a_policy(plane, namespace, runbook=False)
    a_crash_loop(plane, namespace, {})
    answer = platelet(plane, "explain", "deployment/api", "-n", namespace)
    assert answer.code == 0
    assert "nothing is done: no policy that is ready is for this workload" in answer.out
    assert "not ready: RunbookNotFound: there is no Runbook undo" in answer.out
    assert "not a target: the policy asks for platelet.dev/heal=true" in answer.out
    assert "2 of 2 pods crash-loop" in answer.out
    assert "no operator leads in namespace platelet-system" in answer.out


def test_explain_says_what_would_open_when_an_operator_looks(plane: cluster.ControlPlane, namespace: str) -> None:
    """Without an operator it is told what one would do with what is seen now, and that there is none."""
    a_policy(plane, namespace)
    a_crash_loop(plane, namespace, HEALED)
    answer = platelet(plane, "explain", "deploy/api", "-n", namespace, "-o", "json")
    assert answer.code == 0
    document = json.loads(answer.out)
    assert document["why"] == ["deployment-api-1 is to open at the operator's next look"]
    [imagined] = document["wouldOpen"]
    assert imagined["steps"][0]["now"]["refusal"]["reason"] == "NoHealthyRevision"
    assert "stop, and tell people" in imagined["next"][0]["text"]
    assert "app:crash-1" not in answer.out, "templates are nobody's business"


def test_explain_names_gitops(
    plane: cluster.ControlPlane, operator: installation.OperatorProcess, namespace: str
) -> None:
    """A Deployment that Argo CD owns is not undone, and both explanations say so."""
    assert operator.alive
    a_policy(plane, namespace)
    tracking = f"shop:apps/Deployment:{namespace}/api"
    a_bad_release(plane, namespace, **{"argocd.argoproj.io/tracking-id": tracking})
    installation.wait_for_state(plane, namespace, "deployment-api-1", "Escalated")
    for subject in ("deployment/api", "remediation/deployment-api-1"):
        answer = platelet(plane, "explain", subject, "-n", namespace)
        assert answer.code == 0
        assert "GitOpsManaged: Argo CD application shop owns" in answer.out


def test_explain_of_an_observed_remediation_says_what_would_be_done(
    plane: cluster.ControlPlane, operator: installation.OperatorProcess, namespace: str
) -> None:
    """In mode Observe the plan is told, and that nothing comes of it."""
    assert operator.alive
    a_policy(plane, namespace, mode="Observe")
    a_bad_release(plane, namespace)
    name = "deployment-api-heal-observed-1"

    def is_planned() -> bool:
        remediation = installation.get(plane, "remediation", namespace, name) or {}
        return (remediation.get("status") or {}).get("reason") == "WouldHaveActed"

    patience.until("the plan to be on record", is_planned)
    answer = platelet(plane, "explain", f"rem/{name}", "-n", namespace)
    assert answer.code == 0
    assert "would undo " in answer.out
    assert "nothing is done in mode Observe" in answer.out
    assert image_of(plane, namespace) == "app:crash-1"


def test_explain_writes_nothing(plane: cluster.ControlPlane, namespace: str) -> None:
    """Even for one who may write everything, and where the operator would write a policy's condition."""
    binding, begun = f"alice-{namespace}", datetime.now(UTC)
    plane.kubectl("create", "clusterrolebinding", binding, "--clusterrole=cluster-admin", "--user=alice")
    a_policy(plane, namespace)
    a_crash_loop(plane, namespace, HEALED)
    apply(plane, namespace, yaml.safe_dump(_a_remediation()))
    for subject in ("deployment/api", "remediation/by-hand"):
        for form in ([], ["-o", "json"], ["-o", "yaml"]):
            answer = platelet(plane, "explain", subject, "-n", namespace, *form, user="alice")
            assert (answer.code, answer.err) == (0, "")

    def asked() -> list[Any]:
        return [event for event in plane.audit_events() if event.user == "alice" and event.namespace == namespace]

    patience.until(
        "her reads to be in the audit log", lambda: any(event.resource == "remediations" for event in asked())
    )
    plane.kubectl("delete", "clusterrolebinding", binding)  # other files rely on what alice may not do
    everything = [event for event in plane.audit_events() if event.user == "alice" and event.timestamp >= begun]
    assert [event for event in everything if event.is_write] == []


def test_people_who_may_only_view_their_namespace_are_told_too(plane: cluster.ControlPlane, namespace: str) -> None:
    """The role `view`, and reading our kinds; nodes are not theirs to see, and that is said."""
    rights = ["--verb=get,list", "--resource=remediationpolicies,runbooks,remediations,actionbudgets"]
    role = f"explain-{namespace}"
    plane.kubectl("create", "clusterrole", role, *rights)
    plane.kubectl("create", "rolebinding", "view", "--clusterrole=view", "--user=bob", "-n", namespace)
    for place in (namespace, installation.NAMESPACE):
        plane.kubectl("create", "rolebinding", role, f"--clusterrole={role}", "--user=bob", "-n", place)
    a_policy(plane, namespace)
    a_crash_loop(plane, namespace, HEALED)
    answer = platelet(plane, "explain", "deployment/api", "-n", namespace, user="bob")
    assert (answer.code, answer.err) == (0, "")
    assert "CrashLoopBackOff since" in answer.out
    assert "note: you may not read nodes" in answer.out


OTHER_SCREEN, FIRST_SCREEN = "\x1b[?1049h", "\x1b[?1049l"  # xterm's alternate screen buffer
CHECKS = ("crds", "admission", "rights", "budget", "leader", "clock", "policies", "suspended", "notices", "alerts")
NAMED = {"refs": [{"kind": "Deployment", "name": "api"}]}
RESTART = {"name": "restart", "rolloutRestart": {}, "verify": {"timeout": "30s", "stableFor": "1s"}}


def test_a_runbook_by_hand_restarts_a_healthy_workload(
    plane: cluster.ControlPlane, operator: installation.OperatorProcess, namespace: str
) -> None:
    """First as a question, then for good; the record says who asked, and the timeline tells it."""
    assert operator.alive
    a_policy(plane, namespace)
    restart = {"metadata": {"name": "restart"}, "spec": {"steps": [RESTART]}}
    apply(plane, namespace, yaml.safe_dump({"apiVersion": "platelet.dev/v1alpha1", "kind": "Runbook", **restart}))
    apply(plane, namespace, installation.deployment("api", "app:good-1", labels=HEALED))
    plane.kubectl("rollout", "status", "deployment/api", "-n", namespace, "--timeout=60s")
    asked = ("run", "restart", "deployment/api", "-n", namespace)
    operating.until_leading(operator)
    answer = platelet(plane, *asked, "--observe")
    assert (answer.code, answer.err) == (0, "")
    assert "Closed  WouldHaveActed: would rolling restart of all 2 pods" in answer.out
    answer = platelet(plane, *asked, "--wait", "--reason", "a new certificate", "-o", "json")
    assert (answer.code, answer.err) == (0, "")
    document = json.loads(answer.out)
    assert document["spec"]["requestedBy"] == "admin"
    assert [attempt["phase"] for attempt in document["status"]["attempts"]] == ["Done"]
    answer = platelet(plane, "timeline", "deployment/api", "-n", namespace)
    assert "  request " in answer.out
    assert "RunByHand: admin asked for runbook restart: a new certificate" in answer.out
    answer = platelet(plane, "run", "none", "deployment/api", "-n", namespace)
    assert (answer.code, answer.out) == (1, "")
    assert f"there is no Runbook {namespace}/none" in answer.err


def test_a_remediation_by_hand_needs_no_signal_and_takes_no_steps(plane: cluster.ControlPlane, namespace: str) -> None:
    """As `kubectl create` makes it; steps would be nobody's Runbook."""
    made = _a_remediation()
    del made["spec"]["signal"]
    with pytest.raises(cluster.KubectlFailed, match="takes its steps from the Runbook: leave steps out"):
        apply(plane, namespace, yaml.safe_dump(made))
    del made["spec"]["steps"]
    apply(plane, namespace, yaml.safe_dump(made))


def test_get_shows_what_kubectl_shows_and_follows_it(plane: cluster.ControlPlane, namespace: str) -> None:
    """All kinds at once; with -w into a pipe, a line for each change until Ctrl-C."""
    a_policy(plane, namespace)
    answer = platelet(plane, "get", "-n", namespace)
    assert (answer.code, answer.err) == (0, "")
    assert f"actionbudgets in namespace {installation.NAMESPACE}" in answer.out
    assert "\n  heal  Enforce  " in answer.out
    listed = json.loads(platelet(plane, "get", "policies", "rbk", "-n", namespace, "-o", "json").out)
    assert [item["kind"] for item in listed["items"]] == ["RemediationPolicy", "Runbook"]
    assert namespace in platelet(plane, "get", "policies", "-A", "-o", "wide").out
    with following(plane, namespace, subprocess.PIPE) as watching:
        assert watching.stdout is not None
        assert b"runbook/undo" in watching.stdout.readline()
        plane.kubectl("delete", "rbk", "undo", "-n", namespace)
        assert watching.stdout.readline().rstrip().endswith(b"runbook/undo  deleted")
        watching.send_signal(signal.SIGINT)
        assert watching.wait(20) == 130


@contextlib.contextmanager
def following(plane: cluster.ControlPlane, namespace: str, output: int) -> Iterator["subprocess.Popen[bytes]"]:
    """`platelet get rbk -w`, which ends with the block. A process of the background heeds no Ctrl-C: this one does."""
    command = ["env", "--default-signal=INT", sys.executable, "-m", "platelet", "get", "rbk", "-w", "-n", namespace]
    environment = _environment(plane, "admin") | {"TERM": "xterm", "COLUMNS": "120", "LINES": "30"}
    with subprocess.Popen(command, stdout=output, env=environment) as process:  # noqa: S603 - ours
        try:
            yield process
        finally:
            process.kill()


def test_get_on_a_terminal_is_a_view_that_ctrl_c_takes_away(plane: cluster.ControlPlane, namespace: str) -> None:
    """On a screen of its own, drawn anew as things change."""
    a_policy(plane, namespace)
    ours, theirs = pty.openpty()
    os.set_blocking(ours, False)
    drawn = bytearray()

    def shows(text: str) -> bool:
        with contextlib.suppress(OSError):  # nothing new, or nobody at the other end
            drawn.extend(os.read(ours, 65536))
        return text.encode() in drawn

    with following(plane, namespace, theirs) as watching:
        os.close(theirs)
        for text in (OTHER_SCREEN, f"runbooks in namespace {namespace}", "undo"):
            patience.until(f"{text!r} on the screen", partial(shows, text))
        plane.kubectl("delete", "rbk", "undo", "-n", namespace)
        drawn.clear()
        patience.until("an empty list", partial(shows, "none"))
        watching.send_signal(signal.SIGINT)
        patience.until("the first screen", partial(shows, FIRST_SCREEN))
        assert watching.wait(20) == 130
    os.close(ours)


def test_the_doctor_finds_nothing_wrong_and_an_alert_comes_by_the_route(
    plane: cluster.ControlPlane, operator: installation.OperatorProcess, namespace: str
) -> None:
    """On an installation as documented; the test alert opens nothing, though a policy would match it."""
    operating.until_leading(operator)
    apply(plane, namespace, installation.deployment("api", "app:good-1", labels={}))
    a_policy(plane, namespace, triggers=[{"alert": {"matchers": ['alertname=~".+"']}}], targets=NAMED)
    plane.kubectl("wait", "rempol", "--all", "-n", namespace, "--for=condition=Ready", "--timeout=30s")
    sender = Sender(operator.alerts_url, installation.ALERT_TOKEN)
    with listening.alertmanager() as alertmanager:
        alertmanager.routes = [lambda alert: sender.fire(alert["labels"], "")]
        asked = ("doctor", "-n", namespace, "-o", "json", "--alertmanager", alertmanager.url)
        answer = platelet(plane, *asked)
        document = json.loads(answer.out)
        assert {finding["check"]: finding["outcome"] for finding in document["findings"]} == dict.fromkeys(
            CHECKS, "ok"
        ), answer.out
        assert (answer.code, document["healthy"]) == (0, True)
        alertmanager.routes = []
        answer = platelet(plane, *asked, "--timeout", "1s")
        document = json.loads(answer.out)
        assert (answer.code, document["findings"][-1]["outcome"]) == (1, "fail")
        assert "has not come to the operator in 1s" in document["findings"][-1]["message"]
    assert installation.get_all(plane, "remediations", namespace) == []


def test_the_doctor_says_what_is_wrong(plane: cluster.ControlPlane, namespace: str) -> None:
    """No operator, a policy without its Runbook, a right that was taken away, an Alertmanager that nobody reaches."""
    a_policy(plane, namespace, runbook=False)
    sinks = [{"name": "pager", "webhook": {"url": "http://pager.svc/"}}]
    spec = {"sinks": sinks, "levels": [{"after": "0s", "sinks": ["pager"]}]}
    oncall = {"kind": "EscalationPolicy", "metadata": {"name": "oncall"}, "spec": spec}
    plane.kubectl(
        "apply", "-n", namespace, "-f", "-", input=json.dumps({"apiVersion": "platelet.dev/v1alpha1", **oncall})
    )
    removed = {
        "clusterrolebinding": "platelet-scale-apps",
        "validatingadmissionpolicybinding": "platelet-approvals",
    }
    stored = {kind: plane.kubectl("get", kind, name, "-o", "json") for kind, name in removed.items()}
    try:
        for kind, name in removed.items():
            plane.kubectl("delete", kind, name)
        answer = platelet(plane, "doctor", "-n", namespace, "--alertmanager", "http://127.0.0.1:1")
    finally:
        for kind, name in removed.items():
            before = json.loads(stored[kind])
            metadata = {"name": name, "labels": before["metadata"]["labels"]}
            plane.kubectl("apply", "-f", "-", input=json.dumps(before | {"metadata": metadata}))
    assert (answer.code, answer.err) == (1, "")
    assert (
        "warn  rights: system:serviceaccount:platelet-system:platelet may not patch deployments/scale.apps"
        in answer.out
    )
    assert "fail  admission: ValidatingAdmissionPolicyBinding/platelet-approvals is not installed" in answer.out
    assert "fail  leader: no operator leads" in answer.out
    assert f"policies: {namespace}/heal was not judged by an operator yet" in answer.out
    assert f"escalation: {namespace}/oncall was not judged by an operator yet" in answer.out
    assert "fail  alerts: Alertmanager took no test alert: ConnectError" in answer.out


def test_kubectl_finds_it_as_a_plugin(plane: cluster.ControlPlane, tmp_path: Path) -> None:
    """By the name that pyproject.toml gives the console script, in the PATH."""
    scripts = tomllib.loads((installation.ROOT / "pyproject.toml").read_text())["project"]["scripts"]
    module, _, function = scripts["kubectl-platelet"].partition(":")
    script = tmp_path / "kubectl-platelet"
    script.write_text(f"#!{sys.executable}\nimport sys\nfrom {module} import {function}\nsys.exit({function}())\n")
    script.chmod(0o755)
    environment = _environment(plane, "admin")
    environment["PATH"] = f"{tmp_path}:{environment['PATH']}"
    command = [str(plane.bin_dir / "kubectl"), "platelet", "get", "budget"]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=True)  # noqa: S603 - ours
    assert "actionbudgets in namespace platelet-system" in done.stdout


def _a_remediation() -> dict[str, Any]:
    fact = {
        "source": "pod",
        "reason": "CrashLoopBackOff",
        "fingerprint": "pod/CrashLoopBackOff",
        "message": "2 of 2 pods crash-loop",
        "firstSeen": "2026-11-21T08:00:00Z",
        "lastSeen": "2026-11-21T08:00:00Z",
    }
    spec = {
        "targetRef": {"kind": "Deployment", "name": "api"},
        "policyRef": {"name": "heal"},
        "runbookRef": {"name": "undo"},
        "mode": "Enforce",
        "signal": fact,
        "steps": [UNDO],
    }
    return {
        "apiVersion": "platelet.dev/v1alpha1",
        "kind": "Remediation",
        "metadata": {"name": "by-hand"},
        "spec": spec,
    }


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        pytest.param(["explain", "deployment/none"], 1, "there is no Deployment default/none", id="no such Deployment"),
        pytest.param(["explain", "rem/none"], 1, "there is no Remediation default/none", id="no such Remediation"),
        pytest.param(["explain", "pod/api"], 2, "only remediations and", id="a pod is no subject"),
        pytest.param(["timeline", "deploy/none"], 1, "there is no Deployment default/none", id="no story at all"),
        pytest.param(
            ["run", "undo", "deploy/none"], 1, "there is no Deployment default/none", id="nothing to run it on"
        ),
        pytest.param(["run"], 2, "platelet run RUNBOOK KIND/NAME runs a Runbook by hand", id="nothing to run"),
        pytest.param(["get", "pods"], 2, "is no kind of platelet's", id="another's kind"),
        pytest.param(["pause", "-n", "shop"], 2, "kubectl annotate namespace shop", id="a pause of one namespace"),
        pytest.param(["pause", "--operator-namespace", "elsewhere"], 1, "To install: kubectl apply", id="no budget"),
        pytest.param(["resume", "--operator-namespace", "elsewhere"], 1, "no ActionBudget", id="no budget to resume"),
        pytest.param(["pause", "--for", "soon"], 2, "write it like 90s, 5m or 1h30m", id="no duration"),
        pytest.param(["pause", "--context", "none"], 2, "no connection to a cluster", id="no such context"),
    ],
)
def test_a_mistake_costs_one_line(plane: cluster.ControlPlane, arguments: list[str], code: int, words: str) -> None:
    """No traceback: one line that tells the fix, and an exit code."""
    answer = platelet(plane, *arguments)
    assert (answer.code, answer.out) == (code, "")
    assert words in answer.err.splitlines()[-1]
    assert "Traceback" not in answer.err


def test_lint_asks_the_api_server_and_stores_nothing(plane: cluster.ControlPlane, tmp_path: Path) -> None:
    """What only the server knows, such as that there is no such namespace; a good file is stored nowhere."""
    sample = (installation.ROOT / "deploy" / "samples" / "first-policy.yaml").read_text()
    (tmp_path / "sample.yaml").write_text(sample)
    well = platelet(plane, "lint", str(tmp_path), "--dry-run=server", "-n", "default")
    assert (well.code, well.err) == (0, "")
    assert installation.get_all(plane, "runbooks", "default") == []
    nowhere = platelet(plane, "lint", str(tmp_path), "--dry-run=server", "-n", "nowhere")
    assert nowhere.code == 1
    assert 'the API server refuses it: namespaces "nowhere" not found' in nowhere.out


def test_without_the_right_to_it_the_api_servers_words_are_told(plane: cluster.ControlPlane) -> None:
    """Bob may not touch the kill switch, and reads who said so."""
    answer = platelet(plane, "pause", user="bob")
    assert answer.code == 1
    assert answer.err.count("\n") == 1
    assert 'not allowed: actionbudgets.platelet.dev "platelet" is forbidden: User "bob"' in answer.err


def test_who_may_only_view_a_namespace_is_told_what_was_not_seen(plane: cluster.ControlPlane, namespace: str) -> None:
    """Explain explains the rest; the doctor says what it could not look at, and calls no want of rights a failure."""
    plane.kubectl("create", "rolebinding", "view", "-n", namespace, "--clusterrole=view", "--user=bob")
    a_policy(plane, namespace)
    apply(plane, namespace, installation.deployment("api", "app:good-1", labels=HEALED))
    explained = platelet(plane, "explain", "deployment/api", "-n", namespace, user="bob")
    assert (explained.code, explained.err) == (0, "")
    assert f"ok  {namespace}/heal (Enforce)" in explained.out
    assert "note: health is what revision records say of themselves" in explained.out
    examined = platelet(plane, "doctor", "-n", namespace, "-o", "json", user="bob")
    findings = json.loads(examined.out)["findings"]
    assert [finding for finding in findings if finding["outcome"] == "fail" and finding["check"] == "rights"] == []
    assert [finding["check"] for finding in findings if "not looked at" in finding["message"]][:1] == ["crds"]


def test_an_unreachable_api_server_is_one_line(tmp_path: Path, plane: cluster.ControlPlane) -> None:
    """Nobody listens there: exit code 1."""
    content = yaml.safe_load(plane.kubeconfig("admin").read_text())
    content["clusters"][0]["cluster"]["server"] = "https://127.0.0.1:1"
    nowhere = tmp_path / "kubeconfig"
    nowhere.write_text(yaml.safe_dump(content))
    answer = platelet(plane, "explain", "deployment/api", "--kubeconfig", str(nowhere))
    assert answer.code == 1
    assert answer.err.startswith("platelet: the API server did not answer: ")
    assert answer.err.count("\n") == 1
