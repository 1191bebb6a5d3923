"""The hands: everything that talks to the outside or knows the time.

Belongs here: the cluster client, streams, the alert receiver, the courier, the Lease, clocks, metrics, logs, wiring,
and kopf handlers of at most five lines. Does not belong here: a decision about remediation.
"""
