"""Everything that talks to the outside or knows the time. No decision about remediation belongs here.

From the bottom up: `kube` asks the API server and `outbound` others, `watch` remembers, `store` keeps our own objects,
`read` puts together what a decision may know, `act` does what was decided, `intake` brings signals in, `run` runs all.
"""
