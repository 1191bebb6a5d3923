"""What is remembered of the cluster: typed streams, each object reduced at once to a small record.

No request on demand belongs here (`read`), and no conclusion from what was seen (`intake`, the core).
"""
