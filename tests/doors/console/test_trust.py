"""Trusting a node: the page says what to install and what to compare, in both languages; the file is the authority."""

import pytest
from cryptography import x509

from tests.doors.asking import Client
from tests.doors.console.sample import TOKEN, at_work
from weft.certificates import Certificates, Secured, fingerprint
from weft.config import Https


@pytest.fixture
async def work(tmp_path):
    sample = await at_work()
    certificates = Certificates(tmp_path, Https(port=8441, names="till.lan"), "恒泰阀门")
    sample.secured = Secured(certificates, "127.0.0.1", 8441, certificates.context("127.0.0.1"))
    yield sample
    await sample.stop()


@pytest.mark.parametrize(("lang", "words"), [("zh", "下载证书"), ("en", "Download the certificate")])
async def test_whoever_asks_is_told_what_to_install_and_what_to_compare(work, lang, words):
    work.node.https = work.secured
    page = (await Client(work.routes).ask("/trust", headers={"cookie": f"weft_lang={lang}"})).body.decode()
    assert words in page
    assert "⟦" not in page
    assert "https://till.lan:8441/till" in page
    shown = fingerprint(work.secured.certificates.authority)
    assert all(pair in page for pair in (shown[:23], shown[-23:]))
    answer = await Client(work.routes).ask("/trust/ca.crt")
    assert answer.headers["content-type"] == "application/x-x509-ca-cert"
    assert fingerprint(x509.load_der_x509_certificate(answer.body)) == shown
    assert b"PRIVATE" not in answer.body


@pytest.mark.parametrize(("lang", "words"), [("zh", "尚未启用"), ("en", "not switched on")])
async def test_without_https_the_page_says_how_to_switch_it_on(work, lang, words):
    page = (await Client(work.routes).ask("/trust", headers={"cookie": f"weft_lang={lang}"})).body.decode()
    assert words in page
    assert "port = 8444" in page and "host = " in page and "0.0.0.0" in page
    assert (await Client(work.routes).ask("/trust/ca.crt")).status == 404
    assert (await Client(work.routes, TOKEN).ask("/settings")).status == 200


@pytest.mark.parametrize(("lang", "words"), [("zh", "无需安装"), ("en", "nothing is to be installed")])
async def test_with_the_certificate_of_a_domain_nothing_is_to_be_installed(work, tmp_path, lang, words):
    leaf = str(tmp_path / "https.pem")
    own = Certificates(tmp_path / "none", Https(port=8441, names="till.lan", certificate=leaf, key=leaf))
    work.node.https = Secured(own, "127.0.0.1", 8441, own.context("127.0.0.1"))
    page = (await Client(work.routes).ask("/trust", headers={"cookie": f"weft_lang={lang}"})).body.decode()
    assert words in page
    assert "https://till.lan:8441/till" in page
