#!/usr/bin/env python3
"""Many kinds of clients at once against one server, each checking what the protocol promises it.

usage: stress_clients.py HOST:PORT [--seconds N] [--crowd N] [--seed N]

Pipelined writers check that each read sits between its own writes and that zxids never go back. Watchers check that
no reply shows a change before its notification. Others re-attach sessions from connection to connection, drop
connections in mid-request, never read what they are sent, and ask four-letter words all the while.
The server must allow every word, many connections, and sessions of 4 seconds. Speaks the wire protocol itself and
needs nothing but Python. Exit codes: 0 every promise kept, 1 one was broken, 2 bad arguments.
"""
import argparse
import random
import resource
import socket
import struct
import sys
import threading
import time
import traceback

CREATE, DELETE, EXISTS, GET, SET, PING, CHILDREN, ADD_WATCH, CLOSE = 1, 2, 3, 4, 5, 11, 12, 106, -11
OPEN_ACL = struct.pack(">ii", 1, 31) + struct.pack(">i", 5) + b"world" + struct.pack(">i", 6) + b"anyone"
WORDS = "conf cons crst dirs dump envi gtmk hash ruok srst srvr stat wchc wchp wchs mntr isro".split()


class Broken(Exception):
    """A promise of the protocol was not kept."""


class Expired(Exception):
    """The session is gone."""


def text(value):
    raw = value if isinstance(value, bytes) else value.encode()
    return struct.pack(">i", len(raw)) + raw


class Client:
    """One connection; requests go out when `flush` is called, so that they are pipelined."""

    def __init__(self, session=(0, b"\0" * 16)):
        self.socket = socket.create_connection(ADDRESS, timeout=60)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.incoming, self.outgoing = bytearray(), bytearray()
        self.xid, self.zxid = 0, 0
        self.frame(struct.pack(">iqiq", 0, 0, 10_000, session[0]) + text(session[1]) + b"\0")
        self.flush()
        frame = self.take_frame()
        timeout, identifier = struct.unpack(">iq", frame[4:16])
        if timeout <= 0:
            raise Expired()
        self.session = (identifier, frame[20:36])

    def frame(self, payload):
        self.outgoing += struct.pack(">i", len(payload)) + payload

    def flush(self):
        self.socket.sendall(self.outgoing)
        self.outgoing.clear()

    def request(self, opcode, body=b""):
        self.xid += 1
        self.frame(struct.pack(">ii", self.xid, opcode) + body)
        return self.xid

    def create(self, path, data=b"x", flags=0):
        return self.request(CREATE, text(path) + text(data) + OPEN_ACL + struct.pack(">i", flags))

    def set(self, path, data):
        return self.request(SET, text(path) + text(data) + struct.pack(">i", -1))

    def get(self, path, watch=False):
        return self.request(GET, text(path) + (b"\1" if watch else b"\0"))

    def take_frame(self):
        while True:
            if len(self.incoming) >= 4:
                length = struct.unpack(">i", self.incoming[:4])[0]
                if len(self.incoming) >= 4 + length:
                    frame = bytes(self.incoming[4:4 + length])
                    del self.incoming[:4 + length]
                    return frame
            received = self.socket.recv(1 << 16)
            if not received:
                raise ConnectionError("the server ended the connection")
            self.incoming += received

    def take(self):
        """The next reply or notification as (xid, zxid, error, body)."""
        frame = self.take_frame()
        xid, zxid, error = struct.unpack(">iqi", frame[:16])
        if xid > 0:
            if zxid < self.zxid:
                raise Broken(f"zxid went back from {self.zxid:#x} to {zxid:#x}")
            self.zxid = zxid
        return xid, zxid, error, frame[16:]

    def reply(self, xid):
        got = self.take()
        if got[0] != xid:
            raise Broken(f"reply {got[0]} came where {xid} was due")
        return got

    def abort(self):
        """Resets the connection, whatever is under way."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    def close(self):
        xid = self.request(CLOSE)
        self.flush()
        while self.take()[0] != xid:
            pass
        self.socket.close()


def data_and_mzxid(body):
    length = struct.unpack(">i", body[:4])[0]
    return body[4:4 + length], struct.unpack(">q", body[4 + length + 8:4 + length + 16])[0]


def pipelined(number, rng):
    """Sets and gets in one stream: each get shows the set before it and not the one after."""
    client, path, round_number = Client(), f"/stress/own{number}", 0
    client.create(path)
    client.flush()
    client.take()
    while running():
        round_number += 1
        expected = []
        for step in range(rng.randint(1, 40)):
            value = f"{round_number}.{step}".encode()
            if rng.random() < 0.3:
                value += b"." * 2000
            expected.append((client.set(path, value), None))
            for _ in range(rng.randint(0, 3)):
                expected.append((client.get(path), value))
        client.flush()
        for xid, value in expected:
            _, _, error, body = client.reply(xid)
            if error != 0:
                raise Broken(f"error {error}")
            if value is not None and data_and_mzxid(body)[0] != value:
                raise Broken(f"{path}: read {data_and_mzxid(body)[0][:20]} where {value[:20]} stood")
    client.close()


def watcher(number, rng):
    """A persistent watch, recursive or not: whatever a reply shows has been notified before."""
    client, paths = Client(), [f"/stress/own{index}" for index in range(PIPELINED)] + ["/stress/churn"]
    recursive = number % 2 == 0
    for path in ["/stress"] if recursive else paths:
        client.request(ADD_WATCH, text(path) + struct.pack(">i", 1 if recursive else 0))
    seen = {path: client.get(path) for path in paths}
    first, notified = {xid: path for path, xid in seen.items()}, {path: 0 for path in paths}
    client.flush()
    while running():
        asked = {}
        for _ in range(rng.randint(1, 20)):
            path = rng.choice(paths)
            asked[client.get(path)] = path
        client.flush()
        asked.update(first)
        while asked:
            xid, zxid, error, body = client.take()
            if xid == -1:
                length = struct.unpack(">i", body[8:12])[0]
                path = body[12:12 + length].decode()
                notified[path] = max(notified.get(path, 0), zxid)
                continue
            path = asked.pop(xid, None)
            if error != 0 or path is None:
                continue
            mzxid = data_and_mzxid(body)[1]
            if xid in first:
                notified[path] = max(notified[path], mzxid)
                del first[xid]
            elif mzxid > notified[path]:
                raise Broken(f"{path}: change {mzxid:#x} seen, last notified {notified[path]:#x}")
    client.close()


def one_shot(number, rng):
    """One-shot watches, set again by a read behind each of its own writes."""
    client, path = Client(), "/stress/churn"
    while running():
        wrote = client.set(path, f"{number}")
        read = client.get(path, watch=True)
        client.flush()
        while client.take()[0] != wrote:
            pass
        while client.take()[0] != read:
            pass
    client.close()


def wanderer(number, rng):
    """Moves its session from connection to connection, with requests under way, and keeps its ephemeral znode."""
    client, path = Client(), f"/stress/ephemeral{number}"
    client.create(path, flags=1)
    client.flush()
    client.take()
    while running():
        for _ in range(rng.randint(0, 30)):
            client.set(path, str(rng.random())) if rng.random() < 0.5 else client.get(path, watch=True)
        client.flush()
        old = client
        abrupt = rng.random() < 0.5
        if abrupt:
            old.abort()
        client = Client(old.session)
        check = client.get(path)
        client.flush()
        while True:
            xid, _, error, _ = client.take()
            if xid == check:
                break
        if error != 0:
            raise Broken(f"{path} has gone (error {error}) though its session lives")
        if not abrupt:
            old.socket.close()
    client.close()


def dropper(number, rng):
    """Opens, creates and deletes, and is gone in the middle of it; its sessions expire."""
    while running():
        client = Client()
        for index in range(rng.randint(1, 20)):
            path = f"/stress/gone{number}-{index % 4}"
            client.create(path, flags=rng.choice([0, 1]))
            client.request(CHILDREN, text("/stress") + b"\1")
            client.get(path, watch=True)
            client.request(DELETE, text(path) + struct.pack(">i", -1))
        client.flush()
        if rng.random() < 0.3:
            client.take_frame()
        client.abort() if rng.random() < 0.7 else client.close()


def deaf(number, rng):
    """Watches everything, asks much, and never reads: nobody else may notice."""
    while running():
        client = Client()
        client.socket.settimeout(1)
        client.request(ADD_WATCH, text("/stress") + struct.pack(">i", 1))
        try:
            for _ in range(200):
                for index in range(50):
                    client.get(f"/stress/own{index % PIPELINED}")
                client.flush()
        except (socket.timeout, ConnectionError):
            pass
        end = time.monotonic() + rng.uniform(0.5, 8)
        while running() and time.monotonic() < end:
            time.sleep(0.1)
        client.abort()


def words(number, rng):
    """Four-letter words, all of them."""
    while running():
        word = rng.choice(WORDS)
        with socket.create_connection(ADDRESS, timeout=60) as connection:
            connection.sendall(word.encode())
            answer = b""
            while True:
                received = connection.recv(1 << 16)
                if not received:
                    break
                answer += received
        if word == "ruok" and answer != b"imok":
            raise Broken(f"ruok was answered {answer[:40]}")
        time.sleep(0.01)


def monitor():
    """The numbers of the word `mntr`."""
    with socket.create_connection(ADDRESS, timeout=60) as connection:
        connection.sendall(b"mntr")
        answer = b""
        while received := connection.recv(1 << 16):
            answer += received
    fields = (line.split("\t") for line in answer.decode().splitlines())
    return {name: int(value) for name, value in fields if value.isdigit()}


def crowd(count):
    """Very many connections, all dropped at once: no trace of them stays."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    before = monitor()
    connections = []
    for index in range(min(count, hard - 100)):
        # Some with a session, some with half a handshake, some silent.
        if index % 4 == 0:
            connections.append(Client().socket)
        else:
            connection = socket.create_connection(ADDRESS, timeout=60)
            connection.sendall(b"\0" * (index % 4 - 1))
            connections.append(connection)
    for connection in connections:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.close()
    deadline = time.monotonic() + 30
    while True:
        now = monitor()
        alive, files = now["zk_num_alive_connections"], now["zk_open_file_descriptor_count"]
        others = before["zk_num_alive_connections"]
        # Snapshots and log segments come and go.
        if alive <= others and files <= before["zk_open_file_descriptor_count"] + 4:
            return
        if time.monotonic() > deadline:
            raise Broken(f"of {len(connections)} dropped connections {alive - others} live on, files: {files}")
        time.sleep(0.1)


def running():
    return time.monotonic() < END and not FAILURES


def guard(kind, number, seed):
    try:
        kind(number, random.Random(f"{seed}-{kind.__name__}-{number}"))
        COMPLETED.append(kind.__name__)
    except Exception as error:  # every failure of a client fails the run
        where = traceback.extract_tb(error.__traceback__)[1].lineno
        FAILURES.append(f"{kind.__name__} {number}, line {where}: {type(error).__name__}: {error}")


def main():
    global ADDRESS, END
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("server", metavar="HOST:PORT")
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--crowd", type=int, default=0, metavar="N", help="in the end, drop N connections at once")
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 32))
    arguments = parser.parse_args()
    host, _, port = arguments.server.rpartition(":")
    ADDRESS, END = (host, int(port)), time.monotonic() + arguments.seconds
    setup = Client()
    for path in ["/stress", "/stress/churn"] + [f"/stress/own{index}" for index in range(PIPELINED)]:
        setup.create(path)
    setup.flush()
    for _ in range(PIPELINED + 2):
        setup.take()
    setup.close()
    kinds = [(pipelined, PIPELINED), (watcher, 6), (one_shot, 3), (wanderer, 6), (dropper, 4), (deaf, 3), (words, 3)]
    threads = [
        threading.Thread(target=guard, args=(kind, number, arguments.seed))
        for kind, count in kinds for number in range(count)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if arguments.crowd and not FAILURES:
        try:
            crowd(arguments.crowd)
        except Broken as error:
            FAILURES.append(str(error))
    for failure in FAILURES:
        print(f"FAILED {failure} (--seed {arguments.seed})")
    print(f"{len(COMPLETED)} of {len(threads)} clients ended well")
    return 1 if FAILURES else 0


PIPELINED = 6
FAILURES, COMPLETED = [], []
if __name__ == "__main__":
    sys.exit(main())
