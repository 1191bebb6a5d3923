"""Every command that README and docs show, and which test runs it."""

import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
_BLOCK = re.compile(r"```(?:console|sh)\n(.*?)```", re.DOTALL)
_FENCED = re.compile(r"```.*?```", re.DOTALL)
_SPAN = re.compile(r"`((?:platelet|kubectl) [^`]+)`")
_PATTERN = re.compile(r"\b(?:[A-Z]{3,}|FILE\.\.\.)\b")  # RUNBOOK, NAME: no command yet
_SHORT = 2  # words: `platelet explain` names a command and does not show one
_MENTIONS = {"kubectl get rem", "kubectl rollout history", "kubectl rollout status", "platelet revert --all"}
_PROGRAMS = ("platelet ", "kubectl ")
_GENERATED = "<!-- From here on generated"

SHOWN: dict[str, int] = {
    "kubectl apply -n shop -f deploy/samples/first-policy.yaml": 0,
    "kubectl label -n shop deployment/api platelet.dev/heal=true": 0,
    "kubectl get rempol,rbk,rem,budget -A": 0,
    "kubectl describe rem deployment-api-1": 0,
    "kubectl wait rem deployment-api-1 --for=condition=Recovered --timeout=10m": 0,
    "platelet get -A -w": 130,  # followed until Ctrl-C
    "platelet explain deployment/api -n shop": 0,
    "platelet timeline deployment/api -n shop": 0,
    "platelet run crash-loop deployment/api": 0,
    "platelet doctor -A": 0,
    "platelet lint deploy/samples": 0,
    'platelet pause --for 1h --reason "release freeze"': 0,
    "platelet resume": 0,
    "kubectl explain rempol.spec.limits": 0,
    "kubectl auth whoami": 0,
    "kubectl get rem -A -o json": 0,
    "kubectl get controllerrevisions -n shop -l platelet.dev/target=api": 0,
    'kubectl annotate namespace shop platelet.dev/suspend="release freeze"': 0,
    "kubectl annotate deployment/api -n shop platelet.dev/suspend=true": 0,
}
"""Those that are run as they stand, in this order, with an incident of `shop/api` on record; and their exit codes."""

_GUIDE = "cluster/test_removal.py"
ELSEWHERE: dict[str, str] = {
    "kubectl apply --server-side -k crds": _GUIDE,
    "kubectl wait --for=condition=Established crd -l app.kubernetes.io/part-of=platelet": _GUIDE,
    "kubectl apply --server-side -k my-platelet": _GUIDE,
    "platelet revert --all --yes": _GUIDE,
    "kubectl delete --ignore-not-found -k my-platelet": _GUIDE,
    "kubectl rollout status -n platelet-system deployment/platelet": "e2e/test_in_a_pod.py",
    "kubectl create secret generic platelet-alert-token": "e2e/test_in_a_pod.py",
    "platelet approve remediation/": "cluster/test_approvals.py",
    "platelet reject remediation/": "cluster/test_approvals.py",
    "platelet acknowledge remediation/": "cluster/test_approvals.py",
    "platelet acknowledge cronjob/": "cluster/test_failed_jobs.py",
    "platelet acknowledge alert/": "cluster/test_levels_of_alerts.py",
    "kubectl annotate --overwrite rempol NAME acknowledge.platelet.dev": "cluster/test_admission.py",
    "platelet retry remediation/": "cluster/test_approvals.py",
    "platelet run RUNBOOK": "cluster/test_cli.py",
    "platelet run back-to-work deployment/architect-api": "cluster/test_pack_architect_api.py",
    "platelet run scale-to-four deployment/backend": "cluster/test_pack_ohmycoins.py",
    "kubectl wait rem deployment-api-1 --for=condition=Settled": "cluster/test_approvals.py",
    "kubectl wait rem deployment-api-1 -n shop --for=condition=Settled": "cluster/test_approvals.py",
    "kubectl get rem deployment-api-1 -n shop -o jsonpath=": "cluster/test_approvals.py",
    "kubectl get rem NAME": "cluster/test_approvals.py",
    "kubectl annotate rem NAME": "cluster/test_approvals.py",
    "kubectl annotate --overwrite rem NAME platelet.dev/acknowledge": "cluster/test_admission.py",
    "kubectl kustomize my-policies | platelet lint -": "cluster/test_cli.py",
    "kubectl rollout restart": "cluster/test_kinds.py",
    "kubectl apply -k deploy/logs": "cluster/test_logs.py",
    "platelet completion zsh": "unit/cli/test_commands.py",
}
"""By how they begin: those with a name to be filled in, and those of an installation; the test that runs them."""


def _documents() -> Iterator[tuple[Path, str]]:
    for path in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))):
        yield path, path.read_text(encoding="utf-8").partition(_GENERATED)[0]


def is_shown(words: str) -> bool:
    """Whether a document has these words."""
    return any(words in text for _, text in _documents())


def commands() -> dict[str, str]:
    """Every command, without its comment, and the file that shows it first."""
    files: dict[str, str] = {}
    for path, text in _documents():
        lines = [line for block in _BLOCK.findall(text) for line in block.splitlines()]
        shown = [line.partition(" #")[0].strip() for line in lines]
        spans = [" ".join(span.split()) for span in _SPAN.findall(_FENCED.sub("", text))]
        for command in (*shown, *(span for span in spans if _is_complete(span))):
            if command.startswith(_PROGRAMS):
                files.setdefault(command, path.name)
    return files


def _is_complete(span: str) -> bool:
    """Whether a command within a sentence is one to be typed, and not the name of one."""
    return len(span.split()) > _SHORT and span not in _MENTIONS and not _PATTERN.search(span)
