"""Puts the parts together and runs them: wiring, the work queue, kopf's thread, ports and probes.

Nothing imports from here but the command line and tests.
"""
