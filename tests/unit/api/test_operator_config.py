"""The operator's settings: a bad file stops the start with the field, the value and the fix."""

from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from platelet.api.kinds.invalid import InvalidSpec
from platelet.api.operator_config import Alertmanager, OperatorConfig, Prometheus, load_config
from platelet.model.outside import Outside

HEAD = "apiVersion: platelet.dev/v1alpha1\nkind: OperatorConfig\n"
FULL = """
apiVersion: platelet.dev/v1alpha1
kind: OperatorConfig
namespace: healing
listen: {alerts: "127.0.0.1:8081", metrics: "[::]:9091", callbacks: ":8082"}
alertTokenFiles: [/etc/platelet/alert-token, /etc/platelet/alert-token-old]
alertmanager: {url: "http://alertmanager.monitoring.svc:9093", tokenFile: /etc/platelet/am}
prometheus: {url: "http://prometheus.monitoring.svc:9090/prefix", tokenFile: /etc/platelet/prom}
lease: {duration: 30s}
healthyFor: 1h30m
allowedHosts: ["*.svc", hooks.example.com, 10.0.0.1]
protectedNamespaces: [monitoring]
resync: 1m
"""


def test_a_full_file_is_read() -> None:
    """Every setting that there is."""
    config = load_config(FULL)
    assert (config.namespace, config.listen.alerts, config.listen.metrics) == ("healing", "127.0.0.1:8081", "[::]:9091")
    assert config.listen.callbacks == ":8082"
    assert config.alert_token_files == (Path("/etc/platelet/alert-token"), Path("/etc/platelet/alert-token-old"))
    assert config.alertmanager == Alertmanager(
        url="http://alertmanager.monitoring.svc:9093", token_file=Path("/etc/platelet/am")
    )
    assert config.prometheus == Prometheus(
        url="http://prometheus.monitoring.svc:9090/prefix", token_file=Path("/etc/platelet/prom")
    )
    assert config.outside == Outside(
        has_prometheus=True,
        has_alertmanager=True,
        accepts_alerts=True,
        accepts_callbacks=True,
        allowed_hosts=config.allowed_hosts,
        protected_namespaces=frozenset(config.protected_namespaces),
    )
    assert (config.lease.duration, config.healthy_for) == (timedelta(seconds=30), timedelta(minutes=90))
    assert config.allowed_hosts == ("*.svc", "hooks.example.com", "10.0.0.1")
    assert (config.protected_namespaces, config.resync) == (("monitoring",), timedelta(minutes=1))


def test_the_shortest_file_has_the_defaults_of_the_design() -> None:
    """DESIGN 3.6: who writes nothing has what is careful."""
    assert load_config(HEAD) == OperatorConfig(api_version="platelet.dev/v1alpha1", kind="OperatorConfig")


BAD: dict[str, tuple[str, str]] = {
    "nothing": ("", "the file is empty: write apiVersion: platelet.dev/v1alpha1"),
    "no YAML": ("a: [", "this is not YAML: while parsing a flow node"),
    "a list": ("[]", "the file: [] is not a mapping: write `field: value` pairs"),
    "another kind": ("apiVersion: platelet.dev/v1alpha1\nkind: Config", "kind: 'Config' should be 'OperatorConfig'"),
    "no version": ("kind: OperatorConfig", "apiVersion: is required: add it"),
    "a misspelt field": (HEAD + "namespac: x", "namespac: is not a known field: write namespace, or remove it"),
    "a misspelt inner field": (HEAD + "lease: {duratoin: 5s}", "lease.duratoin: is not a known field"),
    "a Prometheus that is no URL": (HEAD + "prometheus: {url: x}", "prometheus.url: 'x' is not a URL: write it like"),
    "a number as namespace": (HEAD + "namespace: 12", "namespace: 12 is not text: put it in quotes"),
    "no namespace's name": (HEAD + "namespace: A_b", "namespace: 'A_b' is not the name of a namespace"),
    "an address without a port": (
        HEAD + "listen: {alerts: localhost}",
        "listen.alerts: 'localhost' is not an address to listen on: write it like 0.0.0.0:8080",
    ),
    "a port that is none": (HEAD + "listen: {alerts: ':99999'}", "listen.alerts: ':99999' is not an address"),
    "one token file that is no list": (HEAD + "alertTokenFiles: /a", "alertTokenFiles: '/a' is not a list: write [fir"),
    "a receiver without a name": (
        HEAD + "alertmanager: {url: 'http://am:9093', receiver: ''}",
        "alertmanager.receiver: ",
    ),
    "an Alertmanager without URL": (HEAD + "alertmanager: {}", "alertmanager.url: is required: add it"),
    "an Alertmanager that is no URL": (
        HEAD + "alertmanager: {url: am:9093}",
        "alertmanager.url: 'am:9093' is not a URL",
    ),
    "a duration without unit": (
        HEAD + "resync: 30",
        "resync: 30 is not a duration: write it like 90s, 5m or 1h30m; a day is 24h",
    ),
    "an ISO duration": (HEAD + "healthyFor: PT10M", "healthyFor: 'PT10M' is not a duration"),
    "a negative duration": (HEAD + "healthyFor: -10m", "healthyFor: '-10m' is not a duration"),
    "a lease that nobody can hold": (
        HEAD + "lease: {duration: 1s}",
        "lease.duration: 1s must be at least 2s and at most 10m",
    ),
    "every host": (HEAD + "allowedHosts: ['*']", "allowedHosts[0]: '*' is not a host: write it like hooks.example.com"),
    "a URL as host": (HEAD + "allowedHosts: ['http://a.b']", "allowedHosts[0]: 'http://a.b' is not a host"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_file_says_what_to_write(name: str) -> None:
    """Field, value and fix, in one line."""
    text, message = BAD[name]
    with pytest.raises(InvalidSpec) as failed:
        load_config(text)
    assert message in str(failed.value)
    assert "\n" not in str(failed.value)


def test_all_faults_are_told_at_once() -> None:
    """Nobody has to start five times."""
    with pytest.raises(InvalidSpec, match=r"namespace: .*; resync: "):
        load_config(HEAD + "namespace: 12\nresync: 5 minutes")


@given(text=st.text(max_size=60) | st.text(max_size=30).map(lambda tail: HEAD + tail))
def test_no_text_ends_in_another_error(text: str) -> None:
    """Whatever the file holds, the start stops with InvalidSpec or goes on."""
    try:
        load_config(text)
    except InvalidSpec:
        return
