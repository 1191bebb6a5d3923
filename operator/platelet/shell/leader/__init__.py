"""Who leads: the Lease, and the label by which the Service finds the leader."""
