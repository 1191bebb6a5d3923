"""Where one cluster lives and how its programs are started: directory, ports, flags."""

from dataclasses import dataclass
from pathlib import Path

from tests.cluster import access, audit, certificates, processes

Flags = dict[str, object]
LOOPBACK = "127.0.0.1"


@dataclass(frozen=True)
class Layout:
    """What stays the same for as long as a cluster exists, over a restart of a program too."""

    directory: Path
    etcd_client_port: int
    etcd_peer_port: int
    api_port: int
    kwok_port: int
    keys: certificates.Certificates
    users: access.Access
    user_file: Path
    audit_policy: Path
    address: str  # where the API server listens

    @property
    def audit_log(self) -> Path:
        """The file that the API server appends a line per request to."""
        return self.directory / "audit.log"

    def etcd(self) -> Flags:
        """No fsync: a test's data need not survive the machine."""
        client = f"http://127.0.0.1:{self.etcd_client_port}"
        peer = f"http://127.0.0.1:{self.etcd_peer_port}"
        return {
            "data-dir": self.directory / "etcd",
            "listen-client-urls": client,
            "advertise-client-urls": client,
            "listen-peer-urls": peer,
            "initial-advertise-peer-urls": peer,
            "initial-cluster": f"default={peer}",
            "unsafe-no-fsync": "true",
            "log-level": "warn",
        }

    def api_server(self) -> Flags:
        """An API server with RBAC, users from a file, and the audit log."""
        return {
            "etcd-servers": f"http://127.0.0.1:{self.etcd_client_port}",
            "bind-address": self.address,
            "advertise-address": self.address,
            "secure-port": self.api_port,
            # The Service `kubernetes` leads here, where pods could follow it.
            "endpoint-reconciler-type": "none" if self.address == LOOPBACK else "lease",
            "kubelet-preferred-address-types": "InternalIP",
            "kubelet-client-certificate": self.keys.kubelet_client,
            "kubelet-client-key": self.keys.kubelet_client_key,
            "cert-dir": self.directory / "certificates",
            "tls-cert-file": self.keys.serving,
            "tls-private-key-file": self.keys.serving_key,
            "token-auth-file": self.user_file,
            "authorization-mode": "Node,RBAC",
            "service-cluster-ip-range": "10.96.0.0/16",
            "service-account-issuer": "https://kubernetes.default.svc",
            "service-account-key-file": self.keys.service_account_key,
            "service-account-signing-key-file": self.keys.service_account_key,
            "audit-policy-file": self.audit_policy,
            "audit-log-path": self.audit_log,
            "audit-log-maxsize": 100_000,  # MiB; the default begins a new file at 100
            "profiling": "false",
        }

    def controller_manager(self) -> Flags:
        """Controllers that act under their own service accounts, so the audit log tells them."""
        return {
            "kubeconfig": self.users.kubeconfig(access.CONTROLLER_MANAGER),
            "use-service-account-credentials": "true",
            "service-account-private-key-file": self.keys.service_account_key,
            "root-ca-file": self.keys.ca,
            "leader-elect": "false",
            "horizontal-pod-autoscaler-sync-period": "2s",
            "node-monitor-grace-period": "24h",  # an outage of the API server is no node's fault
            "kube-api-qps": 500,
            "kube-api-burst": 1000,
            "secure-port": 0,
        }

    def scheduler(self) -> Flags:
        """The scheduler, which has nobody to elect a leader with."""
        return {
            "kubeconfig": self.users.kubeconfig(access.SCHEDULER),
            "leader-elect": "false",
            "kube-api-qps": 500,
            "kube-api-burst": 1000,
            "secure-port": 0,
        }


def fresh(address: str = LOOPBACK) -> Layout:
    """A directory with keys, users and the audit policy in it, and free ports."""
    directory = processes.data_directory()
    client, peer, api, kwok = processes.free_ports(4)
    keys = certificates.write(directory / "certificates", address)
    users = access.Access(directory, f"https://{address}:{api}", keys.ca)
    return Layout(
        directory=directory,
        etcd_client_port=client,
        etcd_peer_port=peer,
        api_port=api,
        kwok_port=kwok,
        keys=keys,
        users=users,
        user_file=users.write_token_file(),
        audit_policy=audit.write_policy(directory / "audit-policy.json"),
        address=address,
    )
