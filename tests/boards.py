"""TensorBoard as our own command starts it, asked over HTTP."""

import contextlib
import json
import socket
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request

from tbgrad.runs.board import board_command


class Board:
    """TensorBoard's HTTP API."""

    def __init__(self, port):
        self.root = f"http://localhost:{port}/data/plugin/"

    def raw(self, path, body=None, **query):
        url = self.root + path + ("?" + urllib.parse.urlencode(query) if query else "")
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(url, data, {"Content-Type": "application/json"} if data else {})
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.read()

    def __call__(self, path, body=None, **query):
        return json.loads(self.raw(path, body, **query))


@contextlib.contextmanager
def served(logdir, loaded, *more):
    """A `Board` of the runs, once `loaded(board)` says that all is there; what sampling hides is for tests to find."""
    with socket.socket() as taken:
        taken.bind(("localhost", 0))
        port = taken.getsockname()[1]
    with (logdir / "board.log").open("w") as log:
        process = subprocess.Popen([*board_command(logdir, port=port), *more], stdout=log, stderr=log)
        try:
            board, deadline = Board(port), time.monotonic() + 120
            while time.monotonic() < deadline:
                assert process.poll() is None, f"TensorBoard ended with {process.returncode}"
                with contextlib.suppress(urllib.error.URLError, ConnectionError, TimeoutError):
                    if loaded(board):
                        break
                time.sleep(0.2)
            else:
                raise TimeoutError("TensorBoard did not show the runs")
            yield board
        finally:
            process.kill()
            process.wait(timeout=30)
