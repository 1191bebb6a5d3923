"""How signals come in: the alert receiver, the Alertmanager poll, queries, and what the streams say.

It finds the workload that a signal is about, and brings the fact to a Remediation. What becomes of that is decided in
the core.
"""
