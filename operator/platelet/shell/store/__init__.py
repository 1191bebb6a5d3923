"""platelet's own objects: Remediations, policies with their Runbooks, the ActionBudget; each write compares and swaps.

Objects of users do not belong here, nor the decision what a status is to say (the core).
"""
