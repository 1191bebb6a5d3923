"""Puts together what a decision may know: a snapshot of the target, and the situation around it. Writes nothing."""
