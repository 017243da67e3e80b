"""A server that signs people in: OpenID Connect and GitHub's way, on loopback."""

import base64
import hashlib
import json
import secrets
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlencode, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import ec

from tests.slmgen.identity.conftest import public_entry

CLIENT, SECRET = "slmgen", "client-secret"


class Provider:
    """Says who `person` is to whoever asks with the right secrets."""

    def __init__(self):
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.person = {}
        self.claims = {}  # what the id token says otherwise
        self.refuses = self.is_silent = False
        self.codes = {}
        self.asked = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                outer.answer(self, parse_qs(urlsplit(self.path).query))

            def do_POST(self):
                length = int(self.headers["Content-Length"])
                outer.answer(self, parse_qs(self.rfile.read(length).decode()))

            def log_message(self, *args):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    def answer(self, handler, sent):
        path = urlsplit(handler.path).path
        self.asked.append(path)
        if self.is_silent:  # the connection ends without an answer
            return
        values = {name: value[0] for name, value in sent.items()}
        if path in {"/authorize", "/login/oauth/authorize"}:
            handler.send_response(302)
            handler.send_header("Location", self.authorized(values))
            handler.end_headers()
            return
        status, body = self.body(path, values, handler.headers)
        content = json.dumps(body).encode()
        handler.send_response(status)
        handler.send_header("Content-Type", "application/json")
        handler.send_header("Content-Length", str(len(content)))
        handler.end_headers()
        handler.wfile.write(content)

    def authorized(self, values):
        assert values["client_id"] == CLIENT
        assert values["code_challenge_method"] == "S256"
        if self.refuses:
            answer = {"error": "access_denied"}
        else:
            code = secrets.token_urlsafe()
            self.codes[code] = values["code_challenge"]
            answer = {"code": code}
        query = urlencode({**answer, "state": values["state"]})
        return f"{values['redirect_uri']}?{query}"

    def body(self, path, values, headers):
        match path:
            case "/.well-known/openid-configuration":
                return 200, {
                    "issuer": self.url,
                    "authorization_endpoint": f"{self.url}/authorize",
                    "token_endpoint": f"{self.url}/token",
                    "userinfo_endpoint": f"{self.url}/userinfo",
                    "jwks_uri": f"{self.url}/jwks.json",
                    "token_endpoint_auth_methods_supported": ["client_secret_post"],
                }
            case "/jwks.json":
                return 200, {"keys": [public_entry(self.key, "k")]}
            case "/token" | "/login/oauth/access_token":
                return self.token(values)
            case "/userinfo" | "/api/v3/user":
                known = headers["Authorization"].split()[1] == "access"
                return (200, self.person) if known else (401, {})
        return 404, {}

    def token(self, values):
        digest = hashlib.sha256(values["code_verifier"].encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        told = (values["client_secret"], self.codes.pop(values["code"], None))
        if told != (SECRET, challenge):
            return 400, {"error": "invalid_grant"}
        now = int(time.time())
        claims = {
            "iss": self.url, "aud": CLIENT, "sub": self.person.get("sub"),
            "iat": now, "exp": now + 60, **self.claims,
        }  # fmt: skip
        head = {"kid": "k"}
        signed = jwt.encode(claims, self.key, algorithm="ES256", headers=head)
        return 200, {
            "access_token": "access", "token_type": "Bearer", "id_token": signed
        }  # fmt: skip
