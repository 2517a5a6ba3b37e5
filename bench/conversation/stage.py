"""The stage: the programs under test, run with nothing of the machine's own settings, and what speaks with them."""

import concurrent.futures
import http.client
import json
import os
import pathlib
import shlex
import signal
import socket
import subprocess
import threading
import time
import urllib.parse

import record as recording

ROOT = pathlib.Path(__file__).resolve().parents[2]
GROUP = f"/subscriptions/{recording.SUBSCRIPTION}/resourceGroups/edge-east"
HEADERS = ["Azure-AsyncOperation", "Location", "Retry-After", "ETag", "WWW-Authenticate", "Preference-Applied", "Cache-Control", "Weft-Revision", "Allow",
           "x-ms-client-request-id"]
JSON_TYPE = "application/json; charset=utf-8"


class Stage:
    """Where everything happens: a temporary folder, the programs and the processes that were started."""

    def __init__(self, programs, work, record):
        self.programs = pathlib.Path(programs).resolve()
        self.work = pathlib.Path(work).resolve()
        self.record = record
        self.started = []
        record.replace(self.work, "<work>")
        record.replace(self.programs, "<bin>")
        # Published programs are links into folders of their own, and say so.
        for program in ("weft", "weftd", "weft-agent", "weft-ipam", "weft-trunk"):
            record.replace((self.programs / program).resolve().parent, "<bin>")
        record.replace(ROOT, "<repository>")
        for folder in ("home", "config", "tmp"):
            (self.work / folder).mkdir(parents=True)
        kept = {name: value for name, value in os.environ.items() if name.startswith("DOTNET_")}
        self.environment = {
            **kept, "HOME": str(self.work / "home"), "XDG_CONFIG_HOME": str(self.work / "config"), "TMPDIR": str(self.work / "tmp"),
            "PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8", "TZ": "UTC", "DOTNET_NOLOGO": "1",
        }

    def program(self, name):
        return str(self.programs / name)

    def start(self, arguments, **more):
        """Starts a program that goes on; it is ended with the stage."""
        process = subprocess.Popen(arguments, env=self.environment, cwd=ROOT, stdin=subprocess.DEVNULL, start_new_session=True, **more)
        self.started.append(process)
        return process

    def end(self, process, how=signal.SIGTERM):
        if process.poll() is None:
            process.send_signal(how)
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        if process in self.started:
            self.started.remove(process)
        return process.returncode

    def end_all(self):
        for process in list(reversed(self.started)):
            self.end(process)

    def serve(self, name, *options):
        """Starts a weftd and waits until it listens."""
        data = self.work / name
        out = self.work / f"{name}.out"
        with open(out, "w") as lines, open(self.work / f"{name}.log", "w") as log:
            process = self.start([self.program("weftd"), "serve", "--data", str(data), "--listen", "127.0.0.1:0", *options], stdout=lines, stderr=log)
        wanted = 2 if "--relay-listen" in options else 1
        wait(lambda: process.poll() is not None or out.read_text().count("\n") >= wanted, "weftd to listen")
        said = out.read_text()
        if process.poll() is not None:
            raise SystemExit(f"conversation: weftd ended: {(self.work / f'{name}.log').read_text()}")
        ports = [int(line.rsplit(":", 1)[1].strip("/")) for line in said.splitlines()]
        for port, what in zip(ports, (name, f"{name}-relay")):
            for host in ("127.0.0.1", "localhost"):
                self.record.replace(f"{host}:{port}", f"{host}:<{what}>")
        return Server(self, process, ports[0], (data / "admin.token").read_text().strip(), said, data)

    def run(self, program, *arguments, given=None, more=None, cwd=ROOT, timeout=60):
        """Runs a program to its end: exit code, stdout, stderr."""
        program = [self.program(program)] if isinstance(program, str) else list(program)
        try:
            done = subprocess.run([*program, *arguments], input=given.encode() if isinstance(given, str) else given or b"", capture_output=True,
                                  env={**self.environment, **(more or {})}, cwd=cwd, timeout=timeout)
        except subprocess.TimeoutExpired:
            # Not to end is an outcome too, and the record goes on.
            return f"none within {timeout} s", "", ""
        return done.returncode, done.stdout.decode("utf-8", "backslashreplace"), done.stderr.decode("utf-8", "backslashreplace")

    def note(self, title, outcome, given=None, order=True):
        """Writes down what a program said. Lines of steps that go on side by side have no order."""
        code, out, error = outcome
        if not order:
            error = "\n".join(sorted(error.split("\n"))).strip("\n")
        parts = [f"exit {code}"]
        if given:
            parts.append("stdin:\n" + indent(given if isinstance(given, str) else given.decode("utf-8", "backslashreplace")))
        if out:
            parts.append("stdout:\n" + indent(recording.without_ages(out)))
        if error:
            parts.append("stderr:\n" + indent(error))
        self.record.add(title, *parts)
        return outcome

    def tell(self, program, *arguments, given=None, more=None, order=True, title=None, timeout=60):
        """Runs a program and writes down what it said."""
        said = " ".join([f"{name}={shlex.quote(value)}" for name, value in (more or {}).items()] + [program] + [shlex.quote(a) for a in arguments])
        return self.note("$ " + (title or said), self.run(program, *arguments, given=given, more=more, timeout=timeout), given, order)

    def tell_all(self, program, commands):
        """Commands that only read run side by side, and are written down in their order."""
        commands = [command.split() if isinstance(command, str) else command for command in commands]
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            for command, outcome in zip(commands, pool.map(lambda c: self.run(program, *c), commands)):
                self.note("$ " + " ".join([program] + [shlex.quote(a) for a in command]), outcome)

    def files(self, title, folder, content=True):
        """Every file below a folder: its path, its mode, what stands in it."""
        folder = pathlib.Path(folder)
        paths = sorted(path for path in folder.rglob("*") if not path.is_dir() or path.is_symlink()) if folder.exists() else []
        self.record.add(f"{title}: {len(paths)} files", "\n".join(f"{oct(path.lstat().st_mode & 0o7777)[2:]} {path.relative_to(folder)}" for path in paths))
        for path in paths if content else []:
            if path.is_file():
                self.record.add(f"{title}: {path.relative_to(folder)}", indent(path.read_text("utf-8", "backslashreplace")))


class Server:
    """A weftd, spoken to by plain HTTP."""

    def __init__(self, stage, process, port, token, said, data):
        self.stage, self.process, self.port, self.token, self.said, self.data = stage, process, port, token, said, data
        self.url = f"http://127.0.0.1:{port}"
        # A connection for each thread.
        self.mine = threading.local()

    def send(self, method, path, body=None, token="", headers=None):
        """Sends a request: status, headers, the body's bytes."""
        token = self.token if token == "" else token
        sent = {"Content-Type": "application/json"} if body is not None else {}
        if token is not None:
            sent["Authorization"] = f"Bearer {token}"
        sent.update(headers or {})
        if body is not None and not isinstance(body, (bytes, str)):
            body = json.dumps(body, ensure_ascii=False)
        data = body.encode("utf-8", "surrogatepass") if isinstance(body, str) else body
        for attempt in (1, 2):
            try:
                connection = getattr(self.mine, "connection", None)
                if connection is None:
                    connection = self.mine.connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=90)
                    connection.connect()
                    connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                connection.request(method, path, data, sent)
                answer = connection.getresponse()
                return answer.status, answer.headers, answer.read()
            except (http.client.HTTPException, OSError):
                connection.close()
                self.mine.connection = None
                if attempt == 2:
                    raise

    def ask(self, *request, **more):
        """Sends a request and writes down the exchange: status, the answer as JSON (or None), headers."""
        said, *answer = self.exchange(*request, **more)
        self.stage.record.add(*said)
        return answer

    def exchange(self, method, path, body=None, token="", headers=None, title=None, show=True):
        """Sends a request: what to write down of it, status, the answer, headers."""
        status, got, data = self.send(method, path, body, token, headers)
        text = data.decode("utf-8", "backslashreplace")
        parts = []
        for name, value in (headers or {}).items():
            parts.append(f"> {name}: {value}")
        if body is not None and show:
            shown = body if isinstance(body, str) else body.decode("latin-1") if isinstance(body, bytes) else json.dumps(body, ensure_ascii=False)
            parts.append("> " + (shown if len(shown) < 4000 else f"{shown[:200]}… ({len(shown)} characters)"))
        parts.append(f"< {status}")
        for name in HEADERS:
            parts.extend(f"< {name}: {value}" for value in got.get_all(name, []))
        # What is the same in every answer is written down only where it isn't.
        kind = got["Content-Type"]
        if kind != (JSON_TYPE if data else None):
            parts.append(f"< Content-Type: {kind}")
        if got["Content-Length"] not in (str(len(data)), None if not data else ""):
            parts.append(f"< Content-Length: {'as sent' if got['Content-Length'] else 'none'}")
        for name in ("x-ms-request-id", "x-ms-correlation-request-id"):
            if not got[name]:
                parts.append(f"< no {name}")
        others = sorted(set(name.lower() for name in got) - {h.lower() for h in HEADERS} - {"content-type", "content-length", "x-ms-request-id", "x-ms-correlation-request-id", "date"})
        if others:
            parts.append(f"< also: {', '.join(others)}")
        if text:
            parts.append(recording.spread(text))
        said = (title or f"{method} {short(path)}", "\n".join(parts))
        try:
            return said, status, json.loads(text) if text else None, got
        except ValueError:
            return said, status, None, got

    def settle(self, method, path, body=None, show=True, **more):
        """Writes, and reads the operation's end. Each step waits for the one before, so that revisions follow in one order."""
        status, answer, headers = self.ask(method, path, body, **more)
        operation = headers["Azure-AsyncOperation"]
        if operation:
            below = operation[operation.index("/subscriptions"):]
            if show:
                self.ask("GET", below, headers={"Prefer": "wait=20"})
            else:
                self.send("GET", below, headers={"Prefer": "wait=20"})
        return status, answer, headers

    def get(self, path):
        """Reads without writing it down."""
        status, _, data = self.send("GET", path)
        return json.loads(data) if status == 200 and data else None


def short(path):
    return urllib.parse.unquote(path).replace(GROUP, "{group}")


def indent(text):
    """Blocks of text stand behind a bar, so that no line of theirs is taken for the record's own."""
    return "\n".join("| " + line for line in text.split("\n"))


def wait(until, what, seconds=30):
    """Waits for something that comes by itself."""
    end = time.monotonic() + seconds
    while not until():
        if time.monotonic() > end:
            raise SystemExit(f"conversation: waited {seconds} s in vain for {what}")
        time.sleep(0.02)
