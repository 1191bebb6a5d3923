"""Who may speak to the cluster: users, their tokens and their kubeconfig files."""

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

CONTROLLER_MANAGER = "system:kube-controller-manager"
SCHEDULER = "system:kube-scheduler"
KWOK = "system:kwok"
KUBELET = "system:node:real"  # of the one real node (tests/e2e); the name is the node's
KUBE_PROXY = "system:kube-proxy"

# The user's name and its groups. `platelet`, `alice`, `bob` and `baseline` have no right until a
# test grants one; the system's users have theirs by the bootstrap roles of RBAC.
_GROUPS: Mapping[str, str] = {
    "admin": "system:masters",
    "platelet": "",
    "alice": "",
    "bob": "",
    "baseline": "",  # the Go operator that platelet is measured against (tests/bench)
    CONTROLLER_MANAGER: "",
    SCHEDULER: "",
    KWOK: "system:masters",
    KUBELET: "system:nodes",
    KUBE_PROXY: "",
}


@dataclass(frozen=True)
class Access:
    """The users of one cluster: a token each, and a kubeconfig file on request."""

    directory: Path
    server: str
    ca_file: Path
    tokens: Mapping[str, str] = field(default_factory=lambda: {user: secrets.token_hex(16) for user in _GROUPS})

    def token(self, user: str) -> str:
        """The bearer token of a user."""
        if user not in self.tokens:
            raise KeyError(f"no user {user!r}; there are {', '.join(self.tokens)}")
        return self.tokens[user]

    def write_token_file(self) -> Path:
        """The file that the API server reads the users from."""
        path = self.directory / "users.csv"
        rows = (f'{self.tokens[user]},{user},{user},"{group}"' for user, group in _GROUPS.items())
        path.write_text("\n".join(rows) + "\n")
        return path

    def kubeconfig(self, user: str) -> Path:
        """The user's kubeconfig file, written when it is first asked for."""
        token = self.token(user)
        path = self.directory / f"{user.replace(':', '-')}.kubeconfig"
        if not path.exists():
            path.touch(mode=0o600)
            path.write_text(json.dumps(self._document(user, token), indent=2))
        return path

    def _document(self, user: str, token: str) -> dict[str, object]:
        cluster = {"server": self.server, "certificate-authority": str(self.ca_file)}
        return {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "test",
            "clusters": [{"name": "test", "cluster": cluster}],
            "users": [{"name": user, "user": {"token": token}}],
            "contexts": [{"name": "test", "context": {"cluster": "test", "user": user}}],
        }
