"""Timelines in virtual time: the real operator over a model of the API server and of the controllers behind it.

Belongs here: the connection to the model (model_api, world), the driver that runs the operator in it, and tests that
kill, lose, repeat and race at every call. Does not belong here: the model itself (`platelet.replay`), anything that
needs a real API server (tests/cluster) or that tests one pure room (tests/unit).
"""

from platelet.replay import kubelet, pods

__all__ = ["kubelet", "pods"]
