"""ClickHouse's HTTP interface over chdb, which is ClickHouse's own engine in this process.

    python tests/clickhouse/shim.py FOLDER

Listens on a free port of the loopback interface and says so in its first line of output. Takes
what a server takes of it: the query in `query` and in the body, data of inserts in the body,
`database`, `default_format`, `param_<name>`, and every other parameter as a setting. Errors are
answered as ClickHouse answers them.

`POST /fault?kind=...` makes it fail, until `kind=none`:

    down        connections are closed without an answer
    slow        every answer waits for `seconds`
    readonly    inserts are refused with code 164
    lost        inserts are made and their answer is lost, `count` times
"""

import json
import os
import re
import sys
import tempfile
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlsplit

from chdb import session

NOT_SETTINGS = {
    "query", "database", "default_format", "user", "password", "wait_end_of_query",
    "cancel_http_readonly_queries_on_client_close",
}
INSERT = re.compile(r"^\s*(INSERT\s+INTO\s+.*?\))\s+FORMAT\s+(\w+)\s*$", re.S | re.I)


class Engine:
    """One session; one query at a time."""

    def __init__(self, folder):
        self.folder = folder
        self.session = session.Session(os.path.join(folder, "chdb"))
        self.lock = threading.Lock()

    def run(self, query, body, parameters):
        with self.lock:
            for name, value in parameters.items():
                if name.startswith("param_"):
                    self.session.query(f"SET {name} = {quoted(value)}")
            if "database" in parameters:
                self.session.query(f"USE `{parameters['database']}`")
            settings = ", ".join(
                f"{name} = {quoted(value)}" for name, value in parameters.items()
                if name not in NOT_SETTINGS and not name.startswith("param_"))
            insert = INSERT.match(query)
            if insert:
                return self.insert(insert, body, settings)
            reads = re.match(r"\s*(SELECT|WITH)\b", query, re.I)
            if settings and reads:
                query = f"{query} SETTINGS {settings}"
            answer = self.session.query(query, parameters.get("default_format", "TabSeparated"))
            return answer.bytes() if answer else b""

    def insert(self, insert, body, settings):
        with tempfile.NamedTemporaryFile(dir=self.folder) as file:
            file.write(body)
            file.flush()
            into, form = insert.groups()
            settings = f"SETTINGS {settings}" if settings else ""
            self.session.query(f"{into} FROM INFILE '{file.name}' {settings} FORMAT {form}")
        return b""


def quoted(text):
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


class Fault:
    """What is wrong at the moment."""

    def __init__(self):
        self.kind, self.seconds, self.count = "none", 0.0, 0
        self.inserts = 0


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    engine = fault = None

    def do_GET(self):
        self.answer(200, b"Ok.\n")

    def do_POST(self):
        url = urlsplit(self.path)
        parameters = dict(parse_qsl(url.query, keep_blank_values=True))
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        fault = self.fault
        if url.path == "/fault":
            fault.kind = parameters["kind"]
            fault.seconds = float(parameters.get("seconds", 0))
            fault.count = int(parameters.get("count", 0))
            return self.answer(200, json.dumps({"inserts": fault.inserts}).encode())
        if url.path == "/query":
            return self.reply(parameters, body, None)
        if fault.kind == "down":
            self.close_connection = True
            return self.connection.close()
        if fault.kind == "slow":
            time.sleep(fault.seconds)
        return self.reply(parameters, body, fault)

    def reply(self, parameters, body, fault):
        query = parameters.get("query", "")
        if not INSERT.match(query):
            query, body = query + body.decode("utf-8", "surrogateescape"), b""
        inserts = bool(re.match(r"\s*INSERT\b", query, re.I))
        if inserts and fault:
            fault.inserts += 1
            if fault.kind == "readonly":
                return self.refuse("Code: 164. DB::Exception: Cannot execute query in readonly "
                                   "mode. (READONLY)")
        try:
            answer = self.engine.run(query, body, parameters)
        except Exception as error:  # chdb raises one kind for everything.
            return self.refuse(str(error))
        if inserts and fault and fault.kind == "lost" and fault.count > 0:
            fault.count -= 1
            self.close_connection = True
            return self.connection.close()
        self.answer(200, answer)

    def refuse(self, text):
        text = text[max(text.find("Code: "), 0):]
        code = re.match(r"Code: (\d+)", text)
        headers = {"X-ClickHouse-Exception-Code": code.group(1)} if code else {}
        self.answer(500, text.encode(), headers)

    def answer(self, status, body, headers=None):
        try:
            self.send_response(status)
            for name, value in (headers or {}).items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
        except OSError:
            self.close_connection = True  # Whoever asked has gone.

    def log_message(self, *_):
        pass


def main():
    Handler.engine, Handler.fault = Engine(sys.argv[1]), Fault()
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    print(f"listening on 127.0.0.1:{server.server_address[1]}", flush=True)
    # Whoever started this holds its input open, and is gone when it ends.
    threading.Thread(target=lambda: (sys.stdin.read(), os._exit(0)), daemon=True).start()
    server.serve_forever()


if __name__ == "__main__":
    main()
