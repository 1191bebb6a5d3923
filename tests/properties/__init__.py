"""What must never be wrong, whatever the input: Hypothesis looks for the counterexample."""
