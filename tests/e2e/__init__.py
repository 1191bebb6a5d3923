"""A real node beside the control plane of tests/cluster: what only real containers can show.

containerd, a kubelet and kube-proxy run in Linux namespaces of their own, like a machine in the machine: nothing of
them is on the host but one end of a cable, and all of it goes when their first process ends, however that comes about.
"""
