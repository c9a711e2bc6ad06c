"""A mirror on 127.0.0.1 that can misbehave in the ways mirrors do."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread


@dataclass
class Mirror:
    """What it serves, how it fails, and which ranges it was asked for.

    Args:
        content: the file.
        status: refuse every request with this status instead of serving.
        drop_after: bytes after which the first `drops` connections break off.
        drops: how many connections break off.
        knows_ranges: whether Range is honoured.
    """

    content: bytes = b""
    status: int = 200
    drop_after: int = 0
    drops: int = 0
    knows_ranges: bool = True
    url: str = ""
    asked: list[str | None] = field(default_factory=list)


@contextmanager
def serve(mirror: Mirror) -> Iterator[Mirror]:
    class Handler(BaseHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:
            pass

        def do_GET(self) -> None:
            wanted = self.headers.get("Range")
            mirror.asked.append(wanted)
            if mirror.status != 200:
                self.send_error(mirror.status)
                return
            start = int(wanted.removeprefix("bytes=").removesuffix("-")) if wanted and mirror.knows_ranges else 0
            if start >= len(mirror.content):
                self.send_error(416)
                return
            body = mirror.content[start:]
            self.send_response(206 if start else 200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if mirror.drops:
                mirror.drops -= 1
                body = body[: mirror.drop_after]
            self.wfile.write(body)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    mirror.url = f"http://127.0.0.1:{server.server_port}/file"
    try:
        yield mirror
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
