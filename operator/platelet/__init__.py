"""platelet heals Kubernetes workloads by running the team's own runbooks."""
