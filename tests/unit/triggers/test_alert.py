"""What the alert trigger says of one alert."""

from dataclasses import replace

import pytest

from platelet.model.alert import Alert, fingerprint_of
from platelet.triggers import TRIGGERS, alert
from tests.unit.situations import NOW, minutes

API_DOWN = Alert(
    fingerprint="00000000000000aa",
    status="firing",
    labels={"alertname": "ApiDown", "severity": "page", "namespace": "shop"},
    annotations={"summary": "the API is down"},
    starts_at=NOW - minutes(3),
)
RULE = alert.AlertTrigger(matchers=('alertname="ApiDown"', 'severity=~"critical|page"'))


def test_a_firing_alert_that_matches_is_a_signal_that_holds_at_once() -> None:
    signal = alert.observe(RULE, API_DOWN, NOW)
    assert signal is not None
    assert (signal.source, signal.reason, signal.message) == ("alert", "ApiDown", "the API is down")
    assert signal.holds_at == signal.first_seen == NOW - minutes(3)
    assert signal.severity == "page"


def test_a_resolved_alert_that_matches_says_since_when() -> None:
    signal = alert.observe(RULE, replace(API_DOWN, status="resolved", ends_at=NOW - minutes(1)), NOW)
    assert signal is not None
    assert signal.resolved_at == NOW - minutes(1)


def test_a_senders_clock_that_is_ahead_starts_nothing_in_the_future() -> None:
    signal = alert.observe(RULE, replace(API_DOWN, starts_at=NOW + minutes(5)), NOW)
    assert signal is not None
    assert signal.first_seen == NOW


def test_the_triggers_severity_goes_before_the_alerts() -> None:
    signal = alert.observe(replace(RULE, severity="critical"), API_DOWN, NOW)
    assert signal is not None
    assert signal.severity == "critical"


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"labels": {"alertname": "Other", "severity": "page"}}, id="another alert"),
        pytest.param({"labels": {"alertname": "ApiDown"}}, id="without the severity"),
    ],
)
def test_no_signal(change: dict[str, object]) -> None:
    assert alert.observe(RULE, replace(API_DOWN, **change), NOW) is None  # type: ignore[arg-type]


GENERIC = ('severity="critical"', 'namespace="shop"')
GRAFANA = {"datasource_uid": "P1", "ref_id": "A", "rulename": "errors of the shop"}

# Each row: labels beside severity and namespace, annotations, the trigger's matchers, and whether it matches.
OF_MONITORING: dict[str, tuple[dict[str, str], dict[str, str], tuple[str, ...], bool]] = {
    "a query that failed": ({"alertname": "DatasourceError", **GRAFANA}, {}, GENERIC, False),
    "a query without data": ({"alertname": "DatasourceNoData", **GRAFANA}, {}, GENERIC, False),
    "by any name": ({"alertname": "DatasourceError"}, {}, (*GENERIC, 'alertname=~".+"'), False),
    "by any error's name": ({"alertname": "DatasourceError"}, {}, (*GENERIC, 'alertname=~".*Error"'), False),
    "by another name than": ({"alertname": "DatasourceError"}, {}, (*GENERIC, 'alertname!="ApiDown"'), False),
    "by its name": ({"alertname": "DatasourceError", **GRAFANA}, {}, ('alertname="DatasourceError"',), True),
    "by the name of its kind": (
        {"alertname": "DatasourceError"}, {}, ('alertname=~"Datasource(Error|NoData)"',), True
    ),
    "under the rule's own name": ({"alertname": "ShopErrors", **GRAFANA}, {}, ('alertname="ShopErrors"',), False),
    "with the state's reason": (
        {"alertname": "ShopErrors"}, {"grafana_state_reason": "Error, KeepLast"}, ('alertname="ShopErrors"',), False
    ),
    "with a state's reason that is none": (
        {"alertname": "ShopErrors"}, {"grafana_state_reason": "Updated"}, ('alertname="ShopErrors"',), True
    ),
    "a data source of an application": ({"alertname": "DatasourcePoolExhausted"}, {}, GENERIC, True),
    "a watchdog": ({"alertname": "Watchdog"}, {}, GENERIC, False),
    "a switch": ({"alertname": "DeadMansSwitch"}, {}, GENERIC, False),
    "an inhibitor": ({"alertname": "InfoInhibitor"}, {}, GENERIC, False),
    "a target that was not scraped": ({"alertname": "TargetDown", "service": "api"}, {}, GENERIC, False),
    "by name": ({"alertname": "TargetDown", "service": "api"}, {}, ('alertname="TargetDown"',), True),
    "a Prometheus": ({"alertname": "PrometheusDown"}, {}, GENERIC, False),
    "our own call for people": ({"alertname": "PlateletEscalated", "severity": "critical"}, {}, GENERIC, False),
    "an Alertmanager": ({"alertname": "AlertmanagerFailedToSendAlerts"}, {}, GENERIC, False),
    "an exporter's own trouble": ({"alertname": "KubeStateMetricsListErrors"}, {}, GENERIC, False),
    "an application": ({"alertname": "ApiDown"}, {}, GENERIC, True),
}  # fmt: skip


@pytest.mark.parametrize(("labels", "annotations", "wanted", "matches"), OF_MONITORING.values(), ids=OF_MONITORING)
def test_what_is_about_monitoring_itself_matches_only_by_its_name(
    labels: dict[str, str], annotations: dict[str, str], wanted: tuple[str, ...], *, matches: bool
) -> None:
    """TRAPS 28: a query that failed says nothing of a workload. Its end is heard in any case."""
    trigger = alert.AlertTrigger(matchers=wanted)
    fires = replace(API_DOWN, labels={"severity": "critical", "namespace": "shop", **labels}, annotations=annotations)
    assert (alert.observe(trigger, fires, NOW) is not None) is matches
    assert alert.observe(trigger, replace(fires, status="resolved", ends_at=NOW), NOW) is not None


def test_two_deliveries_share_a_fingerprint_and_a_new_start_is_new_trouble() -> None:
    """TRAPS 17: high-availability peers send twice."""
    again = replace(API_DOWN, annotations={"summary": "still"})
    later = replace(API_DOWN, starts_at=NOW)
    first, second, third = (alert.observe(RULE, delivered, NOW) for delivered in (API_DOWN, again, later))
    assert first is not None
    assert second is not None
    assert third is not None
    assert first.fingerprint == second.fingerprint != third.fingerprint
    assert fingerprint_of(third.fingerprint) == API_DOWN.fingerprint


def test_texts_of_others_are_bounded_and_cannot_steer_a_terminal() -> None:
    odd = replace(API_DOWN, annotations={"description": "\x1b[2Jgone\r\n" + "x" * 5000})
    signal = alert.observe(RULE, odd, NOW)
    assert signal is not None
    assert signal.message.startswith(" [2Jgone  x")
    assert len(signal.message) == 1024


def test_without_annotations_the_labels_are_the_message() -> None:
    signal = alert.observe(RULE, replace(API_DOWN, annotations={}), NOW)
    assert signal is not None
    assert signal.message == "alertname=ApiDown, namespace=shop, severity=page"


def test_every_trigger_is_listed_with_its_settings() -> None:
    """The list is what policies offer."""
    assert [(trigger.key, trigger.settings.__module__) for trigger in TRIGGERS] == [
        ("pod", "platelet.triggers.pod"),
        ("workload", "platelet.triggers.workload"),
        ("alert", "platelet.triggers.alert"),
        ("query", "platelet.triggers.query"),
        ("job", "platelet.triggers.job"),
    ]
