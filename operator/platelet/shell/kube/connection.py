"""How to reach the API server: from inside a pod, or by a kubeconfig."""

import os
import time
from pathlib import Path

from kubernetes.aio.client.configuration import Configuration
from kubernetes.aio.config import incluster_config, kube_config

_TOKEN_LIFE = 60.0  # seconds; the kubelet renews a pod's token in place


class ConnectionNotConfiguredError(Exception):
    """Neither a usable kubeconfig nor a pod's service account; the message tells the fix."""


async def load(kubeconfig: str | None = None, context: str | None = None) -> Configuration:
    """Read the connection: the given kubeconfig, else the pod's own account, else $KUBECONFIG or ~/.kube/config.

    Raises ConnectionNotConfiguredError.
    """
    configuration = Configuration()
    try:
        if kubeconfig is None and os.environ.get(incluster_config.SERVICE_HOST_ENV_NAME):
            incluster_config.load_incluster_config(configuration, try_refresh_token=False)
            configuration.refresh_api_key_hook = _PodToken()
        else:
            path = kubeconfig or os.environ.get("KUBECONFIG") or kube_config.KUBE_CONFIG_DEFAULT_LOCATION
            await kube_config.load_kube_config(path, context, configuration, persist_config=False)
    except Exception as error:
        raise unusable(error, context) from error
    return configuration


def unusable(error: Exception, context: str | None) -> ConnectionNotConfiguredError:
    """Say why there is no connection, and the fix."""
    why = f"{type(error).__name__}: {(str(error).splitlines() or [''])[0]}"
    if isinstance(error, TypeError):  # the library's own words are about Python
        why = "what was read is no kubeconfig"
    fix = "give --kubeconfig FILE, or run in a pod with a service account"
    if context is not None:
        fix = f"{fix}; kubectl config get-contexts lists the contexts"
    return ConnectionNotConfiguredError(f"no connection to a cluster: {why}; {fix}")


class _PodToken:
    """Reads the pod's token again once a minute of monotonic time; the library's own hook asks the wall clock."""

    def __init__(self) -> None:
        self._read_at = time.monotonic()

    def __call__(self, configuration: Configuration) -> None:
        """Put the present token into the configuration; an unreadable file leaves the old one."""
        if time.monotonic() - self._read_at < _TOKEN_LIFE:
            return
        try:
            token = Path(incluster_config.SERVICE_TOKEN_FILENAME).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError):
            return
        if token:
            configuration.api_key["BearerToken"] = f"Bearer {token}"
            self._read_at = time.monotonic()
