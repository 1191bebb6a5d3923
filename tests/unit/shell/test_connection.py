"""Where the connection comes from."""

import json
from pathlib import Path

import pytest

from platelet.shell.kube import client, connection


def kubeconfig(directory: Path) -> str:
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "one",
        "clusters": [{"name": name, "cluster": {"server": f"http://{name}.example:8080"}} for name in ("one", "two")],
        "users": [{"name": "u", "user": {"token": "t0ken"}}],
        "contexts": [{"name": name, "context": {"cluster": name, "user": "u"}} for name in ("one", "two")],
    }
    path = directory / "config"
    path.write_text(json.dumps(document))
    return str(path)


@pytest.mark.parametrize(("context", "host"), [(None, "http://one.example:8080"), ("two", "http://two.example:8080")])
async def test_a_kubeconfig_gives_its_context(tmp_path: Path, context: str | None, host: str) -> None:
    loaded = await connection.load(kubeconfig(tmp_path), context)
    assert loaded.host == host
    assert loaded.api_key["BearerToken"] == "Bearer t0ken"


async def test_without_a_flag_the_environments_kubeconfig_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    monkeypatch.setenv("KUBECONFIG", kubeconfig(tmp_path))
    assert (await connection.load()).host == "http://one.example:8080"


@pytest.mark.parametrize("content", [None, "", "[]", "{broken", '{"current-context": "x"}'])
async def test_an_unusable_kubeconfig_says_the_fix(tmp_path: Path, content: str | None) -> None:
    path = tmp_path / "config"
    if content is not None:
        path.write_text(content)
    with pytest.raises(connection.ConnectionNotConfiguredError, match="--kubeconfig"):
        await connection.load(str(path))


@pytest.mark.parametrize("content", ["", "nonsense"])
async def test_what_is_no_kubeconfig_is_not_told_in_the_words_of_python(tmp_path: Path, content: str) -> None:
    path = tmp_path / "config"
    path.write_text(content)
    with pytest.raises(connection.ConnectionNotConfiguredError, match="what was read is no kubeconfig"):
        await connection.load(str(path))


async def test_certificates_that_are_none_say_the_fix(tmp_path: Path) -> None:
    path = tmp_path / "config"
    path.write_text(
        "current-context: a\n"
        "contexts: [{name: a, context: {cluster: c, user: u}}]\n"
        "clusters: [{name: c, cluster: {server: 'https://127.0.0.1:1', certificate-authority-data: eA==}}]\n"
        "users: [{name: u, user: {token: x}}]\n"
    )
    with pytest.raises(connection.ConnectionNotConfiguredError, match="give --kubeconfig FILE"):
        await client.connect(str(path))


async def test_half_a_pod_says_the_fix(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.0.0.1")
    monkeypatch.delenv("KUBERNETES_SERVICE_PORT", raising=False)
    with pytest.raises(connection.ConnectionNotConfiguredError, match="service account"):
        await connection.load()


async def test_a_context_that_does_not_exist_says_how_to_list_them(tmp_path: Path) -> None:
    """People type the name of another machine's context."""
    path = tmp_path / "config"
    path.write_text("apiVersion: v1\nkind: Config\ncontexts: []\nclusters: []\nusers: []\n")
    with pytest.raises(connection.ConnectionNotConfiguredError, match="kubectl config get-contexts"):
        await connection.load(str(path), "prod-eu")
