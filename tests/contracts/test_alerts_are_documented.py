"""docs/alerts.md says what is: the words for a cluster, the notice that it shows, the answers of its webhook."""

import json
import re
from pathlib import Path

from platelet.model import reasons
from platelet.model.notice import Notice
from platelet.sinks import webhook
from platelet.triggers import clusters
from tests.unit.sinks.notices import CHANGED, TAIL
from tests.unit.situations import (
    NOW,
    a_listening_policy,
    a_remediation,
    a_signal,
    a_status,
    an_attempt,
    evidence_of,
)

TEXT = (Path(__file__).parents[2] / "docs" / "alerts.md").read_text()


def section(title: str) -> str:
    """The text under a heading."""
    return TEXT.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def test_the_words_for_a_cluster_are_those_that_are_read() -> None:
    named = section("Several clusters").partition("```")[0]
    words = re.findall(r"`([a-z0-9_]+)`", named)
    assert len(words) > 5
    assert [word for word in words if clusters.elsewhere({word: "fra-2"}, "ams-1") is None] == []


def test_the_notice_that_is_shown_is_one_that_is_sent() -> None:
    (shown,) = re.findall(r"```json\n(.*?)```", section("What goes out"), re.DOTALL)
    status = a_status(
        evidence=(evidence_of(a_signal()),),
        recent_change=CHANGED,
        log_tail=TAIL,
        attempts=(an_attempt(verdict="Failed"),),
        opened_at=NOW,
    )
    notice = Notice(
        kind="Escalated",
        remediation=a_remediation(status=status),
        workload=None,
        policy=a_listening_policy(),
        reason=reasons.NO_STEP_LEFT,
        message="no step is left",
        at=NOW,
    )
    (sent,) = webhook.render(notice)
    assert shape(json.loads(shown)) <= shape(json.loads(json.dumps(sent.body)))


def shape(value: object, path: str = "") -> set[str]:
    """The paths of all fields."""
    if isinstance(value, dict):
        return {path}.union(*(shape(inner, f"{path}.{key}") for key, inner in value.items()))
    if isinstance(value, list):
        return {path}.union(*(shape(inner, f"{path}[]") for inner in value))
    return {path}


def test_every_link_within_the_page_leads_somewhere() -> None:
    headings = re.findall(r"^## (.+)$", TEXT, re.MULTILINE)
    anchors = {re.sub(r"[^a-z0-9 -]", "", heading.lower()).replace(" ", "-") for heading in headings}
    linked = re.findall(r"\]\(#([^)]+)\)", TEXT)
    assert linked
    assert set(linked) <= anchors
