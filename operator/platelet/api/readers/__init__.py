"""Objects of Kubernetes and its neighbours, read into the model: workloads, pods, records, autoscalers, query results.

Belongs here: reading what others wrote, and writing what we keep in their kinds (ControllerRevisions, marks).
Does not belong here: our own kinds. Nothing here raises over a malformed detail of a user's object: it reads as absent.
"""
