"""The operator's own settings: one file, read once at the start; a bad one stops the start."""

import re
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import PurePath
from typing import Annotated, Any, ClassVar, Literal

import yaml
from pydantic import AfterValidator, ConfigDict, Field, TypeAdapter

from platelet.api.kinds import invalid
from platelet.model.durations import CAMEL, Between, Duration
from platelet.model.outside import Outside
from platelet.model.policy import OPERATOR_NAMESPACE
from platelet.triggers.alertmanager_api import RECEIVER

_NAMESPACE = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_ADDRESS = re.compile(r"(?P<host>[A-Za-z0-9._-]*|\[[0-9A-Fa-f:.]+\]):(?P<port>[0-9]{1,5})")
_HOST = re.compile(r"(\*\.)?[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*|[0-9A-Fa-f:]+")
_LAST_PORT = 65535
_MAX_CLUSTER = 200  # characters


def _read_namespace(name: str) -> str:
    if not _NAMESPACE.fullmatch(name):
        raise ValueError(f"{name!r} is not the name of a namespace: write it like platelet-system")
    return name


def _read_address(address: str) -> str:
    match = _ADDRESS.fullmatch(address)
    if match is None or int(match["port"]) > _LAST_PORT:
        raise ValueError(f"{address!r} is not an address to listen on: write it like 0.0.0.0:8080 or [::]:8080")
    return address


def _read_url(url: str) -> str:
    if not re.fullmatch(r"https?://[^/\s]+\S*", url):
        raise ValueError(f"{url!r} is not a URL: write it like http://alertmanager.monitoring.svc:9093")
    return url


def _read_host(host: str) -> str:
    if not _HOST.fullmatch(host):
        raise ValueError(f"{host!r} is not a host: write it like hooks.example.com, or *.svc for all hosts below svc")
    return host


Namespace = Annotated[str, AfterValidator(_read_namespace)]
Address = Annotated[str, AfterValidator(_read_address)]
Url = Annotated[str, AfterValidator(_read_url)]
Host = Annotated[str, AfterValidator(_read_host)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tls:
    """PEM files that are read again when they change."""

    cert_file: PurePath
    key_file: PurePath

    __pydantic_config__: ClassVar[ConfigDict] = CAMEL


@dataclass(frozen=True, slots=True, kw_only=True)
class Listen:
    """Addresses to listen on, `host:port`."""

    alerts: Address = "0.0.0.0:8080"
    metrics: Address = "0.0.0.0:9090"
    callbacks: Address | None = None  # where PagerDuty and others answer; None: nothing comes back
    tls: Tls | None = None  # for alerts and callbacks

    __pydantic_config__: ClassVar[ConfigDict] = CAMEL


@dataclass(frozen=True, slots=True, kw_only=True)
class Alertmanager:
    """The Alertmanager that is asked what fires."""

    url: Url
    token_file: PurePath | None = None  # a bearer token to ask with
    receiver: Annotated[str, Field(min_length=1)] = RECEIVER  # its name for us: what is routed to others is theirs

    __pydantic_config__: ClassVar[ConfigDict] = CAMEL


@dataclass(frozen=True, slots=True, kw_only=True)
class Prometheus:
    """The Prometheus that is asked by checks and triggers."""

    url: Url
    token_file: PurePath | None = None  # a bearer token to ask with

    __pydantic_config__: ClassVar[ConfigDict] = CAMEL


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """How long a leader may be silent before another replica takes over."""

    duration: Annotated[Duration, Between("2s", "10m")] = timedelta(seconds=15)

    __pydantic_config__: ClassVar[ConfigDict] = CAMEL


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatorConfig:
    """All settings of the operator."""

    api_version: Literal["platelet.dev/v1alpha1"]
    kind: Literal["OperatorConfig"]
    namespace: Namespace = OPERATOR_NAMESPACE  # its own: Lease and ActionBudget are there
    cluster_name: Annotated[str, Field(max_length=_MAX_CLUSTER)] = ""  # how alerts call this cluster, if they do
    listen: Listen = field(default_factory=Listen)
    alert_token_files: tuple[PurePath, ...] = ()  # several while rotating; none: no alert is accepted
    alertmanager: Alertmanager | None = None
    prometheus: Prometheus | None = None
    lease: Lease = field(default_factory=Lease)
    healthy_for: Annotated[Duration, Between("1s", "24h")] = timedelta(minutes=10)
    allowed_hosts: tuple[Host, ...] = ("*.svc",)  # that may be called: webhooks, checks by HTTP
    protected_namespaces: tuple[Namespace, ...] = ()  # besides kube-system and its own
    resync: Annotated[Duration, Between("1s", "1h")] = timedelta(seconds=30)  # everything is looked at again this often

    __pydantic_config__: ClassVar[ConfigDict] = CAMEL

    @property
    def outside(self) -> Outside:
        """What policies and runbooks may let the operator do."""
        return Outside(
            has_prometheus=self.prometheus is not None,
            has_alertmanager=self.alertmanager is not None,
            accepts_alerts=bool(self.alert_token_files),
            accepts_callbacks=self.listen.callbacks is not None,
            allowed_hosts=self.allowed_hosts,
            protected_namespaces=frozenset(self.protected_namespaces),
        )


_CONFIG = TypeAdapter(OperatorConfig)


def load_config(text: str) -> OperatorConfig:
    """Read the settings. Raises InvalidSpec that names the field, the value and the fix."""
    try:
        content: Any = yaml.safe_load(text)
    except yaml.YAMLError as error:
        message = " ".join(str(error).split()).replace('in "<unicode string>",', "at")
        raise invalid.InvalidSpec(f"this is not YAML: {message}") from None
    if content is None:
        raise invalid.InvalidSpec("the file is empty: write apiVersion: platelet.dev/v1alpha1, kind: OperatorConfig")
    return invalid.read(_CONFIG, invalid.mapping(content, "the file"))
