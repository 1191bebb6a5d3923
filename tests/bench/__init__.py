"""Measurements, never assertions: what the operator costs at rest, and how fast it answers."""
