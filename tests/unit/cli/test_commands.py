"""Arguments, exit codes, and errors in one line."""

import argparse
import io
import socket
from collections.abc import Awaitable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from platelet.cli import commands, explain, session
from platelet.cli.reading import Leader
from platelet.shell import kube
from tests.unit.situations import A_MINUTE_AGO, NOW

LEASE = timedelta(seconds=15)
NO_LEADER = "no operator leads in namespace ns, so nothing happens until one does"


def test_the_version_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    """`platelet --version`."""
    with pytest.raises(SystemExit) as end:
        commands.main(["--version"])
    assert end.value.code == 0
    assert capsys.readouterr().out == "platelet 0.1.0\n"


@pytest.mark.parametrize("command", commands.COMMANDS)
def test_every_command_has_help_and_a_line_in_the_list(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Nobody guesses."""
    for arguments in ([command, "--help"], ["--help"]):
        with pytest.raises(SystemExit) as end:
            commands.main(arguments)
        assert end.value.code == 0
        assert command in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        pytest.param([], "COMMAND", id="no command"),
        pytest.param(["explain", "api"], "write it like remediation/NAME or deployment/NAME", id="no kind"),
        pytest.param(["explain", "deployment/"], "write it like", id="no name"),
        pytest.param(["explain", "deployment/a/b"], "write it like", id="a namespace in the name"),
        pytest.param(["explain", "node/a"], "only remediations and", id="another kind"),
        pytest.param(["explain", "rem/a", "-o", "xml"], "invalid choice: 'xml'", id="another format"),
        pytest.param(["timeline", "api"], "write it like deployment/NAME", id="no kind of workload"),
        pytest.param(["timeline", "rem/a"], "'rem' has no timeline, only deployments", id="a timeline of no workload"),
        pytest.param(["timeline", "deploy/a", "--since", "0s"], "0s' is too short: 1s at least", id="since now"),
        pytest.param(["run"], "run what? platelet run --config FILE runs the operator", id="nothing to run"),
        pytest.param(["run", "restart"], "write platelet run restart deployment/NAME", id="a runbook on nothing"),
        pytest.param(["run", "deployment/api", "restart"], "'restart': write it like", id="the wrong way round"),
        pytest.param(
            ["run", "restart", "deploy/api", "--config", "f"], "are two different things", id="operator and by hand"
        ),
        pytest.param(
            ["run", "--config", "f", "-n", "shop"], "--namespace does not belong here", id="operator of one ns"
        ),
        pytest.param(["run", "--config", "f", "--wait"], "--wait does not belong here", id="an operator to wait for"),
        pytest.param(
            ["run", "restart", "deploy/api", "--log-level", "DEBUG"], "--log-level does not belong", id="a log by hand"
        ),
        pytest.param(["get", "pods"], "'pods' is no kind of platelet's", id="another's kind"),
        pytest.param(["get", "-w", "-o", "yaml"], "not YAML", id="a stream of YAML"),
        pytest.param(["completion", "fish"], "invalid choice: 'fish'", id="another shell"),
        pytest.param(["pause", "-n", "shop"], "kubectl annotate namespace shop platelet.dev/suspend=true", id="one ns"),
        pytest.param(["resume", "-n", "shop"], "for everything: platelet resume", id="one namespace to resume"),
        pytest.param(["pause", "--for", "-5m"], "expected one argument", id="a negative duration"),
        pytest.param(["pause", "--for", "0s"], "'0s' is too short: 1s at least", id="no time at all"),
        pytest.param(["pause", "--reason", "x" * 1025], "at most 1024", id="a novel"),
        pytest.param(
            ["pause", "--for", "1d"], "'1d' is not a duration: write it like 90s, 5m or 1h30m; a day is 24h", id="days"
        ),
        pytest.param(["revert", "--all"], "nothing was done; to go on without being asked", id="a removal in a script"),
        pytest.param(["revert", "--all", "--drop"], "platelet revert --all --yes", id="a removal that drops changes"),
        pytest.param(["-n", "shop", "explain", "node/a"], "only remediations and", id="a flag before the command"),
        pytest.param(["--context", "explain"], "are required", id="only a flag that swallows the command"),
        pytest.param(["pause", "--kubeconfig", "/nowhere"], "there is no file /nowhere", id="no kubeconfig"),
        pytest.param(["explain", "rem/a", "--config", "/nowhere"], "/nowhere", id="no settings"),
        pytest.param(["run", "--config", "/nowhere"], "there is no file /nowhere", id="an operator without settings"),
        pytest.param(
            ["explain", "node/a"],
            "only remediations and deployments, statefulsets and daemonsets, jobs and cronjobs",
            id="all that can be explained",
        ),
    ],
)
def test_wrong_arguments_are_exit_code_2(arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]) -> None:
    """With the fix in the last line of standard error."""
    try:
        code: Any = commands.main(arguments)
    except SystemExit as end:
        code = end.code
    printed = capsys.readouterr()
    assert (code, printed.out) == (2, "")
    assert words.lower() in printed.err.splitlines()[-1].lower()


@pytest.mark.parametrize(
    "flags",
    [
        pytest.param(["-n", "shop", "--context", "test"], id="with a space"),
        pytest.param(["--namespace=shop", "--context=test"], id="with an equals sign"),
        pytest.param(["-nshop", "--context", "test"], id="in one word"),
    ],
)
def test_the_flags_of_all_commands_may_stand_before_the_command(
    flags: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As with kubectl; the same options follow from both."""
    given = _options_given(monkeypatch)
    for arguments in ([*flags, "timeline", "deployment/api"], ["timeline", "deployment/api", *flags]):
        assert commands.main(arguments) == 0
    assert [(options.namespace, options.context, options.what) for options in given] == [
        ("shop", "test", ("Deployment", "api"))
    ] * 2


@pytest.mark.parametrize(
    "word", ["remediation", "Remediations", "rem", "remediation.platelet.dev", "remediations.platelet.dev"]
)
def test_a_remediation_is_named_as_kubectl_prints_it(word: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """`kubectl get rem -o name | xargs platelet approve`."""
    given = _options_given(monkeypatch)
    assert commands.main(["approve", f"{word}/deployment-api-1"]) == 0
    assert commands.main(["explain", f"{word}/deployment-api-1"]) == 0
    assert [given[0].name, given[1].what] == ["deployment-api-1", ("Remediation", "deployment-api-1")]


@pytest.mark.parametrize("word", ["deployment.apps", "deployments.v1.apps", "deploy"])
def test_a_workload_is_named_as_kubectl_prints_it(word: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """With its group."""
    given = _options_given(monkeypatch)
    assert commands.main(["explain", f"{word}/api"]) == 0
    assert given[0].what == ("Deployment", "api")


@pytest.mark.parametrize("answer", ["y", "YES", "n", ""])
def test_a_removal_asks_the_person_at_the_terminal(
    answer: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """And says that the memory of healthy revisions goes with it."""
    terminal = io.StringIO(f"{answer}\n")
    monkeypatch.setattr(terminal, "isatty", lambda: True)
    monkeypatch.setattr("sys.stdin", terminal)
    monkeypatch.setattr(session, "run", lambda _options, _work: 0)
    assert commands.main(["revert", "--all"]) == (0 if answer.lower() in ("y", "yes") else 2)
    assert "The memory of which revisions were healthy goes with them" in capsys.readouterr().err


@pytest.mark.parametrize("field", ["alerts", "metrics"])
def test_a_port_that_is_taken_is_one_line(field: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With the field of the settings, the address and the fix; no traceback."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        listen = {"alerts": "127.0.0.1:0", "metrics": "127.0.0.1:0", field: address}
        settings = {
            "apiVersion": "platelet.dev/v1alpha1",
            "kind": "OperatorConfig",
            "namespace": "ns",
            "listen": listen,
        }
        (tmp_path / "config.yaml").write_text(yaml.safe_dump(settings))
        kubeconfig = _kubeconfig(tmp_path / "kubeconfig", current=None)
        code = commands.main(["run", "--config", str(tmp_path / "config.yaml"), "--kubeconfig", kubeconfig])
    complaint = capsys.readouterr().err.splitlines()[-1]
    assert code == 2
    assert (
        complaint
        == f"platelet: listen.{field}: cannot listen at {address}: Address already in use: name another address"
    )


@pytest.mark.parametrize("shell", ["bash", "zsh"])
def test_a_shell_completes_commands_and_flags(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Every command, and a flag of one."""
    assert commands.main(["completion", shell]) == 0
    script = capsys.readouterr().out
    names = list(commands.COMMANDS)
    assert [name for name in names if name not in script] == []
    assert "--all-namespaces" in script


def test_as_a_plugin_of_kubectl_it_calls_itself_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """`kubectl platelet` in its usage, as people have typed it."""
    monkeypatch.setattr("sys.argv", ["/usr/local/bin/kubectl-platelet"])
    with pytest.raises(SystemExit):
        commands.main(["get", "--help"])
    assert capsys.readouterr().out.startswith("usage: kubectl platelet get ")


@pytest.mark.parametrize(
    ("error", "words"),
    [
        pytest.param(
            kube.Unanswered(0, "Timeout", "no answer in time"), "did not answer: no answer in time", id="silent"
        ),
        pytest.param(kube.Refused(401, "Unauthorized", "Unauthorized"), "check the credentials", id="unknown user"),
        pytest.param(
            kube.Refused(403, "Forbidden", 'pods is forbidden: User "bob"'), "not allowed: pods is", id="forbidden"
        ),
        pytest.param(kube.NotFound(404, "NotFound", "x"), "refused: 404 NotFound: x", id="anything else"),
    ],
)
def test_an_answer_that_is_no_is_one_line(
    error: kube.ApiError, words: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 1, no traceback."""

    async def converse(*_: Any) -> int:
        raise error

    monkeypatch.setattr(session, "_converse", converse)
    options = commands.make_parser().parse_args(["resume"])
    assert session.run(options, _never) == 1
    complaint = capsys.readouterr().err
    assert words in complaint
    assert complaint.startswith("platelet: ")
    assert complaint.count("\n") == 1


def _options_given(monkeypatch: pytest.MonkeyPatch) -> list[argparse.Namespace]:
    """The options of each command from now on; none is carried out."""
    given: list[argparse.Namespace] = []

    def run(options: argparse.Namespace, _work: session.Work) -> int:
        given.append(options)
        return 0

    monkeypatch.setattr(session, "run", run)
    return given


def _never(_client: Any) -> Awaitable[int]:
    raise AssertionError("not reached")


def _kubeconfig(path: Path, **namespaces: str | None) -> str:
    contexts = [
        {"name": name, "context": {"cluster": "c", "user": "u"} | ({"namespace": namespace} if namespace else {})}
        for name, namespace in namespaces.items()
    ]
    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": next(iter(namespaces)),
        "clusters": [{"name": "c", "cluster": {"server": "https://127.0.0.1:1"}}],
        "users": [{"name": "u", "user": {"token": "t"}}],
        "contexts": contexts,
    }
    path.write_text(yaml.safe_dump(content))
    return str(path)


@pytest.mark.parametrize(
    ("context", "namespace"),
    [
        pytest.param(None, "shop", id="the current context's"),
        pytest.param("other", "team", id="the chosen context's"),
        pytest.param("bare", "default", id="a context without one"),
    ],
)
def test_the_default_namespace_is_kubectls(context: str | None, namespace: str, tmp_path: Path) -> None:
    """From the kubeconfig."""
    path = _kubeconfig(tmp_path / "config", current="shop", other="team", bare=None)
    assert session.default_namespace(path, context) == namespace


@pytest.mark.parametrize(
    ("leader", "has_budget", "notes"),
    [
        pytest.param(Leader(holder="a", renewed_at=NOW, duration=LEASE), True, [], id="all is well"),
        pytest.param(None, True, [], id="whoever may not read the Lease is told nothing"),
        pytest.param(
            Leader(holder="", renewed_at=None, duration=LEASE),
            True,
            [NO_LEADER],
            id="never any",
        ),
        pytest.param(
            Leader(holder="a", renewed_at=A_MINUTE_AGO, duration=LEASE),
            False,
            [
                "there is no ActionBudget in namespace ns that can be read, so no operator acts",
                f"{NO_LEADER}; the Lease was last renewed at 2026-11-21T11:59:00Z (1m ago)",
            ],
            id="gone for a minute, and no budget",
        ),
    ],
)
def test_what_keeps_everything_from_happening_is_noted(
    leader: Leader | None,
    has_budget: bool,  # noqa: FBT001 - a column
    notes: list[str],
) -> None:
    """The first thing to check."""
    assert explain.notes(leader, "ns", NOW, has_budget=has_budget) == notes
