"""The contract: how platelet's own kinds, its settings file and the Kubernetes objects that it reads look outside.

Belongs here: readers and writers between API objects (plain mappings) and the model's values, the CRDs and their
generator, the conditions of steps (CEL), the operator's settings file.
Does not belong here: decisions, requests, clocks. A reader of a user's object never raises over a malformed detail;
a reader of our own kinds raises `InvalidSpec` that names the field, the value and the fix.
"""
