"""The words: frozen dataclasses that every room speaks in.

Belongs here: facts about workloads, signals, remediations, budgets and revisions; reasons; durations.
Does not belong here: anything that decides, reads the clock, or talks to the outside. Imports nothing of ours.
"""
