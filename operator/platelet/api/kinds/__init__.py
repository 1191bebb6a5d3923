"""Our own kinds between the API and the model: Runbook, RemediationPolicy, Remediation, ActionBudget.

Belongs here: their fields as people write them, what is wrong with an object, its conditions, what is pinned of it.
Does not belong here: their schemas, which are generated, and what is decided by them.
A reader here raises `InvalidSpec`, which names the field, the value and the fix.
"""
