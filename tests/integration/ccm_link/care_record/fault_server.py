"""A server that answers what a test chooses, in the place of an EHR or of another platform."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Answer = tuple[int, dict[str, str], bytes]
_PATIENT = json.dumps(
    {
        "resourceType": "Bundle",
        "entry": [{"resource": {"resourceType": "Patient", "id": "p1", "birthDate": "1960-06-30"}}],
    }
).encode()


def made(kind: str = "Observation") -> Answer:
    """Return what says that a resource was created."""
    place = {"location": f"/fhir/{kind}/{kind.lower()}-1/_history/1", "etag": 'W/"1"'}
    return 201, place, b""


@dataclass
class Fault:
    """A server whose answers a test chooses; ``asked`` is what came: method, path, headers, body."""

    port: int = 0
    answers: list[Answer | Callable[[Any], None]] = field(default_factory=list)
    asked: list[tuple[str, str, dict[str, str], bytes]] = field(default_factory=list)

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.port}/fhir"


@contextmanager
def serving() -> Iterator[Fault]:
    """Serve until the block ends."""
    found = Fault()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            headers = {name.lower(): text for name, text in self.headers.items()}
            found.asked.append((self.command, self.path, headers, body))
            is_search = self.command == "GET" and "/Patient?" in self.path
            chosen: Any = (200, {}, _PATIENT)
            if not is_search:
                kind = self.path.split("/")[2] if self.path.count("/") > 1 else ""
                chosen = found.answers.pop(0) if found.answers else made(kind)
            if callable(chosen):
                chosen(self)
                return
            status, more, content = chosen
            self.send_response(status)
            for name, text in {**more, "content-length": str(len(content))}.items():
                self.send_header(name, text)
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_PUT = answer  # noqa: N815

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    found.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield found
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
