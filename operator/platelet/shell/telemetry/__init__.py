"""What an operator of platelet sees of it: metrics, logs, Events, progress. Nothing that a decision depends on."""
