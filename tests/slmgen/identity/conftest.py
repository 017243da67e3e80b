import base64
import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from slmgen.identity import tokens

ISSUER = "http://127.0.0.1/auth/v1"
SUBJECT = "0b0c1d2e-3f40-4152-8364-758697a8b9ca"


class KeyServer:
    """A real JWKS endpoint on loopback whose behavior a test chooses."""

    def __init__(self):
        self.answer = b'{"keys": []}'
        self.status = 200
        self.headers = {}
        self.hang = threading.Event()
        self.hang.set()
        self.fetches = 0
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                outer.fetches += 1
                outer.hang.wait(10)
                self.send_response(outer.status)
                for name, value in outer.headers.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(outer.answer)

            def log_message(self, *args):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server.server_port}/jwks.json"

    def publish(self, keys):
        entries = [public_entry(key, kid) for kid, key in keys.items()]
        self.answer = json.dumps({"keys": entries}).encode()

    def close(self):
        self.hang.set()
        self.server.shutdown()
        self.server.server_close()


def public_entry(key, kid):
    public = key.public_key()
    is_ec = isinstance(key, ec.EllipticCurvePrivateKey)
    algorithm = jwt.algorithms.ECAlgorithm if is_ec else jwt.algorithms.RSAAlgorithm
    entry = algorithm.to_jwk(public, as_dict=True)
    name = "ES256" if is_ec else "RS256"
    return {**entry, "kid": kid, "alg": name, "use": "sig"}


@pytest.fixture(scope="session")
def ec_key():
    return ec.generate_private_key(ec.SECP256R1())


@pytest.fixture(scope="session")
def attacker_key():
    return ec.generate_private_key(ec.SECP256R1())


@pytest.fixture(scope="session")
def rsa_key():
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@pytest.fixture
def key_server(settings, ec_key, rsa_key):
    server = KeyServer()
    server.publish({"ec": ec_key, "rsa": rsa_key})
    settings.SLMGEN_JWKS_URL = server.url
    settings.SUPABASE_JWT_ISSUER = ISSUER
    tokens.key_cache.cache_clear()
    yield server
    server.close()
    tokens.key_cache.cache_clear()


def claims(**changes):
    now = int(time.time())
    values = {
        "iss": ISSUER,
        "aud": "authenticated",
        "role": "authenticated",
        "sub": SUBJECT,
        "iat": now,
        "exp": now + 600,
    }
    values.update(changes)
    return {name: value for name, value in values.items() if value is not None}


def sign(key, kid="ec", algorithm="ES256", headers=None, **changes):
    head = {**({"kid": kid} if kid else {}), **(headers or {})}
    return jwt.encode(claims(**changes), key, algorithm=algorithm, headers=head)


def forge(header, payload, signature=b""):
    """A token put together by hand: libraries refuse to make the bad ones."""
    parts = (json.dumps(header).encode(), json.dumps(payload).encode(), signature)
    return ".".join(base64.urlsafe_b64encode(p).rstrip(b"=").decode() for p in parts)
