"""A phone that trusts the home's authority trusts its node, and nobody else in that authority's name."""

import asyncio
import datetime as dt
import ipaddress
import ssl
import stat
from datetime import UTC, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from weft import certificates
from weft.basis.errors import Invalid, NotFound
from weft.certificates import AUTHORITY, LEAF, Certificates, fingerprint
from weft.config import Https


@pytest.fixture
def made(tmp_path):
    return Certificates(tmp_path, Https(port=8441, names="till.lan"), "恒泰阀门")


async def handshake(context, phone, name):
    """What a phone that looks for ``name`` meets at a server with ``context``; raises what it would see."""
    async def answer(_reader, writer):
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0, ssl=context)
    async with server:
        port = server.sockets[0].getsockname()[1]
        _, writer = await asyncio.open_connection("127.0.0.1", port, ssl=phone, server_hostname=name)
        writer.close()


def phone_of(made):
    phone = ssl.create_default_context()
    phone.load_verify_locations(cadata=made.authority.public_bytes(serialization.Encoding.DER))
    return phone


@pytest.mark.parametrize("name", ["till.lan", "127.0.0.1", "localhost"])
async def test_who_installed_the_authority_is_content_with_the_node(made, name):
    await handshake(made.context("127.0.0.1"), phone_of(made), name)


async def test_who_did_not_install_it_is_warned(made):
    with pytest.raises(ssl.SSLCertVerificationError):
        await handshake(made.context("127.0.0.1"), ssl.create_default_context(), "localhost")


def forged(folder, name, *, bound=True):
    """A leaf for ``name`` by a thief of the authority's key; unless ``bound``, by an authority that has no bounds."""
    data = (folder / AUTHORITY).read_bytes()
    key, authority = serialization.load_pem_private_key(data, None), x509.load_pem_x509_certificate(data)
    now = dt.datetime.now(UTC)
    if not bound:
        authority = (x509.CertificateBuilder().subject_name(authority.subject).issuer_name(authority.subject)
                     .public_key(key.public_key()).serial_number(1).not_valid_before(now - timedelta(days=1))
                     .not_valid_after(now + timedelta(days=9))
                     .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
                     .add_extension(certificates._usage(authority=True), critical=True)
                     .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
                     .sign(key, hashes.SHA256()))
    own = ec.generate_private_key(ec.SECP256R1())
    try:
        general = x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        general = x509.DNSName(name)
    leaf = (x509.CertificateBuilder().subject_name(certificates._name(name)).issuer_name(authority.subject)
            .public_key(own.public_key()).serial_number(2).not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=9))
            .add_extension(x509.SubjectAlternativeName([general]), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key()), critical=False)
            .sign(key, hashes.SHA256()))
    certificates._write(folder / "forged.pem", own, leaf)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "forged.pem")
    phone = ssl.create_default_context()
    phone.load_verify_locations(cadata=authority.public_bytes(serialization.Encoding.DER))
    return context, phone


@pytest.mark.parametrize("name", ["bank.example", "93.184.215.14"])
async def test_who_steals_the_authority_cannot_pretend_to_be_a_bank(made, name):
    made.context("127.0.0.1")
    with pytest.raises(ssl.SSLCertVerificationError):
        await handshake(*forged(made.folder, name), name)
    await handshake(*forged(made.folder, name, bound=False), name)  # control: without bounds it could


def test_keys_are_for_their_owner_alone_and_stay_from_start_to_start(made):
    made.context("127.0.0.1")
    before = [(made.folder / name).read_bytes() for name in (AUTHORITY, LEAF)]
    for name in (AUTHORITY, LEAF):
        assert stat.S_IMODE((made.folder / name).stat().st_mode) == 0o600
    made.context("127.0.0.1")
    assert [(made.folder / name).read_bytes() for name in (AUTHORITY, LEAF)] == before


def leaf(made):
    return (made.folder / LEAF).read_bytes()


def test_a_leaf_that_ends_soon_is_made_anew_while_the_node_runs(made, monkeypatch):
    monkeypatch.setattr(certificates, "LEAF_DAYS", certificates.RENEW_DAYS - 1)
    context = made.context("127.0.0.1")
    before, authority = leaf(made), fingerprint(made.authority)
    monkeypatch.setattr(certificates, "LEAF_DAYS", 90)
    made.renew(context, "127.0.0.1")
    assert leaf(made) != before
    assert fingerprint(made.authority) == authority  # phones need not install it again
    kept = leaf(made)
    made.renew(context, "127.0.0.1")
    assert leaf(made) == kept


def test_a_leaf_is_made_anew_when_the_address_of_the_machine_changes(made):
    context = made.context("192.168.7.9")
    before = leaf(made)
    assert made.state().covers("192.168.7.9")
    assert not made.state().covers("192.168.7.10")
    made.renew(context, "192.168.7.10")
    assert leaf(made) != before
    assert made.state().covers("192.168.7.10")


def test_a_leaf_that_a_power_cut_left_unreadable_is_made_anew(made):
    made.context("127.0.0.1")
    (made.folder / LEAF).write_bytes(b"\0" * 100)
    made.context("127.0.0.1")
    assert made.state().covers("till.lan")


def test_an_authority_that_is_unreadable_is_told_and_never_replaced_by_itself(made):
    made.context("127.0.0.1")
    (made.folder / LEAF).unlink()
    (made.folder / AUTHORITY).write_bytes(b"\0" * 100)
    with pytest.raises(Invalid) as refused:
        made.context("127.0.0.1")
    assert refused.value.code == "https.file-unreadable"
    assert (made.folder / AUTHORITY).read_bytes() == b"\0" * 100


@pytest.mark.parametrize(("host", "names"), [("93.184.215.14", ""), ("127.0.0.1", "93.184.215.14")])
def test_an_address_of_the_internet_needs_a_certificate_of_a_domain(tmp_path, host, names):
    with pytest.raises(Invalid) as refused:
        Certificates(tmp_path, Https(port=8441, names=names)).context(host)
    assert refused.value.code == "https.name-outside"


async def test_the_certificate_of_a_domain_is_served_as_it_is_given(made, tmp_path):
    made.context("127.0.0.1")
    given = tmp_path / "given.pem"
    given.write_bytes(leaf(made))
    own = Certificates(tmp_path / "keys", Https(port=8441, certificate=str(given), key=str(given)))
    await handshake(own.context("0.0.0.0"), phone_of(made), "till.lan")
    assert own.authority is None
    assert own.state().own is False
    assert not (tmp_path / "keys").exists()


def test_a_missing_file_of_a_domain_is_named(tmp_path):
    own = Certificates(tmp_path, Https(port=8441, certificate="nowhere.pem", key="nowhere.key"))
    with pytest.raises(NotFound) as refused:
        own.context("127.0.0.1")
    assert refused.value.code == "https.file-missing"
