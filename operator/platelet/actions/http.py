"""http: make one request to a place outside of the cluster, such as to reconcile what an outage has left behind."""

from datetime import datetime

from platelet.changes import http_request
from platelet.model import reasons
from platelet.model.fault import Fault
from platelet.model.http_call import HttpCall
from platelet.model.outside import Outside
from platelet.model.policy import ActionTraits
from platelet.model.rules import Action
from platelet.model.situation import Situation
from platelet.model.verdict import Plan, Refusal


def plan(settings: HttpCall, _situation: Situation, _now: datetime) -> Plan | Refusal:
    """Pin the request by its digest: a person who approves agrees to exactly this one."""
    return Plan(changes=(http_request.of(settings),), summary=f"{settings.method} to {settings.host}, once")


def _find_fault(settings: HttpCall, outside: Outside | None) -> Fault | None:
    if outside is None or outside.allows(settings.host):
        return None
    message = f"http.url: {settings.host} is not in allowedHosts of the operator's settings: add it there"
    return Fault(reason=reasons.HOST_NOT_ALLOWED, message=message)


ACTION = Action(
    key="http",
    settings=HttpCall,
    changes=(http_request.CHANGE,),
    rights=http_request.CHANGE.rights,
    traits=ActionTraits(name="http", leaves_target_alone=True),
    plan=plan,
    find_fault=_find_fault,
)
