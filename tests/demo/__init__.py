"""`make demo`: platelet heals on a cluster of its own, while you watch. `python -m tests.demo`.

What belongs here: the five acts, the policies that they install (`policies/`), what is told of the cluster's state as
it changes, and the claims that are judged on it. Whatever is told or claimed was read from the API server, from its
audit log, or by the webhook that people would get; nothing is taken from the operator's own output.
What does not belong here: tests (the acts are one way through; `tests/cluster` tries the others).
"""
