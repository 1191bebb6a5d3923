"""The cluster's own certificate authority and what it signs.

Every cluster makes its own, so that a kubeconfig of one can never be used on
another that runs side by side.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

_VALID_FOR = timedelta(days=7)


@dataclass(frozen=True)
class Certificates:
    """Paths of the PEM files that the control plane is started with."""

    ca: Path
    serving: Path
    serving_key: Path
    kubelet_client: Path
    kubelet_client_key: Path
    service_account_key: Path


def write(directory: Path, address: str = "127.0.0.1") -> Certificates:
    """Make an authority, a serving certificate for loopback and this address, and a key that signs tokens."""
    directory.mkdir()
    ca_key, serving_key, client_key, token_key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(4))
    ca = _authority(ca_key)
    return Certificates(
        ca=_store(directory / "ca.crt", _pem(ca)),
        serving=_store(directory / "serving.crt", _pem(_serving(ca, ca_key, serving_key, address))),
        serving_key=_store(directory / "serving.key", _key_pem(serving_key)),
        kubelet_client=_store(directory / "kubelet-client.crt", _pem(_kubelet_client(ca, ca_key, client_key))),
        kubelet_client_key=_store(directory / "kubelet-client.key", _key_pem(client_key)),
        service_account_key=_store(directory / "service-account.key", _key_pem(token_key)),
    )


def _authority(key: ec.EllipticCurvePrivateKey) -> x509.Certificate:
    name = _name("platelet-test-cluster")
    usage = x509.KeyUsage(
        digital_signature=True,
        key_cert_sign=True,
        crl_sign=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )
    return (
        _builder(name, name, key)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )


def _serving(
    ca: x509.Certificate,
    ca_key: ec.EllipticCurvePrivateKey,
    key: ec.EllipticCurvePrivateKey,
    address: str,
) -> x509.Certificate:
    addresses = x509.SubjectAlternativeName(
        [
            x509.DNSName("localhost"),
            x509.DNSName("kubernetes.default.svc"),
            *(x509.IPAddress(ip_address(ip)) for ip in sorted({"127.0.0.1", "10.96.0.1", address})),
        ]
    )
    issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(ca_key.public_key())
    return (
        _builder(_name("kube-apiserver"), ca.subject, key)
        .add_extension(addresses, critical=False)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(issuer, critical=False)
        .sign(ca_key, hashes.SHA256())
    )


def _kubelet_client(
    ca: x509.Certificate,
    ca_key: ec.EllipticCurvePrivateKey,
    key: ec.EllipticCurvePrivateKey,
) -> x509.Certificate:
    """Whom the API server asks a kubelet as, for logs: an admin, which spares a role."""
    subject = x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "system:masters"),
            x509.NameAttribute(NameOID.COMMON_NAME, "kube-apiserver-kubelet-client"),
        ]
    )
    return (
        _builder(subject, ca.subject, key)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False)
        .sign(ca_key, hashes.SHA256())
    )


def _builder(subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + _VALID_FOR)
    )


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def _key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.NoEncryption(),
    )


def _store(path: Path, pem: bytes) -> Path:
    path.touch(mode=0o600)
    path.write_bytes(pem)
    return path
