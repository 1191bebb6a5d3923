"""How much is measured: so that all of it takes ten minutes on two cores, or as issue 9 has it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """How many of each, for each contender."""

    heals: int = 10
    alerts: int = 8
    crashing: int = 30  # Deployments at once
    waiting: int = 40  # incidents at a limit
    crowd: int = 300  # alerts in one body, each about a Deployment of its own
    tries: int = 4  # of sending that body
    bystanders: int = 100  # Deployments of one pod: each changes six times
    starting: int = 300  # new workloads at the start
    stored: int = 500  # Remediations
    heals_among_stored: int = 4
    patience: float = 240  # seconds for all of one kind to be done


SCALED = Sizes()
FULL = Sizes(
    heals=60,
    alerts=50,
    crashing=200,
    waiting=190,
    crowd=2000,
    tries=10,
    bystanders=500,
    starting=2000,
    stored=5000,
    heals_among_stored=20,
    patience=1200,
)
