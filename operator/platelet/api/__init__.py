"""The contract: how platelet's own kinds, its settings file and the Kubernetes objects that it reads look outside.

Belongs here: `readers` between Kubernetes' objects (plain mappings) and the model's values, `kinds` for our own ones,
`generation` of what is installed and documented from both; the operator's settings file.
Does not belong here: decisions, requests, clocks. What a test or a tool beside platelet needs to read a cluster's
objects as platelet does is named here.
"""

from platelet.api.readers import pods, records, workloads
from platelet.model import templates

__all__ = ["pods", "records", "templates", "workloads"]
