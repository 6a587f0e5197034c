"""A language server over stdio: as much of the protocol as completion, hover and diagnostics need."""

import itertools
import json
import queue
import subprocess
import threading
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self

SETTINGS = {"validate": True, "hover": True, "completion": True, "schemaStore": {"enable": False}}
CAPABILITIES = {
    "textDocument": {
        "completion": {
            "completionItem": {"snippetSupport": True, "documentationFormat": ["markdown", "plaintext"]}
        },
        "hover": {"contentFormat": ["markdown"]},
    },
    "workspace": {"configuration": True},
}
WAIT_SECONDS = 60


class Server:
    """Answers are taken in the order in which they come; requests wait for their own."""

    def __init__(self, command: Sequence[str], folder: Path) -> None:
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        assert self._process.stdin is not None and self._process.stdout is not None
        self._out: BinaryIO = self._process.stdin  # type: ignore[assignment]
        self._folder = folder
        self._numbers = itertools.count(1)
        self._inbox: queue.Queue[dict[str, Any]] = queue.Queue()
        self._diagnostics: dict[str, list[dict[str, Any]]] = {}
        threading.Thread(target=self._read, args=(self._process.stdout,), daemon=True).start()

    def __enter__(self) -> Self:
        self._ask("initialize", processId=None, rootUri=None, capabilities=CAPABILITIES)
        self._send({"method": "initialized", "params": {}})
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.wait()

    def completion(self, text: str, line: int, character: int) -> list[dict[str, Any]]:
        uri = self._opened(text)
        position = {"line": line, "character": character}
        found = self._ask("textDocument/completion", textDocument={"uri": uri}, position=position)
        items: list[dict[str, Any]] = found["items"] if isinstance(found, dict) else found or []
        return items

    def hover(self, text: str, line: int, character: int) -> str:
        uri = self._opened(text)
        position = {"line": line, "character": character}
        found = self._ask("textDocument/hover", textDocument={"uri": uri}, position=position)
        return str(found["contents"]["value"]) if found else ""

    def diagnostics(self, text: str) -> list[dict[str, Any]]:
        uri = self._opened(text)
        while uri not in self._diagnostics:
            self._take()
        return self._diagnostics[uri]

    def _opened(self, text: str) -> str:
        uri = (self._folder / f"spec-{next(self._numbers)}.yaml").as_uri()
        document = {"uri": uri, "languageId": "yaml", "version": 1, "text": text}
        self._send({"method": "textDocument/didOpen", "params": {"textDocument": document}})
        return uri

    def _ask(self, method: str, **params: Any) -> Any:
        number = next(self._numbers)
        self._send({"id": number, "method": method, "params": params})
        while True:
            message = self._take()
            if message.get("id") == number and "method" not in message:
                return message["result"]

    def _take(self) -> dict[str, Any]:
        """Take one message, keep what it tells, and answer what it asks."""
        message = self._inbox.get(timeout=WAIT_SECONDS)
        match message.get("method"):
            case "textDocument/publishDiagnostics":
                self._diagnostics[message["params"]["uri"]] = message["params"]["diagnostics"]
            case "workspace/configuration":
                wanted = (item.get("section") for item in message["params"]["items"])
                settings = [SETTINGS if section == "yaml" else None for section in wanted]
                self._send({"id": message["id"], "result": settings})
            case str() if "id" in message:
                self._send({"id": message["id"], "result": None})
        return message

    def _send(self, message: dict[str, Any]) -> None:
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        self._out.write(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
        self._out.flush()

    def _read(self, stream: BinaryIO) -> None:
        while header := stream.readline():
            length = int(header.partition(b":")[2])
            while stream.readline().strip():
                pass
            self._inbox.put(json.loads(stream.read(length)))
