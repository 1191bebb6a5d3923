"""The kubelet and kube-proxy of the one real node."""

import json
from pathlib import Path
from typing import Any

from tests.cluster import access
from tests.cluster.control_plane import ControlPlane
from tests.e2e import control_groups, network
from tests.e2e.container_runtime import ContainerRuntime

NODE = access.KUBELET.rpartition(":")[2]


def start(plane: ControlPlane, runtime: ContainerRuntime, programs: Path) -> None:
    """Start both; the node registers itself."""
    machine = runtime.machine
    kubelet = [
        str(programs / "kubelet"),
        f"--config={_write(machine.directory / 'kubelet.json', _kubelet(plane, runtime))}",
        f"--kubeconfig={plane.kubeconfig(access.KUBELET)}",
        f"--root-dir={machine.directory / 'kubelet'}",
        f"--cert-dir={machine.directory / 'kubelet-certificates'}",
        f"--hostname-override={NODE}",
        f"--node-ip={network.NODE}",
        f"--containerd={runtime.socket}",  # whose containers it measures
        "--housekeeping-interval=1s",
    ]
    proxy = [
        str(programs / "kube-proxy"),
        f"--config={_write(machine.directory / 'kube-proxy.json', _kube_proxy(plane))}",
    ]
    machine.start("kubelet", kubelet)
    machine.start("kube-proxy", proxy)


def _kubelet(plane: ControlPlane, runtime: ContainerRuntime) -> dict[str, Any]:
    """Whatever the host has of systemd, swap and space shall make no difference."""
    resolver = runtime.machine.directory / "resolv.conf"
    resolver.write_text("")
    return {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "authentication": {
            "anonymous": {"enabled": False},
            "webhook": {"enabled": False},
            "x509": {"clientCAFile": str(plane.ca_file)},
        },
        "authorization": {"mode": "AlwaysAllow"},  # whoever has a certificate: the API server, for logs
        "containerRuntimeEndpoint": f"unix://{runtime.socket}",
        "podLogsDir": str(runtime.machine.directory / "pods"),
        "resolvConf": str(resolver),
        "clusterDNS": ["10.96.0.10"],  # nobody answers there
        "clusterDomain": "cluster.local",
        "cgroupDriver": "cgroupfs",
        "cgroupsPerQOS": True,
        "cgroupRoot": f"/{control_groups.NODE}",
        "enforceNodeAllocatable": [],
        "failCgroupV1": False,
        "failSwapOn": False,
        "makeIPTablesUtilChains": False,
        "localStorageCapacityIsolation": False,
        "evictionHard": {"imagefs.available": "0%", "nodefs.available": "0%", "nodefs.inodesFree": "0%"},
        "imageGCHighThresholdPercent": 100,  # never: an image that is gone cannot be pulled again
        "nodeStatusUpdateFrequency": "2s",
        "oomScoreAdj": 0,
    }


def _kube_proxy(plane: ControlPlane) -> dict[str, Any]:
    return {
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "mode": "iptables",
        "clientConnection": {"kubeconfig": str(plane.kubeconfig(access.KUBE_PROXY))},
        "hostnameOverride": NODE,
        "clusterCIDR": network.PODS,
        # Answers between two pods of the bridge must come back through the node, which rewrites them.
        "iptables": {"masqueradeAll": True},
        "conntrack": {"maxPerCore": 0, "min": 0, "tcpEstablishedTimeout": "0s", "tcpCloseWaitTimeout": "0s"},
        "oomScoreAdj": 0,
    }


def _write(path: Path, configuration: dict[str, Any]) -> Path:
    path.write_text(json.dumps(configuration, indent=2))
    return path
