"""platelet heals Kubernetes workloads by running the team's own runbooks."""

VERSION = "0.1.0"
