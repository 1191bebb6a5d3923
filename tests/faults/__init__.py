"""Tier 4: the operator against a real API server behind a faulty network, and operators that die or freeze.

What belongs here: the proxy that injects faults (`proxy`), the scene with its few workloads and policies (`scene`),
the replicas and who of them leads (`replicas`), and tests that judge by the API server's audit log and the final state
of the objects, never by what the operator says of itself. Faults that need no network belong to the scenarios.
"""
