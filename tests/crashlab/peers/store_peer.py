# SPDX-License-Identifier: BSL-1.0
"""Databases as their users call them, as workloads for the laboratory:

  store_peer.py NAME setup | write COUNT | serve durable | serve atomic

NAME: sqlite_wal (journal_mode=wal, synchronous=full), lmdb, redis (appendfsync always), postgresql
(as initdb leaves it; a checkpoint after each version), etcd (one member, which keeps a state of
PEER_PERDURE), etcd_no_fsync (the same with --unsafe-no-fsync). A program that meets an error ends;
with PEER_GOES_ON set it says so, opens anew (a server that is dead is started again, as systemd
does) and goes on with the next version. The content of a version is that of crashlab_protocol."""
import http.client
import json
import os
import random
import shutil
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time

SIZE = 10000
ROOT = os.environ["CRASHLAB_MOUNT"]
START_MAX_S = 30


def content(version):
    data = bytearray(f"version {version}\n".encode().ljust(SIZE, b"\0"))
    for at in range(24, SIZE):
        data[at] = ord("A") + (version + at // 512) % 26
    return bytes(data)


class Store:
    """One way to keep a value. save() raises where it is told of an error."""

    def open(self):
        pass

    def close(self):
        pass


class SqliteWal(Store):
    def open(self):
        self.database = sqlite3.connect(ROOT + "/data.db", isolation_level=None)
        self.database.execute("pragma journal_mode=wal")
        self.database.execute("pragma synchronous=full")
        self.database.execute("create table if not exists t (id integer primary key, data)")

    def close(self):
        self.database.close()

    def save(self, data):
        self.database.execute("insert or replace into t values (1, ?)", (data,))

    def load(self):
        return self.database.execute("select data from t").fetchone()[0]


class Lmdb(Store):
    def open(self):
        import lmdb
        self.environment = lmdb.open(ROOT + "/db", map_size=1 << 20)

    def close(self):
        self.environment.close()

    def save(self, data):
        with self.environment.begin(write=True) as transaction:
            transaction.put(b"key", data)

    def load(self):
        with self.environment.begin() as transaction:
            return transaction.get(b"key")


class Server(Store):
    """A program that is started for us, and ends with us."""

    process = None

    def open(self):
        if self.process is not None and self.process.poll() is None and self.answers():
            return
        self.end()
        self.place = tempfile.mkdtemp(prefix="peer-")
        with open(self.place + "/log", "w") as log:
            self.process = subprocess.Popen(self.command(), stdin=subprocess.DEVNULL,
                                            stdout=subprocess.DEVNULL, stderr=log)
        end = time.monotonic() + START_MAX_S
        while not self.answers():
            ended = self.process.poll() is not None
            if ended or time.monotonic() > end:
                with open(self.place + "/log") as log:
                    said = log.read().strip().split("\n")[-1]
                self.end()
                how = "ended by itself" if ended else f"did not answer within {START_MAX_S} s"
                raise OSError(f"the server {how}; its last words: {said}")
            time.sleep(0.02)

    def end(self):
        if self.process is None:
            return
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process = None
        shutil.rmtree(self.place, ignore_errors=True)


class Redis(Server):
    def command(self):
        return ["redis-server", "--port", "0", "--unixsocket", self.place + "/s", "--dir", ROOT,
                "--save", "", "--appendonly", "yes", "--appendfsync", "always"]

    def ask(self, *words):
        with socket.socket(socket.AF_UNIX) as wire:
            wire.settimeout(10)
            wire.connect(self.place + "/s")
            text = b"*%d\r\n" % len(words)
            for word in words:
                text += b"$%d\r\n%s\r\n" % (len(word), word)
            wire.sendall(text)
            answer = wire.makefile("rb")
            line = answer.readline()
            if not line:
                raise OSError("the server closed the connection")
            if line[:1] == b"-":
                raise OSError(line.decode().strip())
            if line[:1] == b"$" and line != b"$-1\r\n":
                return answer.read(int(line[1:]))
            return line

    def answers(self):
        try:
            return self.ask(b"PING") == b"+PONG\r\n"
        except OSError:
            return False

    def close(self):
        try:
            self.ask(b"SHUTDOWN", b"NOSAVE")
        except OSError:
            pass
        self.end()

    def save(self, data):
        self.ask(b"SET", b"key", data)

    def load(self):
        return self.ask(b"GET", b"key")


class Postgresql(Server):
    # It refuses to run as root. In a user namespace root's files stay ours.
    SOMEBODY = ["unshare", "--user", "--map-user=1000", "--map-group=1000"]

    def programs(self):
        versions = sorted(os.listdir("/usr/lib/postgresql"), key=int)
        return f"/usr/lib/postgresql/{versions[-1]}/bin/"

    def open(self):
        if not os.path.exists(ROOT + "/data"):
            subprocess.run(self.SOMEBODY + [self.programs() + "initdb", "-U", "peer", "-A", "trust",
                                            "--wal-segsize=1", "-D", ROOT + "/data"],
                           check=True, stdout=subprocess.DEVNULL)
        super().open()

    def command(self):
        return self.SOMEBODY + [self.programs() + "postgres", "-D", ROOT + "/data", "-h", "",
                                "-k", self.place, "-c", "shared_buffers=4MB",
                                "-c", "max_wal_size=4MB", "-c", "min_wal_size=2MB",
                                "-c", "autovacuum=off"]

    def ask(self, statement):
        done = subprocess.run(["psql", "-h", self.place, "-U", "peer", "-d", "postgres", "-qtA",
                               "-v", "ON_ERROR_STOP=1", "-c", statement],
                              capture_output=True, text=True, timeout=60, check=False)
        if done.returncode != 0:
            raise OSError(done.stderr.strip().split("\n")[0])
        return done.stdout

    def answers(self):
        try:
            return self.ask("select 1") == "1\n"
        except (OSError, subprocess.TimeoutExpired):
            return False

    def close(self):
        self.end()

    def save(self, data):
        self.ask("create table if not exists t (id int primary key, data bytea)")
        self.ask(f"insert into t values (1, '\\x{data.hex()}') "
                 "on conflict (id) do update set data = excluded.data")

    def afterwards(self):
        self.ask("checkpoint")

    def load(self):
        return bytes.fromhex(self.ask("select encode(data, 'hex') from t").strip())


def free_port():
    """A server binds it later. Connections of other programs take ports from 32768 on
    (ip_local_port_range), so it lies below."""
    while True:
        with socket.socket() as probe:
            port = random.randrange(10000, 32768)
            try:
                probe.bind(("127.0.0.1", port))
                return port
            except OSError:
                pass  # somebody has it


class Etcd(Server):
    MORE = []

    def command(self):
        self.port = free_port()
        client = f"http://127.0.0.1:{self.port}"
        # A member alone is its own leader as soon as its time for an election is over.
        return ["etcd", "--data-dir", ROOT + "/etcd", "--listen-client-urls", client,
                "--advertise-client-urls", client,
                "--listen-peer-urls", f"http://127.0.0.1:{free_port()}",
                "--heartbeat-interval", "10", "--election-timeout", "100",
                "--logger", "zap", "--log-level", "error"] + self.MORE

    def answers(self):
        wire = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            wire.request("GET", "/health")
            return json.loads(wire.getresponse().read()).get("health") == "true"
        except (OSError, http.client.HTTPException, ValueError):
            return False
        finally:
            wire.close()

    def close(self):
        self.end()

    def state(self, command, *words, value=None):
        done = subprocess.run([os.environ["PEER_PERDURE"], "state", command,
                               f"etcd://127.0.0.1:{self.port}/peer/state", *words],
                              input=value, capture_output=True, text=True, timeout=60, check=False)
        if done.returncode != 0:
            raise OSError((done.stderr or done.stdout).strip().split("\n")[0])
        return done.stdout

    def save(self, data):
        self.state("set", "/data", "-", value=json.dumps(data.decode()))

    def load(self):
        self.state("verify")  # the previous generations, too
        return json.loads(self.state("get", "/data")).encode()


class EtcdNoFsync(Etcd):
    MORE = ["--unsafe-no-fsync"]


STORES = {"sqlite_wal": SqliteWal, "lmdb": Lmdb, "redis": Redis, "postgresql": Postgresql,
          "etcd": Etcd, "etcd_no_fsync": EtcdNoFsync}


def acknowledge(version):
    with socket.socket(socket.AF_UNIX) as wire:
        wire.connect(os.environ["CRASHLAB_ACK"])
        wire.sendall(f"{version}\n".encode())
        if wire.recv(64) != b"ok\n":
            sys.exit(3)


def attempt(version, what):
    """Whether it went well; else it is told, and the program ends unless it goes on."""
    try:
        what()
        return True
    except Exception as error:  # each store has errors of its own
        print(f"version {version}: {type(error).__name__}: {error}", flush=True)
        if "PEER_GOES_ON" not in os.environ:
            sys.exit(3)
        return False


def write(store, count):
    is_open = attempt(1, store.open)
    for version in range(1, count + 1):
        if not is_open:
            is_open = attempt(version, store.open)
        if is_open and attempt(version, lambda: store.save(content(version))):
            acknowledge(version)
            if hasattr(store, "afterwards"):
                is_open = attempt(version, store.afterwards)
        else:
            attempt(version, store.close)
            is_open = False
    attempt(count, store.close)


def judge(store, oldest):
    try:
        store.open()
        try:
            data = store.load()
        finally:
            store.close()
    except Exception as error:
        return f"{type(error).__name__}: {error}".split("\n")[0]
    if data is None:
        return "the value is gone"
    words = data[:24].split(b"\n")[0].split()
    if len(words) != 2 or not words[1].isdigit() or data != content(int(words[1])):
        return "the value is torn"
    if int(words[1]) >= oldest:
        return ""
    return f"version {oldest} was acknowledged, and version {int(words[1])} is there"


def serve(store, durable):
    for _ in sys.stdin:
        oldest = 0
        if durable:
            with open(os.environ["CRASHLAB_ACKED"]) as acked:
                oldest = int(([0] + acked.read().split())[-1])
        reason = judge(store, oldest)
        print("bad " + reason if reason else "good", flush=True)


def main():
    store = STORES[sys.argv[1]]()
    command = sys.argv[2]
    if command == "serve":
        serve(store, sys.argv[3] == "durable")
    elif command == "setup":
        store.open()
        store.save(content(0))
        store.close()
    else:
        write(store, int(sys.argv[3]))


main()
