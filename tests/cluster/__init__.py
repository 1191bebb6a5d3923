"""A real Kubernetes control plane on loopback, for tests that a mock cannot judge.

What belongs here: building the binaries, starting and ending them, the made-up
nodes with pods that fall ill on request (see `stages/`), and the audit log, by
which tests judge what was really written and by whom. Nothing here knows
platelet: a test of the operator belongs beside the operator's other tests and
uses the fixtures of `tests.cluster.conftest`.
"""
