"""The ends of logs that an incident holds, for those who show them in one piece."""

from platelet.model import log_tail
from platelet.model.remediation import RemediationStatus


def say(status: RemediationStatus) -> list[str]:
    """What failed before the first act, and the last Job that was started, in lines."""
    of_jobs = [attempt.log_tail for attempt in status.attempts if attempt.log_tail is not None]
    return [line for tail in (status.log_tail, *of_jobs[-1:]) for line in log_tail.say(tail)]
