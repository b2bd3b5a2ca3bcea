import datetime
import ssl
from importlib.util import find_spec

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from scripts.dicom import RefusedInput
from scripts.pacs.dicomweb import DicomWeb
from scripts.pacs.outbox import Outbox
from scripts.pacs.refusals import ask, unavailable
from scripts.pacs.session import Server

from .conftest import film
from .fake_server import FakePacs, serve, url_of


@pytest.fixture
def certificate(tmp_path):
    """Self-signed certificate of localhost with its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.UTC)
    signed = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path / "localhost.pem"
    path.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + signed.public_bytes(serialization.Encoding.PEM)
    )
    return path


def test_server_is_checked_and_may_ask_who_we_are(certificate):
    pacs = FakePacs()
    pacs.add(film(0))
    server = serve(pacs)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(certificate))
    context.load_cert_chain(certificate)
    context.verify_mode = ssl.CERT_REQUIRED
    server.socket = context.wrap_socket(server.socket, server_side=True)
    url = url_of(server).replace("http://127.0.0.1", "https://localhost")
    web = DicomWeb(Server(url, ca_file=certificate, cert_file=certificate), attempts=1)
    assert list(web.studies(datetime.date.today())) == ["1.2.0"]
    for settings in ({"cert_file": certificate}, {"ca_file": certificate}):
        with pytest.raises(RefusedInput, match="the URL and the certificates") as refusal:
            DicomWeb(Server(url, **settings), attempts=1).studies(datetime.date.today())
        assert refusal.value.code == "PACS_UNAVAILABLE"
    server.shutdown()
    server.server_close()


def test_waits_grow_between_attempts(monkeypatch):
    waits = []
    monkeypatch.setattr("time.sleep", waits.append)

    def fail():
        raise unavailable("nothing")

    with pytest.raises(RefusedInput):
        ask(fail, attempts=5, wait_s=1)
    assert waits == [1, 2, 4, 8]


@pytest.mark.parametrize(
    ("package", "remedy"), [("dicomweb_client", "install the extra pacs"), ("highdicom", "pip install highdicom")]
)
def test_missing_package_stops_it_at_the_start(package, remedy, predictor, tmp_path, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name, *_: None if name == package else find_spec(name))
    with pytest.raises(ValueError, match=f"{package}, found none; {remedy}"):
        DicomWeb(Server("http://127.0.0.1:9"))
        Outbox(tmp_path, predictor)
