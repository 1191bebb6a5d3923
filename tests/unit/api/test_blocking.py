"""What a `blockWhile` names and can never be known: the policy says so, and does nothing."""

import pytest

from platelet.api.kinds import policy
from platelet.api.kinds.blocking import find_fault
from platelet.api.kinds.policy_readiness import check_policy
from platelet.model import reasons
from platelet.model.blocking import Block, BlockingQuery, FiringAlert, RunningWork
from platelet.model.outside import Outside

EVERYBODY = Outside(has_prometheus=True, has_alertmanager=True)
UP = Block(query=BlockingQuery(query="up", below=1))
BACKUP = Block(alert=FiringAlert(matchers=('alertname="BackupRunning"',)))


def running(**labels: str) -> Block:
    return Block(running=RunningWork(match_labels=labels))


GOOD = {
    "a query": (UP, EVERYBODY),
    "a query, where nobody knows whom it can ask": (UP, None),
    "an alert": (BACKUP, EVERYBODY),
    "an alert, where nobody knows whom it can ask": (BACKUP, None),
    "what runs": (running(app="backup", empty=""), Outside()),
    "what runs, by a label with a prefix": (
        Block(running=RunningWork(match_labels={"example.com/app": "back_up-1.2"})), Outside()
    ),
}  # fmt: skip


@pytest.mark.parametrize(("block", "outside"), GOOD.values(), ids=GOOD)
def test_what_can_be_known_is_no_fault(block: Block, outside: Outside | None) -> None:
    assert find_fault(block, outside) is None


BAD = {
    "no PromQL": (Block(query=BlockingQuery(query="up{", below=1)), EVERYBODY, reasons.INVALID_QUERY),
    "no Prometheus": (UP, Outside(has_alertmanager=True), reasons.PROMETHEUS_NOT_CONFIGURED),
    "no Alertmanager": (BACKUP, Outside(has_prometheus=True), reasons.ALERTMANAGER_NOT_CONFIGURED),
    "no matcher": (Block(alert=FiringAlert(matchers=("severity",))), EVERYBODY, reasons.INVALID_MATCHER),
    "any alert": (Block(alert=FiringAlert(matchers=('severity!="x"',))), EVERYBODY, reasons.INVALID_MATCHER),
    "a label with a comma": (running(app="a,b!=c"), EVERYBODY, reasons.INVALID_SPEC),
    "a label with a space": (running(app="a b"), EVERYBODY, reasons.INVALID_SPEC),
    "a key that is none": (
        Block(running=RunningWork(match_labels={"app in (a)": "x"})), EVERYBODY, reasons.INVALID_SPEC
    ),
}  # fmt: skip


@pytest.mark.parametrize(("block", "outside", "reason"), BAD.values(), ids=BAD)
def test_what_would_block_for_ever_is_told(block: Block, outside: Outside | None, reason: str) -> None:
    fault = find_fault(block, outside)
    assert fault is not None
    assert fault.reason == reason


def test_the_policy_names_the_entry() -> None:
    spec = {
        "triggers": [{"pod": {"reasons": ["CrashLoopBackOff"]}}],
        "targets": {"all": True},
        "runbookRef": {"name": "heal"},
        "limits": {"blockWhile": [{"running": {"matchLabels": {"app": "x"}}}, {"alert": {"matchers": ["severity"]}}]},
    }
    loaded = policy.read_policy({"metadata": {"namespace": "shop", "name": "p", "uid": "u"}, "spec": spec})
    readiness = check_policy(loaded, None, "", "platelet-system", EVERYBODY)
    assert (readiness.ready, readiness.reason) == (False, reasons.INVALID_MATCHER)
    assert readiness.message.startswith("spec.limits.blockWhile[1]: matcher 'severity'")
