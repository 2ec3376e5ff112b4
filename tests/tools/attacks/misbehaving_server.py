"""A language server that misbehaves on purpose: `python misbehaving_server.py MODE`.

It needs nothing but the standard library. In every mode but those that say otherwise it answers
`initialize` rightly and then does what its mode is named for.
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

MODE = sys.argv[1]
OUT = sys.stdout.buffer
ERROR_OF = {"message": "Something is missing here.", "severity": 1}
START = {"line": 0, "character": 0}
SPAN = {"start": START, "end": {"line": 0, "character": 3}}
FINDINGS = [{"range": SPAN, **ERROR_OF}]


def send(message: object) -> None:
    frame(json.dumps(message).encode())


def frame(body: bytes) -> None:
    OUT.write(b"Content-Length: %d\r\n\r\n" % len(body) + body)
    OUT.flush()


def receive() -> dict[str, Any]:
    size = 0
    while (line := sys.stdin.buffer.readline()) != b"\r\n":
        if not line:
            sys.exit(0)
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            size = int(value)
    return json.loads(sys.stdin.buffer.read(size))


def answer(request: dict[str, Any], result: object) -> None:
    send({"jsonrpc": "2.0", "id": request["id"], "result": result})


def rightly(request: dict[str, Any]) -> None:
    answer(request, {"kind": "full", "items": FINDINGS} if is_diagnostic(request) else None)


def is_diagnostic(request: dict[str, Any]) -> bool:
    return request["method"] == "textDocument/diagnostic"


def hang(_: dict[str, Any]) -> None:
    time.sleep(3_600)


def crash(_: dict[str, Any]) -> None:
    os._exit(3)


def crash_once(request: dict[str, Any]) -> None:
    mark = Path("crashed")
    if not mark.exists():
        mark.touch()
        os._exit(3)
    rightly(request)


def half_an_answer(_: dict[str, Any]) -> None:
    OUT.write(b'Content-Length: 1000\r\n\r\n{"jsonrpc": "2.0"')
    OUT.flush()
    os._exit(0)


def no_json(_: dict[str, Any]) -> None:
    frame(b"<html>")


def not_utf8(_: dict[str, Any]) -> None:
    frame(b'{"jsonrpc": "2.0", "id": "\xff\xfe"}')


def a_list(_: dict[str, Any]) -> None:
    frame(b"[1, 2]")


def nested(_: dict[str, Any]) -> None:
    frame(b"[" * 1_000_000)


def no_method_or_id(_: dict[str, Any]) -> None:
    send({"jsonrpc": "2.0", "result": []})


def other_version(request: dict[str, Any]) -> None:
    send({"jsonrpc": "1.0", "id": request["id"], "result": None})
    hang(request)


def other_id(request: dict[str, Any]) -> None:
    send({"jsonrpc": "2.0", "id": 10**30, "result": "for nobody"})
    send({"jsonrpc": "2.0", "id": None, "result": "for nobody"})
    rightly(request)


def id_of_no_kind(_: dict[str, Any]) -> None:
    send({"jsonrpc": "2.0", "id": {"a": []}, "result": 1})


def no_result(request: dict[str, Any]) -> None:
    send({"jsonrpc": "2.0", "id": request["id"]})


def wrong_shape(request: dict[str, Any]) -> None:
    answer(request, {"kind": "full", "items": "many"})


def wrong_numbers(request: dict[str, Any]) -> None:
    far = {"line": 2**70, "character": -1}
    answer(request, {"kind": "full", "items": [{"range": {"start": far, "end": far}, **ERROR_OF}]})


def beyond_the_file(request: dict[str, Any]) -> None:
    far = {"line": 2**30, "character": 2**30}
    answer(request, {"kind": "full", "items": [{"range": {"start": far, "end": far}, **ERROR_OF}]})


def error(request: dict[str, Any]) -> None:
    send({"jsonrpc": "2.0", "id": request["id"], "error": {"code": -1, "message": "No."}})


def error_of_no_kind(request: dict[str, Any]) -> None:
    send({"jsonrpc": "2.0", "id": request["id"], "error": "boom"})


def ten_gigabytes(_: dict[str, Any]) -> None:
    OUT.write(b"Content-Length: 10000000000\r\n\r\n")
    endless(b" " * 65_536)


def endless_line(_: dict[str, Any]) -> None:
    endless(b"a" * 65_536)


def endless_lines(_: dict[str, Any]) -> None:
    endless(b"Starting...\r\n" * 5_000)


def endless(piece: bytes) -> None:
    while True:
        OUT.write(piece)


def a_header_without_end(_: dict[str, Any]) -> None:
    OUT.write(b"Content-Length: 20\r\n")
    endless(b"X-More: a\r\n" * 5_000)


def floods_stderr(request: dict[str, Any]) -> None:
    for _ in range(200):
        os.write(2, b"e" * 65_536)
    rightly(request)


def floods_notices(request: dict[str, Any]) -> None:
    notice = {"method": "window/logMessage", "params": {"type": 3, "message": "m" * 1_000}}
    for _ in range(5_000):
        send({"jsonrpc": "2.0", **notice})
        send({"jsonrpc": "2.0", "method": "nobody/knows", "params": [1]})
    rightly(request)


def floods_findings(request: dict[str, Any]) -> None:
    answer(request, {"kind": "full", "items": FINDINGS * 30_000})


def a_long_message(request: dict[str, Any]) -> None:
    items = [{**FINDINGS[0], "message": "long " * 200_000, "code": "c" * 100_000}]
    answer(request, {"kind": "full", "items": items})


def asks_before_it_answers(request: dict[str, Any]) -> None:
    """Each request has to be answered, or it would wait for ever."""
    asked: list[tuple[str, object]] = [
        ("client/registerCapability", {"registrations": []}),
        ("workspace/configuration", {"items": [{"section": "a.b"}, {}]}),
        ("workspace/configuration", {"items": "many"}),
        ("workspace/applyEdit", {"edit": {"changes": {}}}),
        ("nobody/knows", None),
    ]
    for number, (method, parameters) in enumerate(asked):
        send({"jsonrpc": "2.0", "id": f"q{number}", "method": method, "params": parameters})
        while receive().get("id") != f"q{number}":
            pass
    rightly(request)


def with_a_child(request: dict[str, Any]) -> None:
    """One that ignores what ends it politely, as the server does itself."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    code = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(3600)"
    child = subprocess.Popen([sys.executable, "-c", code])  # noqa: S603 - our own
    Path("pids").write_text(f"{os.getpid()} {child.pid}")
    rightly(request)


def environment(request: dict[str, Any]) -> None:
    message = " ".join(sorted(os.environ))  # noqa: TID251 - what it was given is the question
    answer(request, {"kind": "full", "items": [{"range": SPAN, "message": message}]})


PLACES = [
    {"uri": "file:///etc/passwd", "range": SPAN},
    {"uri": "http://example.com/a.fake", "range": SPAN},
    {"uri": "file://elsewhere/a.fake", "range": SPAN},
    {"uri": "untitled:a", "range": SPAN},
    {"uri": "file:///%00", "range": SPAN},
    {"uri": "file:///%ff", "range": SPAN},
    {"uri": "file://[", "range": SPAN},
    {"uri": "", "range": SPAN},
]


def strange_places(request: dict[str, Any]) -> None:
    here = Path.cwd().as_uri()
    inside = [
        f"{here}/../../etc/passwd",
        f"{here}/%2e%2e/%2e%2e/etc/passwd",
        f"{here}/.git/config",
        f"{here}/link.fake",
        f"{here}/gone.fake",
        f"{here}/s%70%c3%a4t%20%23%5B1%5D%3F.fake",
    ]
    answer(request, [*PLACES, *({"uri": uri, "range": SPAN} for uri in inside)])


def no_more(_: dict[str, Any]) -> None:
    """See `push`."""


def renames(changes: Callable[[str], dict[str, list[Any]]]) -> Callable[[dict[str, Any]], None]:
    def rename(request: dict[str, Any]) -> None:
        if request["method"] == "textDocument/rename":
            answer(request, {"changes": changes(Path.cwd().as_uri())})
        else:
            answer(request, None)

    return rename


EDIT = {"range": SPAN, "newText": "new"}
OVERLAP = {"range": {"start": {"line": 0, "character": 1}, "end": SPAN["end"]}, "newText": "x"}

MODES: dict[str, Callable[[dict[str, Any]], None]] = {
    function.__name__: function
    for function in (
        *(rightly, hang, crash, crash_once, half_an_answer, no_json, not_utf8, a_list, nested),
        *(no_method_or_id, other_version, other_id, id_of_no_kind, no_result, wrong_shape),
        *(wrong_numbers, beyond_the_file, error, error_of_no_kind, ten_gigabytes, endless_line),
        *(endless_lines, a_header_without_end, floods_stderr, floods_notices, floods_findings),
        *(a_long_message, asks_before_it_answers, with_a_child, environment, strange_places),
    )
} | {
    "renames_outside": renames(lambda _: {"file:///etc/passwd": [EDIT]}),
    "renames_upwards": renames(lambda here: {f"{here}/%2e%2e/b.fake": [EDIT]}),
    "renames_in_packages": renames(lambda here: {f"{here}/node_modules/a/b.fake": [EDIT]}),
    "renames_one_outside": renames(
        lambda here: {f"{here}/a.fake": [EDIT], "file:///etc/passwd": [EDIT]}
    ),
    "renames_overlapping": renames(lambda here: {f"{here}/a.fake": [EDIT, OVERLAP]}),
    "renames_what_is_gone": renames(lambda here: {f"{here}/gone.fake": [EDIT]}),
    "renames_nothing": renames(lambda _: {}),
    "renames_too_many": renames(
        lambda here: {f"{here}/{number}.fake": [EDIT] for number in range(501)}
    ),
    "pushes_never": no_more,
    "pushes_older_first": no_more,
    "pushes_empty_first": no_more,
    "hangs_at_start": hang,
    "crashes_at_start": crash,
    "talks_at_start": endless_lines,
    "refuses_to_start": error,
}


def publish(uri: str, items: list[Any], **version: int) -> None:
    parameters = {"uri": uri, "diagnostics": items, **version}
    send({"jsonrpc": "2.0", "method": "textDocument/publishDiagnostics", "params": parameters})


def push(document: dict[str, Any]) -> None:
    uri, version = document["uri"], document["version"]
    if MODE == "pushes_older_first":
        publish(uri, [], version=version - 1)
        publish(uri, FINDINGS * version, version=version)
    if MODE == "pushes_empty_first":
        publish(uri, [])
        publish(uri, FINDINGS)


def main() -> None:
    starts_badly = MODE.endswith(("at_start", "to_start"))
    while True:
        message = receive()
        method = message.get("method")
        if method == "initialize" and not starts_badly:
            pulls: dict[str, object] = (
                {} if MODE.startswith("pushes") else {"diagnosticProvider": {}}
            )
            answer(message, {"capabilities": pulls})
        elif method in {"textDocument/didOpen", "textDocument/didChange"}:
            if MODE.startswith("pushes"):
                push(message["params"]["textDocument"])
        elif "id" in message and method is not None:
            MODES[MODE](message)


if __name__ == "__main__":
    main()
