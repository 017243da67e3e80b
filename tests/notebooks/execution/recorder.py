"""A local server that plays the part of a progress endpoint and of a model hub."""

import contextlib
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Recorder(BaseHTTPRequestHandler):
    """Keeps what is posted to /progress, and plays the part of a model hub."""

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.seen.append((self.path, dict(self.headers), body))
        self.answer(self.server.hub_answer(self.path, body))

    def do_GET(self):
        self.server.seen.append((self.path, dict(self.headers), b""))
        self.answer(self.server.hub_answer(self.path, b""))

    def answer(self, value):
        content = json.dumps(value).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *args):
        pass


def hub_answer(address, is_private):
    def answer(path, body):
        if path == "/api/repos/create":
            return {"url": f"{address}/me/mine", "id": "me/mine", "name": "me/mine"}
        if "/preupload/" in path:
            files = [file["path"] for file in json.loads(body)["files"]]
            return {
                "files": [
                    {"path": f, "uploadMode": "regular", "shouldIgnore": False}
                    for f in files
                ]
            }
        if "/commit/" in path:
            return {
                "commitUrl": f"{address}/me/mine/commit/1", "commitOid": "1",
                "success": True, "pullRequestUrl": None,
            }  # fmt: skip
        return {"id": "me/mine", "private": is_private, "siblings": [], "tags": []}

    return answer


@contextlib.contextmanager
def recorder(is_private=True):
    server = ThreadingHTTPServer(("127.0.0.1", 0), Recorder)
    address = f"http://127.0.0.1:{server.server_port}"
    server.seen, server.hub_answer = [], hub_answer(address, is_private)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server, address
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
