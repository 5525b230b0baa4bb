"""A publisher on loopback: one file, byte ranges, and the ways in which a real one misbehaves."""

import re
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Publisher:
    """What the server offers and what it was asked.

    Args:
        content: the file.
        ranges: whether byte ranges are honoured.
        break_after: number of bytes after which the connection of the first answer is cut, `None` for never.
    """

    def __init__(self, content: bytes, *, ranges: bool = True, break_after: int | None = None) -> None:
        self.content, self.ranges, self.break_after = content, ranges, break_after
        self.asked: list[str | None] = []
        self.url = ""

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        wanted = request.headers.get("Range")
        self.asked.append(wanted)
        start = int(re.fullmatch(r"bytes=(\d+)-", wanted)[1]) if wanted and self.ranges else 0
        if request.path != "/data.zip" or start >= len(self.content):
            request.send_error(404 if request.path != "/data.zip" else 416)
            return
        body = self.content[start:]
        request.send_response(206 if start else 200)
        request.send_header("Content-Length", str(len(body)))
        if start:
            request.send_header("Content-Range", f"bytes {start}-{len(self.content) - 1}/{len(self.content)}")
        request.end_headers()
        if self.break_after is not None:
            body, self.break_after = body[: self.break_after], None
        request.wfile.write(body)


@contextmanager
def serve(publisher: Publisher):
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            publisher.answer(self)

        def log_message(self, *args):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}).start()
        publisher.url = f"http://127.0.0.1:{server.server_port}/data.zip"
        try:
            yield publisher
        finally:
            server.shutdown()
