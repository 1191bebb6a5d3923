"""Alerts that say something of what measures and alerts, and so nothing of a workload: they match only by name.

A rule that could not be evaluated (Grafana: grafana/grafana#14515, #101936), a heartbeat that fires always, a target
that was not scraped, a Prometheus or Alertmanager that is in trouble: whoever restarts a workload for these restarts a
well one (TRAPS 28).
"""

import re
from collections.abc import Iterable, Mapping
from typing import Final

from platelet.model.alert import Alert
from platelet.triggers.matchers import Matcher

_EXACT: Final[Mapping[str, str]] = {
    "datasourceerror": "datasource",
    "datasourcenodata": "datasource",
    "watchdog": "watchdog",
    "infoinhibitor": "infoinhibitor",
    "deadmansswitch": "deadman",
    "deadmanswitch": "deadman",
    "deadmanssnitch": "deadman",
    "deadman": "deadman",
    "heartbeat": "heartbeat",
    "alwaysfiring": "alwaysfiring",
    "targetdown": "targetdown",
}
"""Names in small letters, without separators -> what an expression must contain to be about them."""
_STEMS: Final = ("platelet", "prometheus", "alertmanager", "kubestatemetrics", "thanosrule", "mimirruler", "vmalert")
_EVALUATION: Final = frozenset({"datasource_uid", "ref_id"})  # labels that Grafana adds where a query has failed
_STATE_REASON: Final = "grafana_state_reason"  # "Error", "NoData", "Error, KeepLast"
_NO_STATE: Final = frozenset({"error", "nodata"})
_SEPARATORS: Final = re.compile(r"[^a-z0-9]")


def is_no_fact(alert: Alert, wanted: Iterable[Matcher]) -> bool:
    """Whether a firing alert that these matchers match is none about a workload, unless they are meant for it."""
    stem = _stem(_plain(alert.name))
    if stem:
        return not any(_means(word, stem) for word in wanted)
    stated = alert.annotations.get(_STATE_REASON) or alert.labels.get(_STATE_REASON, "")
    reasons = {_plain(word) for word in stated.split(",")}
    return bool(reasons & _NO_STATE) or alert.labels.keys() >= _EVALUATION


def _stem(name: str) -> str:
    if name in _EXACT:
        return _EXACT[name]
    return next((stem for stem in _STEMS if name.startswith(stem)), "")


def _means(matcher: Matcher, stem: str) -> bool:
    """Whether a matcher, of which it is known that it matches, was written for this name or for all of its kind."""
    if matcher.name != "alertname":
        return False
    return matcher.operator == "=" or (matcher.operator == "=~" and stem in _plain(matcher.value))


def _plain(text: str) -> str:
    return _SEPARATORS.sub("", text.lower())
