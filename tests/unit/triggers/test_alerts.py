"""Reading what Alertmanager sends: one malformed alert costs only itself, and nothing crashes the reader."""

import contextlib
import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from platelet.triggers import alert_json
from platelet.triggers.alertmanager_api import (
    read_api_alerts,
    read_api_groups,
    read_may_mute,
    read_receivers,
    read_started_at,
)
from platelet.triggers.alerts import MalformedBodyError, read_webhook

FIRED = datetime(2026, 11, 21, 11, 55, tzinfo=UTC)


def an_alert(**changes: Any) -> dict[str, Any]:
    """Build an alert as the webhook carries it."""
    alert = {
        "status": "firing",
        "labels": {"alertname": "ApiDown", "namespace": "shop"},
        "annotations": {"summary": "down"},
        "startsAt": "2026-11-21T11:55:00.000000000Z",
        "endsAt": "0001-01-01T00:00:00Z",
        "generatorURL": "http://prometheus/graph",
        "fingerprint": "00000000000000aa",
    }
    return alert | changes


def a_body(*sent: Any, **changes: Any) -> bytes:
    """Build a webhook body."""
    message = {
        "version": "4", "groupKey": "{}", "truncatedAlerts": 0, "status": "firing", "receiver": "platelet\\.dev",
        "groupLabels": {}, "commonLabels": {}, "commonAnnotations": {}, "externalURL": "x", "alerts": list(sent),
    }  # fmt: skip
    return json.dumps(message | changes).encode()


def an_api_alert(state: str, **changes: Any) -> dict[str, Any]:
    """Build an alert as GET /api/v2/alerts carries it."""
    status = {"state": state, "silencedBy": [], "inhibitedBy": []}
    return an_alert(status=status, endsAt="2026-11-21T12:04:00Z", receivers=[{"name": "platelet"}]) | changes


def test_a_firing_alert_is_read_whole() -> None:
    read = read_webhook(a_body(an_alert(), newField={"x": [1]}))
    (alert,) = read.alerts
    assert (alert.name, alert.status, alert.starts_at, alert.ends_at) == ("ApiDown", "firing", FIRED, None)
    assert alert.episode == "00000000000000aa/2026-11-21T11:55:00Z"
    assert alert.annotations == {"summary": "down"}
    assert (read.bad, read.rejected, read.truncated) == ((), 0, 0)


def test_each_alert_has_its_own_status_whatever_the_group_says() -> None:
    """TRAPS 18: a group fires while one of its alerts is resolved."""
    resolved = an_alert(status="resolved", endsAt="2026-11-21T12:00:00+01:00")
    read = read_webhook(a_body(an_alert(), resolved, status="firing"))
    assert [alert.status for alert in read.alerts] == ["firing", "resolved"]
    assert read.alerts[1].ends_at == datetime(2026, 11, 21, 11, 0, tzinfo=UTC)


def test_the_alerts_that_the_sender_left_out_are_told() -> None:
    assert read_webhook(a_body(an_alert(), truncatedAlerts=7)).truncated == 7


def a_grafana_body(**changes: Any) -> bytes:
    """Build what the webhook contact point of Grafana sends, with the fields that Alertmanager has not."""
    alert = {
        "status": "firing", "labels": {"alertname": "CheckoutSlow", "grafana_folder": "web", "deployment": "checkout"},
        "annotations": None, "startsAt": "2026-11-21T12:55:00.157076+01:00", "endsAt": "0001-01-01T00:00:00Z",
        "generatorURL": "https://grafana.example.net/alerting/grafana/x/view", "fingerprint": "9e1b2c3d4f5a6b7c",
        "silenceURL": "https://grafana.example.net/alerting/silence/new", "dashboardURL": "", "panelURL": "",
        "values": {"A": 3.5, "B": None}, "valueString": "[ var='A' value=3.5 ]", "orgId": 1,
    }  # fmt: skip
    message = {
        "receiver": "heal",
        "orgId": 1,
        "version": "1",
        "title": "[FIRING:1]",
        "state": "alerting",
        "message": "x",
    }
    return json.dumps(message | {"alerts": [alert | changes], "truncatedAlerts": 0}).encode()


def test_what_grafana_sends_is_read() -> None:
    (alert,) = read_webhook(a_grafana_body()).alerts
    assert (alert.name, alert.status, alert.fingerprint) == ("CheckoutSlow", "firing", "9e1b2c3d4f5a6b7c")
    assert alert.episode == "9e1b2c3d4f5a6b7c/2026-11-21T11:55:00.157000Z"


def test_the_end_that_grafana_sends_is_of_the_same_alert() -> None:
    (firing,) = read_webhook(a_grafana_body()).alerts
    (end,) = read_webhook(a_grafana_body(status="resolved", endsAt="2026-11-21T13:10:00+01:00")).alerts
    assert (end.status, end.episode) == ("resolved", firing.episode)
    assert end.ends_at == datetime(2026, 11, 21, 12, 10, tzinfo=UTC)


def test_a_firing_alert_whose_end_is_foretold_has_not_ended() -> None:
    """Some senders say until when an alert counts as firing if nothing more is heard."""
    (alert,) = read_webhook(a_grafana_body(endsAt="2026-11-21T13:00:00+01:00")).alerts
    assert (alert.status, alert.ends_at) == ("firing", None)


SENDERS = {
    "Alertmanager": (a_body(an_alert()), ""),
    "Grafana": (a_grafana_body(), "Grafana"),
    "a version that nobody knows": (a_body(an_alert(), version="7"), "unknown"),
    "no version": (json.dumps({"alerts": [an_alert()]}).encode(), "unknown"),
}


@pytest.mark.parametrize(("body", "sender"), SENDERS.values(), ids=SENDERS)
def test_whose_alert_it_is(body: bytes, sender: str) -> None:
    """That Alertmanager does not know an alert says nothing of one that never was its."""
    (alert,) = read_webhook(body).alerts
    assert alert.sender == sender


@pytest.mark.parametrize("version", [None, "", "1", "3", "4", "5", 4, 1.0, ["4"], {}])
def test_whatever_version_it_says_what_has_the_shape_is_read(version: object) -> None:
    assert len(read_webhook(a_body(an_alert(), version=version)).alerts) == 1


def test_a_body_that_says_no_version_is_read() -> None:
    assert len(read_webhook(json.dumps({"alerts": [an_alert()]}).encode()).alerts) == 1


@pytest.mark.parametrize("value", [None, "7", True, -3, 1.5, [7]])
def test_an_unreadable_count_of_truncated_alerts_is_none(value: object) -> None:
    assert read_webhook(a_body(truncatedAlerts=value)).truncated == 0


@pytest.mark.parametrize(
    ("bad", "complaint"),
    [
        pytest.param(7, "a number, not an object", id="a number"),
        pytest.param(None, "null, not an object", id="null"),
        pytest.param(an_alert(status="gone"), "status is neither", id="an unknown status"),
        pytest.param(an_alert(status=["firing"]), "status is neither", id="a list of statuses"),
        pytest.param(an_alert(labels={}), "at least one label", id="no labels"),
        pytest.param(an_alert(labels=["a"]), "at least one label", id="labels in a list"),
        pytest.param(an_alert(labels={"a": 1}), "label 'a' is a number", id="a label that is a number"),
        pytest.param(an_alert(labels={"a": None}), "label 'a' is null", id="a label that is null"),
        pytest.param(an_alert(labels={"a": float("nan")}), "label 'a' is a number", id="a label that is NaN"),
        pytest.param(an_alert(labels={"a": "x" * 70_000}), "longer than", id="labels without end"),
        pytest.param(an_alert(startsAt="yesterday"), "startsAt is not", id="a time in words"),
        pytest.param(an_alert(startsAt=1763726100), "startsAt is not", id="a time in seconds"),
        pytest.param(an_alert(startsAt="2026-11-21T11:55:00"), "startsAt is not", id="a time without a zone"),
        pytest.param(an_alert(startsAt="2026-13-41T11:55:00Z"), "startsAt is not", id="a time that does not exist"),
        pytest.param(an_alert(startsAt="9999-12-31T23:59:59-10:00"), "startsAt is not", id="a time beyond all"),
        pytest.param(an_alert(startsAt="0001-01-01T00:00:00Z"), "zero time", id="the zero time as a start"),
        pytest.param(an_alert(status="resolved", endsAt="soon"), "endsAt is not", id="an end in words"),
    ],
)
def test_one_malformed_alert_among_ten_costs_only_itself(bad: object, complaint: str) -> None:
    good = [an_alert(fingerprint=f"{i:016x}") for i in range(9)]
    read = read_webhook(a_body(*good[:4], bad, *good[4:]))
    assert [alert.fingerprint for alert in read.alerts] == [f"{i:016x}" for i in range(9)]
    (fault,) = read.bad
    assert fault.startswith("alert 4: ")
    assert complaint in fault


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(rb'"\ud800"', id="a lone surrogate"),
        pytest.param(b'"\xff\xfe"', id="bytes that are no UTF-8"),
        pytest.param(b"1e999", id="a number beyond all"),
        pytest.param(b"9" * 400, id="an integer of 400 digits"),
        pytest.param(b"NaN", id="NaN"),
    ],
)
def test_a_value_that_strict_json_refuses_costs_no_other_alert(text: bytes) -> None:
    body = a_body(an_alert(), an_alert(labels={"x": "MARK"})).replace(b'"MARK"', text)
    read = read_webhook(body)
    assert read.alerts[0].name == "ApiDown"
    for alert in read.alerts:
        json.dumps(dict(alert.labels), ensure_ascii=False).encode()
        assert alert.episode


@pytest.mark.parametrize(
    ("body", "complaint"),
    [
        pytest.param(b"", "not JSON", id="nothing"),
        pytest.param(b"{", "not JSON", id="half a body"),
        pytest.param(b"\x00\xff", "not JSON", id="bytes"),
        pytest.param(b"[]", "a list, not a JSON object", id="a list"),
        pytest.param(b"null", "null, not a JSON object", id="null"),
        pytest.param(b'{"version": "4"}', "alerts is null", id="no alerts at all"),
        pytest.param(b'{"state": "alerting", "evalMatches": []}', "alerts is null", id="Grafana's legacy webhook"),
        pytest.param(a_body(alerts=None), "alerts is null", id="no list of alerts"),
        pytest.param(a_body(alerts={}), "alerts is an object", id="alerts in an object"),
        pytest.param(b"[" * 10_000 + b"]" * 10_000, "too deeply", id="10,000 levels"),
        pytest.param(b'{"a":' * 200_000, "too deeply", id="200,000 levels that never close"),
        pytest.param(b"9" * 10_000, "not JSON", id="an integer of 10,000 digits"),
    ],
)
def test_a_malformed_body_is_told_from_a_malformed_alert(body: bytes, complaint: str) -> None:
    with pytest.raises(MalformedBodyError, match=complaint):
        read_webhook(body)


def test_a_deep_value_inside_one_alert_is_refused_without_a_crash() -> None:
    body = a_body(an_alert(labels={"x": "MARK"})).replace(b'"MARK"', b"[" * 100_000 + b"]" * 100_000)
    with pytest.raises(MalformedBodyError, match="too deeply"):
        read_webhook(body)


def test_annotations_are_for_people_and_bounded() -> None:
    many = {f"a{i}": "x" * 5000 for i in range(100)} | {"n": 1}
    (alert,) = read_webhook(a_body(an_alert(annotations=many))).alerts
    assert len(alert.annotations) == alert_json.MAX_ANNOTATIONS
    assert {len(text) for text in alert.annotations.values()} == {alert_json.MAX_TEXT}


def test_complaints_are_bounded_but_counted() -> None:
    read = read_webhook(a_body(*[1] * 1000))
    assert (len(read.bad), read.rejected) == (alert_json.MAX_COMPLAINTS, 1000)


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        pytest.param({}, 0xCBF29CE484222325, id="none"),
        pytest.param({"name": "garland, briggs", "fear": "love is not enough"}, 5799056148416392346, id="two"),
    ],
)
def test_a_computed_fingerprint_is_the_one_of_prometheus(labels: dict[str, str], expected: int) -> None:
    """The second value is from the tests of prometheus/common's model package."""
    assert int(alert_json.fingerprint(labels), 16) == expected


@pytest.mark.parametrize("given_fingerprint", [None, 7, "", "xyz", "a/b", "0" * 300])
def test_a_missing_or_odd_fingerprint_is_computed(given_fingerprint: object) -> None:
    (alert,) = read_webhook(a_body(an_alert(fingerprint=given_fingerprint))).alerts
    assert alert.fingerprint == alert_json.fingerprint(alert.labels)


def test_of_the_api_only_active_alerts_fire_and_suppressed_ones_are_known() -> None:
    states = ["active", "suppressed", "unprocessed"]
    body = json.dumps([an_api_alert(state, fingerprint=f"{i:016x}") for i, state in enumerate(states)])
    read = read_api_alerts(body.encode())
    assert [alert.fingerprint for alert in read.firing] == [f"{0:016x}"]
    assert read.firing[0].ends_at is None
    assert read.known == {f"{i:016x}" for i in range(3)}


US, OTHERS = {"name": "platelet"}, {"name": "people"}
MUTED = {"state": "active", "silencedBy": [], "inhibitedBy": [], "mutedBy": ["release-freeze"]}


def inhibited(*by: str, **more: Any) -> dict[str, Any]:
    """Build the status of an alert that these inhibit."""
    return {"state": "suppressed", "silencedBy": [], "inhibitedBy": list(by), "mutedBy": [], **more}


# Each row: what the API says of one alert, and what it is for us.
FOR_US: dict[str, tuple[dict[str, Any], str]] = {
    "routed to us": (an_api_alert("active"), "firing"),
    "routed to us among others": (an_api_alert("active", receivers=[OTHERS, US]), "firing"),
    "routed to others": (an_api_alert("active", receivers=[OTHERS]), "elsewhere"),
    "routed to one whose name only begins like ours": (
        an_api_alert("active", receivers=[{"name": "platelet-test"}]),
        "elsewhere",
    ),
    "routed to nobody": (an_api_alert("active", receivers=[]), "elsewhere"),
    "without a word about receivers": (an_api_alert("active", receivers=None), "elsewhere"),
    "with receivers that are no receivers": (an_api_alert("active", receivers=["platelet", 7, {}]), "elsewhere"),
    "muted, although it is called active": (an_api_alert("active", status=MUTED), "suppressed"),
    "silenced, and routed to others": (an_api_alert("suppressed", receivers=[OTHERS]), "suppressed"),
    "inhibited": (an_api_alert("suppressed", status=inhibited("00000000000000bb")), "suppressed"),
    "not yet judged": (an_api_alert("unprocessed"), ""),
}


@pytest.mark.parametrize(("alert", "state"), FOR_US.values(), ids=FOR_US)
def test_what_an_alert_of_the_api_is_for_us(alert: dict[str, Any], state: str) -> None:
    read = read_api_alerts(json.dumps([alert]).encode())
    name = frozenset({"00000000000000aa"})
    nobody: frozenset[str] = frozenset()
    assert frozenset(fired.fingerprint for fired in read.firing) == (name if state == "firing" else nobody)
    assert (read.suppressed, read.elsewhere) == tuple(
        name if state == bucket else nobody for bucket in ("suppressed", "elsewhere")
    )
    assert (read.known, read.rejected) == (name, 0)


HEALING = an_api_alert(
    "active", fingerprint="00000000000000cc", labels={"alertname": "PlateletHealing"}, receivers=[OTHERS]
)
# Each row: what keeps an alert from people, and whether it still fires for us.
KEPT_BY: dict[str, tuple[dict[str, Any], bool]] = {
    "that we heal": (inhibited(HEALING["fingerprint"]), True),
    "that we heal, and a silence": (inhibited(HEALING["fingerprint"], silencedBy=["s"]), False),
    "that we heal, and a mute": (inhibited(HEALING["fingerprint"], mutedBy=["m"]), False),
    "that we heal, and another alert": (inhibited(HEALING["fingerprint"], "00000000000000bb"), False),
    "another alert": (inhibited("00000000000000bb"), False),
    "nobody knows what": (inhibited(), False),
}


@pytest.mark.parametrize(("status", "fires"), KEPT_BY.values(), ids=KEPT_BY)
def test_a_page_that_we_hold_back_ourselves_is_still_a_reason_to_go_on(status: dict[str, Any], *, fires: bool) -> None:
    held = an_api_alert("suppressed", status=status)
    read = read_api_alerts(json.dumps([held, HEALING]).encode())
    groups = read_api_groups(json.dumps([a_group(held)]).encode(), holding=read.holding)
    name = frozenset({held["fingerprint"]})
    assert frozenset(alert.fingerprint for alert in read.firing) == (name if fires else frozenset())
    assert groups.active == (name if fires else frozenset())
    assert groups.muted | read.suppressed == (frozenset() if fires else name)


def a_group(*alerts: dict[str, Any], receiver: object = US) -> dict[str, Any]:
    """Build a group as GET /api/v2/alerts/groups carries it."""
    return {"receiver": receiver, "labels": {}, "alerts": list(alerts)}


SAID: dict[str, dict[str, Any]] = {
    "active": an_api_alert("active", status={"state": "active", "mutedBy": []}),
    "muted": an_api_alert("suppressed", status={"state": "suppressed", "mutedBy": ["release-freeze"]}),
    "unprocessed": an_api_alert("unprocessed", status={"state": "unprocessed", "mutedBy": []}),
    "older": an_api_alert("active"),
}
# Each row: the groups, and whether the alert is active for us, muted for us, and whether mutes are told.
GROUPS: dict[str, tuple[list[Any], bool, bool, bool]] = {
    "none": ([], False, False, True),
    "active": ([a_group(SAID["active"])], True, False, True),
    "muted": ([a_group(SAID["muted"])], False, True, True),
    "muted on one route of ours and active on another": (
        [a_group(SAID["muted"]), a_group(SAID["active"])],
        True,
        False,
        True,
    ),
    "muted for us and active for others": (
        [a_group(SAID["muted"]), a_group(SAID["active"], receiver=OTHERS)],
        False,
        True,
        True,
    ),
    "not yet judged": ([a_group(SAID["unprocessed"])], False, False, True),
    "of an Alertmanager before 0.28": ([a_group(SAID["older"])], True, False, False),
    "odd ones beside it": (
        [7, {}, a_group(receiver=7), {"receiver": US, "alerts": 7}, a_group({"labels": {}}), a_group(SAID["active"])],
        True,
        False,
        True,
    ),
}


@pytest.mark.parametrize(("groups", "active", "muted", "tells_mutes"), GROUPS.values(), ids=GROUPS)
def test_what_the_groups_say(groups: list[Any], *, active: bool, muted: bool, tells_mutes: bool) -> None:
    """Alertmanager mutes routes, not alerts: one is notified while a route of ours is not muted."""
    read = read_api_groups(json.dumps(groups).encode())
    assert (bool(read.active), bool(read.muted), read.tells_mutes) == (active, muted, tells_mutes)


def test_the_receivers_are_read_by_their_names() -> None:
    assert read_receivers(b'[{"name": "platelet"}, {"name": ""}, {}, 7, {"name": 7}]') == {"platelet"}


@pytest.mark.parametrize("bad", [7, an_api_alert("active", labels={}), an_alert(), an_api_alert("active", status={})])
def test_an_unreadable_alert_of_the_api_is_counted(bad: object) -> None:
    read = read_api_alerts(json.dumps([an_api_alert("active"), bad]).encode())
    assert (len(read.firing), read.rejected) == (1, 1)


@pytest.mark.parametrize("read", [read_api_alerts, read_api_groups, read_receivers])
@pytest.mark.parametrize("body", [b"{}", b"null", b"<html>"])
def test_an_answer_that_is_no_list_is_malformed(body: bytes, read: Callable[[bytes], object]) -> None:
    with pytest.raises(MalformedBodyError):
        read(body)


def test_uptime_is_the_moment_of_the_start() -> None:
    assert read_started_at(b'{"uptime": "2026-11-21T11:55:00Z", "cluster": {}}') == FIRED


@pytest.mark.parametrize("body", [b"{}", b"[]", b'{"uptime": 5}', b"oops"])
def test_a_status_without_a_start_is_malformed(body: bytes) -> None:
    with pytest.raises(MalformedBodyError):
        read_started_at(body)


READERS: tuple[Callable[[bytes], object], ...] = (
    read_webhook,
    read_api_alerts,
    read_api_groups,
    read_receivers,
    read_started_at,
    read_may_mute,
)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
odd_alerts = st.fixed_dictionaries(
    {},
    optional={
        "status": st.sampled_from(["firing", "resolved"]) | json_values,
        "labels": st.dictionaries(st.text(max_size=8), st.text(max_size=8) | json_values, max_size=3) | json_values,
        "annotations": json_values,
        "startsAt": st.datetimes().map(lambda t: t.isoformat() + "Z") | json_values,
        "endsAt": st.just("0001-01-01T00:00:00Z") | json_values,
        "fingerprint": st.just("00000000000000aa") | json_values,
    },
)


@given(st.binary() | json_values.map(lambda value: json.dumps(value).encode()))
def test_any_body_is_read_or_malformed(body: bytes) -> None:
    for read in READERS:
        with contextlib.suppress(MalformedBodyError):
            read(body)


@given(st.lists(odd_alerts, max_size=5), st.data())
def test_any_alerts_are_read_or_told_and_good_ones_survive(sent: list[Any], data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(sent)))
    read = read_webhook(a_body(*sent[:place], an_alert(), *sent[place:]))
    assert len(read.alerts) + read.rejected == len(sent) + 1
    assert any(alert.name == "ApiDown" for alert in read.alerts)
    for alert in read.alerts:
        str([alert.labels, alert.annotations, alert.generator_url, alert.episode]).encode()
