"""Measurements, never assertions: platelet beside a Go operator with the same durable writes.

What belongs here: the baseline (`baseline/`, a Go module of its own), the load that both get on one API server, and
the table. A timing is only ever printed, as a ratio: what must hold of requests is asserted in the other tiers.
"""
