"""A model of a cluster in virtual time: objects and their rules, controllers, kubelets, admission, and what people do.

Pure: no I/O and no clock but a virtual one, so that a scenario, a test of a policy or a backtest can be played in
milliseconds. Processes that talk to it, and the faults of their connections, belong to who plays (tests/scenarios).
"""
