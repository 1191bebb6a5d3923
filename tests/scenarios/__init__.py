"""Timelines in virtual time: the real operator over a model of the API server and of the controllers behind it.

Belongs here: the model (store, model_api, world and its controllers), the driver that runs the operator in it, and
tests that kill, lose, repeat and race at every call. Does not belong here: anything that needs a real API server
(tests/cluster) or that tests one pure room (tests/unit).
"""
