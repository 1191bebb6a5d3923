"""What there is to say about an incident, a workload and their policies: values in, values and plain lines out.

Pure, so that the command line, a page and a test say the same. Reading the cluster and writing to a terminal belong to
`shell` and `cli`; what is decided belongs to the core.
"""
