"""`platelet lint` finds in files what otherwise only a cluster says, with the place, the reason and the fix."""

import json
import os
import threading
from pathlib import Path

import pytest
import yaml

from platelet.cli import commands

ROOT = Path(__file__).parents[3]
RUNBOOK = """\
apiVersion: platelet.dev/v1alpha1
kind: Runbook
metadata: {name: heal, namespace: shop}
spec:
  steps:
  - name: restart
    rolloutRestart: {}
"""
POLICY = """\
apiVersion: platelet.dev/v1alpha1
kind: RemediationPolicy
metadata: {name: heal, namespace: shop}
spec:
  triggers:
  - pod: {reasons: [CrashLoopBackOff]}
  targets: {selector: {matchLabels: {tier: api}}}
  runbookRef: {name: heal}
"""
SETTINGS = """\
apiVersion: v1
kind: ConfigMap
metadata: {name: platelet}
data:
  config.yaml: |
    apiVersion: platelet.dev/v1alpha1
    kind: OperatorConfig
"""


def lint(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], *texts: str, flags: tuple[str, ...] = ()
) -> tuple[int, list[str]]:
    """Write the texts into one file and lint it: the exit code, and the lines but the last."""
    path = tmp_path / "all.yaml"
    path.write_text("---\n".join(texts))
    code = commands.main(["lint", str(path), *flags])
    return code, capsys.readouterr().out.replace(f"{path}:", "").splitlines()[:-1]


def test_what_is_well_is_content(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 0, and nothing to mend."""
    assert lint(tmp_path, capsys, RUNBOOK, POLICY) == (0, [])


def test_a_policy_that_only_tells_of_jobs_is_well_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Without a Runbook among the files; what else cannot work is still told."""
    telling = POLICY.partition("  triggers")[0] + "  triggers: [{job: {}}]\n"
    assert lint(tmp_path, capsys, telling) == (0, [])
    code, (line,) = lint(tmp_path, capsys, f"{telling}  escalation: {{policyRef: {{name: oncall}}}}\n")
    assert (code, "EscalationPolicyNotFound" in line) == (1, True)


@pytest.mark.parametrize("folder", ["deploy/samples", "deploy/example"])
def test_what_is_shipped_is_well(folder: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Each sample with its Runbook."""
    assert commands.main(["lint", str(ROOT / folder)]) == 0
    assert capsys.readouterr().out.splitlines()[-1].endswith("0 faults found")


# What is changed in the two objects; the line that is told.
FAULTS: dict[str, tuple[str, str, str]] = {
    "a condition in CEL": (
        "rolloutRestart: {}",
        "rolloutRestart: {}\n    when: target.replicas >",
        "fail  1: Runbook shop/heal: InvalidCondition: step restart: when: ",
    ),
    "an action without braces": (
        "rolloutRestart: {}",
        "rolloutRestart:",
        "one without settings has braces: rolloutRestart: {}",
    ),
    "a schedule": (
        "runbookRef: {name: heal}",
        "runbookRef: {name: heal}\n  limits: {maintenanceWindows: [{schedule: 0 26 * * *, duration: 1h}]}",
        "fail  9: RemediationPolicy shop/heal: InvalidMaintenanceWindow: spec.limits.maintenanceWindows[0].schedule",
    ),
    "a time zone": (
        "runbookRef: {name: heal}",
        (
            "runbookRef: {name: heal}\n  limits:\n    maintenanceWindows:\n"
            "    - {schedule: 0 2 * * *, duration: 1h, timeZone: Europe/Atlantis}"
        ),
        "Europe/Atlantis",
    ),
    "a matcher": (
        "pod: {reasons: [CrashLoopBackOff]}",
        "alert: {matchers: ['alertname=~\"(\"']}",
        "fail  9: RemediationPolicy shop/heal: InvalidMatcher: ",
    ),
    "PromQL of one trigger among others": (
        "pod: {reasons: [CrashLoopBackOff]}",
        "pod: {reasons: [CrashLoopBackOff]}\n  - query: {expr: 'sum(rate(errors[5m])', above: 1}",
        "fail  9: RemediationPolicy shop/heal: InvalidQuery: a trigger is not used: expr",
    ),
    "PromQL": (
        "pod: {reasons: [CrashLoopBackOff]}",
        "query: {expr: 'sum(rate(errors[5m])', above: 1}",
        "InvalidQuery: ",
    ),
    "a Runbook that is not there": (
        "runbookRef: {name: heal}",
        "runbookRef: {name: cure}",
        "RunbookNotFound: there is no Runbook cure of namespace shop among these files: name its file, too",
    ),
    "a Runbook of another namespace": (
        "{name: heal, namespace: shop}\nspec:\n  steps",
        "{name: heal, namespace: bank}\nspec:\n  steps",
        "RunbookNotFound: there is no Runbook heal of namespace shop among these files",
    ),
    "a policy where nothing is ever done": (
        "{name: heal, namespace: shop}\nspec:\n  triggers",
        "{name: heal, namespace: kube-system}\nspec:\n  triggers",
        "ProtectedNamespace: namespace kube-system is protected",
    ),
    "an unknown field": ("runbookRef:", "runbook:", "spec.runbook: is not a known field"),
    "a field that is near a known one": (
        "rolloutRestart: {}",
        "rolloutRestarts: {}",
        "spec.steps[0].rolloutRestarts: is not a known field: write rolloutRestart, or remove it",
    ),
    "a Runbook whose name is near": (
        "runbookRef: {name: heal}",
        "runbookRef: {name: heel}",
        "write heal, or name its",
    ),
    "text where the API server wants a number": (
        "runbookRef:",
        "priority: '5'\n  runbookRef:",
        "spec.priority: '5' must be of type integer",
    ),
    "text where the API server wants yes or no": (
        "runbookRef:",
        "force: 'true'\n  runbookRef:",
        "spec.force: 'true' must be of type boolean",
    ),
    "a workload twice": (
        "targets: {",
        "targets: {refs: [{kind: Deployment, name: a}, {kind: Deployment, name: a}]} #",
        "spec.targets.refs[1]: {'kind': 'Deployment', 'name': 'a'} stands there twice",
    ),
    "a name that no object can have": (
        "metadata: {name: heal",
        "metadata: {name: Heal",
        "metadata.name: 'Heal' is no name",
    ),
    "no targets": (
        "targets: {selector: {matchLabels: {tier: api}}}",
        "priority: 1",
        "InvalidSpec: spec: targets is required: say which workloads by selector, refs, or `all: true`",
    ),
    "a duration in days": ("rolloutRestart: {}", "rolloutRestart: {}\n    verify: {timeout: 1d}", "a day is 24h"),
    "a fraction of targets": (
        "runbookRef: {name: heal}",
        "runbookRef: {name: heal}\n  limits: {maxUnhealthy: 0.3}",
        "0.3 is neither a share nor a number of targets: write it like 30% or 3",
    ),
    "another version": ("platelet.dev/v1alpha1\nkind: Runbook", "platelet.dev/v2\nkind: Runbook", "of platelet.dev/v1"),
    "a misspelt kind": ("kind: RemediationPolicy", "kind: RemediationPolcy", "this platelet knows the kinds Runbook"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_told_with_place_reason_and_fix(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 1: CI stops."""
    before, after, words = FAULTS[name]
    text = f"{RUNBOOK}---\n{POLICY}"
    assert before in text
    code, lines = lint(tmp_path, capsys, text.replace(before, after))
    assert code == 1
    assert any(words in line for line in lines), lines


@pytest.mark.parametrize(
    ("settings", "code", "words"),
    [
        pytest.param("", 0, "", id="without settings it is not judged"),
        pytest.param(SETTINGS, 1, "PrometheusNotConfigured", id="the ConfigMap names no Prometheus"),
        pytest.param(
            f"{SETTINGS}    prometheus: {{url: http://prometheus.svc:9090}}\n", 0, "", id="the ConfigMap names one"
        ),
        pytest.param(f"{SETTINGS}    resync: 1d\n", 1, "ConfigMap platelet, config.yaml", id="faulty settings"),
    ],
)
def test_settings_among_the_files_are_heeded(
    settings: str, code: int, words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """As in a repository that installs the operator, too."""
    policy = POLICY.replace("pod: {reasons: [CrashLoopBackOff]}", "query: {expr: load, above: 1}")
    exit_code, lines = lint(tmp_path, capsys, RUNBOOK, policy, *([settings] if settings else []))
    assert (exit_code, words in "\n".join(lines)) == (code, True)


def test_a_caveat_is_a_warning_and_no_failure(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What can be done is done."""
    policy = POLICY.replace("targets: {", "targets: {kinds: [DaemonSet], ")
    runbook = RUNBOOK.replace("rolloutRestart: {}", "scale: {by: 1}")
    code, lines = lint(tmp_path, capsys, runbook, policy)
    assert code == 0
    assert lines[0].startswith("warn  9: RemediationPolicy shop/heal: StepNeverApplies: ")


def test_machines_read_the_same(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """For CI that annotates lines."""
    path = tmp_path / "policy.yaml"
    path.write_text(POLICY)
    assert commands.main(["lint", str(tmp_path), "-o", "json"]) == 1
    document = json.loads(capsys.readouterr().out)
    assert document["valid"] is False
    [fault] = document["faults"]
    assert fault["place"] == f"{path}:1"
    assert (fault["object"], fault["severity"], fault["reason"]) == (
        "RemediationPolicy shop/heal",
        "fail",
        "RunbookNotFound",
    )


def test_a_list_and_the_namespace_of_the_command_are_understood(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """As `kubectl get -o json` writes them, and as kustomize leaves the namespace out."""
    bare = RUNBOOK.replace(", namespace: shop", "")
    code, lines = lint(tmp_path, capsys, bare, POLICY, flags=("-n", "shop"))
    assert (code, lines) == (0, [])
    code, lines = lint(tmp_path, capsys, bare, POLICY)
    assert (code, "RunbookNotFound" in lines[0]) == (1, True)
    listed = "apiVersion: v1\nkind: List\nitems:\n" + "".join(
        "- " + text.replace("\n", "\n  ").rstrip() + "\n" for text in (RUNBOOK, POLICY)
    )
    assert lint(tmp_path, capsys, listed) == (0, [])


@pytest.mark.parametrize(
    ("content", "words"),
    [
        pytest.param("a: [1", ":1: this is not YAML: ", id="no YAML"),
        pytest.param("a: 1\na: 2", ":2: this is not YAML: the key 'a' stands twice in one mapping", id="a key twice"),
        pytest.param(
            "a: {{ .Values.b }}", ":1: this is not YAML: a key is no word: is this a template of Helm?", id="Helm"
        ),
        pytest.param("a: " + "[" * 3000, "it is nested too deep to be read", id="too deep"),
        pytest.param("- 1", ":1: this is no object of Kubernetes", id="no object"),
        pytest.param(None, "there is no file", id="no file"),
    ],
)
def test_a_file_that_cannot_be_read_is_exit_code_2(
    content: str | None, words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One line, with the place."""
    path = tmp_path / "bad.yaml"
    if content is not None:
        path.write_text(content)
    assert commands.main(["lint", str(path)]) == 2
    complaint = capsys.readouterr().err
    assert words in complaint
    assert complaint.count("\n") == 1


def test_a_folder_without_a_manifest_is_exit_code_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Somebody has named another folder: CI must not pass."""
    (tmp_path / "README.md").write_text("nothing here")
    assert commands.main(["lint", str(tmp_path)]) == 2
    assert "has no YAML or JSON file" in capsys.readouterr().err


def test_a_pipe_is_read_as_a_file_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """As in `platelet lint <(kubectl kustomize .)`."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_text, args=(RUNBOOK,))
    writer.start()
    assert commands.main(["lint", str(pipe)]) == 0
    writer.join()
    assert capsys.readouterr().out.startswith("1 of platelet's objects checked")


def test_a_field_that_is_null_is_not_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """As the API server has it."""
    assert lint(tmp_path, capsys, RUNBOOK, POLICY.replace("runbookRef:", "suspended:\n  runbookRef:"))[0] == 0


PACKS = sorted(path.parent for path in (ROOT / "deploy/packs").rglob("policies.yaml"))


@pytest.mark.parametrize("pack", PACKS, ids=[path.relative_to(ROOT / "deploy/packs").as_posix() for path in PACKS])
def test_every_pack_is_clean(pack: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """All that its kustomization applies, in the namespace that it applies it to."""
    kustomization = yaml.safe_load((pack / "kustomization.yaml").read_text())
    files = [str(pack / name) for name in kustomization["resources"]]
    assert {Path(name).name for name in files} == {path.name for path in pack.glob("*.yaml")} - {"kustomization.yaml"}
    code = commands.main(["lint", *files, "-n", kustomization.get("namespace", "shop")])
    assert code == 0, capsys.readouterr().out
