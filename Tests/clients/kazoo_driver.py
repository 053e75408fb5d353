#!/usr/bin/env python3
"""Drives a ZooKeeper-compatible server through every operation that kazoo has.

usage: kazoo_driver.py HOST:PORT

The server needs tickTime=500 or less, extendedTypesEnabled=true, and its four-letter words allowed.
Prints one PASS line for each scenario; the exit code is 0 only when all passed.
"""
import logging
import socket
import sys
import threading
import time
import traceback

from kazoo.client import KazooClient
from kazoo.exceptions import (
    BadVersionError,
    InvalidACLError,
    NoAuthError,
    NoChildrenForEphemeralsError,
    NodeExistsError,
    NoNodeError,
    NotEmptyError,
    RolledBackError,
    RuntimeInconsistency,
)
from kazoo.protocol.states import EventType, KazooState
from kazoo.recipe.counter import Counter
from kazoo.recipe.lock import Lock, Semaphore
from kazoo.recipe.election import Election
from kazoo.recipe.queue import LockingQueue, Queue
from kazoo.recipe.barrier import Barrier, DoubleBarrier
from kazoo.recipe.party import Party
from kazoo.recipe.watchers import ChildrenWatch, DataWatch
from kazoo.recipe.cache import TreeCache
from kazoo.security import ACL, Id, make_acl, make_digest_acl

logging.disable(logging.CRITICAL)
HOSTS = sys.argv[1] if len(sys.argv) > 1 else "127.0.0.1:2181"
SCENARIOS = []


def scenario(function):
    SCENARIOS.append(function)
    return function


def client(timeout=10.0, **options):
    zk = KazooClient(hosts=HOSTS, timeout=timeout, **options)
    zk.start(timeout=20)
    return zk


def finish(*clients):
    for zk in clients:
        zk.stop()
        zk.close()


def raises(kind, function, *arguments, **options):
    try:
        function(*arguments, **options)
    except kind as error:
        return error
    raise AssertionError(f"{function.__name__}{arguments} did not raise {kind}")


def wait_until(condition, seconds=15, what="condition"):
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"{what}: not within {seconds} s")
        time.sleep(0.01)


class Events:
    """Collects watch events."""

    def __init__(self):
        self.list = []
        self.lock = threading.Condition()

    def __call__(self, event):
        with self.lock:
            self.list.append((event.type, event.path))
            self.lock.notify_all()

    def expect(self, *wanted, seconds=10):
        with self.lock:
            self.lock.wait_for(lambda: len(self.list) >= len(wanted), seconds)
            got, self.list = self.list, []
        assert got == list(wanted), f"events {got}, not {list(wanted)}"


def four_letter_word(word):
    host, port = HOSTS.split(",")[0].split(":")
    with socket.create_connection((host, int(port)), 10) as connection:
        connection.sendall(word.encode())
        parts = []
        while part := connection.recv(65536):
            parts.append(part)
    return b"".join(parts).decode()


@scenario
def create_modes(zk, root):
    assert zk.create(root + "/p", b"data") == root + "/p"
    assert zk.create(root + "/s-", b"", sequence=True) == root + "/s-0000000001"
    assert zk.create(root + "/e", b"", ephemeral=True) == root + "/e"
    assert zk.create(root + "/es-", b"", ephemeral=True, sequence=True) == root + "/es-0000000003"
    path, stat = zk.create(root + "/with-stat", b"12345", include_data=True)
    assert path == root + "/with-stat" and stat.dataLength == 5 and stat.version == 0
    assert zk.create(root + "/x/y/z", makepath=True) == root + "/x/y/z"
    assert zk.exists(root + "/e").ephemeralOwner == zk.client_id[0]
    assert zk.exists(root + "/p").ephemeralOwner == 0
    raises(NodeExistsError, zk.create, root + "/p")
    raises(NoNodeError, zk.create, root + "/nothing/below")
    raises(NoChildrenForEphemeralsError, zk.create, root + "/e/child")


@scenario
def read_write_delete(zk, root):
    path = root + "/n"
    zk.create(path, b"one")
    data, stat = zk.get(path)
    assert data == b"one" and stat.version == 0 and stat.dataLength == 3 and stat.numChildren == 0
    assert stat.czxid == stat.mzxid == stat.pzxid and stat.ctime == stat.mtime > 1_600_000_000_000
    changed = zk.set(path, b"two", version=0)
    assert changed.version == 1 and changed.mzxid > changed.czxid
    raises(BadVersionError, zk.set, path, b"three", version=0)
    assert zk.get(path)[0] == b"two"
    zk.create(path + "/child")
    assert zk.get_children(path) == ["child"]
    children, stat = zk.get_children(path, include_data=True)
    assert children == ["child"] and stat.cversion == 1 and stat.numChildren == 1
    raises(NotEmptyError, zk.delete, path)
    zk.delete(path + "/child")
    raises(BadVersionError, zk.delete, path, version=7)
    zk.delete(path, version=1)
    assert zk.exists(path) is None
    for function in (zk.get, zk.get_children, zk.delete, zk.get_acls):
        raises(NoNodeError, function, path)
    raises(NoNodeError, zk.set, path, b"")
    zk.create(path + "-deep/a/b/c", makepath=True)
    zk.delete(path + "-deep", recursive=True)
    assert zk.exists(path + "-deep") is None
    big = bytes(range(256)) * 3900
    zk.create(path, big)
    assert zk.get(path)[0] == big
    assert zk.sync(path) == path
    assert zk.ensure_path(path)


@scenario
def unicode_and_binary(zk, root):
    path = root + "/käse-\u4e2d\u6587"
    zk.create(path, b"\x00\xff\x00")
    assert zk.get(path)[0] == b"\x00\xff\x00"
    assert zk.get_children(root) == ["käse-\u4e2d\u6587"]


@scenario
def access_control(zk, root):
    alice = client(auth_data=[("digest", "alice:wonder")])
    own = root + "/own"
    alice.create(own, b"secret", acl=[make_acl("auth", "", all=True)])
    acls, stat = alice.get_acls(own)
    assert acls == [make_digest_acl("alice", "wonder", all=True)] and stat.aversion == 0
    raises(NoAuthError, zk.get, own)
    raises(NoAuthError, zk.set, own, b"")
    raises(NoAuthError, zk.set_acls, own, [make_acl("world", "anyone", all=True)])
    raises(NoAuthError, zk.create, own + "/child")
    raises(InvalidACLError, zk.create, root + "/bad", acl=[make_acl("auth", "", all=True)])
    raises(InvalidACLError, zk.create, root + "/bad", acl=[ACL(31, Id("nonsense", "x"))])
    stat = alice.set_acls(own, [make_acl("world", "anyone", read=True), make_acl("auth", "", all=True)])
    assert stat.aversion == 1
    assert zk.get(own)[0] == b"secret"
    raises(NoAuthError, zk.set, own, b"")
    raises(BadVersionError, alice.set_acls, own, [make_acl("world", "anyone", all=True)], version=9)
    zk.create(root + "/ip", acl=[make_acl("ip", "127.0.0.1", all=True)])
    zk.set(root + "/ip", b"by address")
    zk.add_auth("digest", "alice:wonder")
    zk.set(own, b"after authentication")
    super_client = client(auth_data=[("digest", "super:secret")])
    super_client.create(root + "/closed", acl=[make_digest_acl("nobody", "knows", all=True)])
    super_client.set(root + "/closed", b"super may")
    raises(NoAuthError, zk.get, root + "/closed")
    super_client.delete(root + "/closed")
    finish(alice, super_client)


@scenario
def transactions(zk, root):
    t = zk.transaction()
    t.create(root + "/a", b"1")
    t.create(root + "/a/s-", sequence=True)
    t.create(root + "/a/e", ephemeral=True)
    t.set_data(root + "/a", b"2", version=0)
    t.check(root + "/a", version=1)
    t.delete(root + "/a/e")
    results = t.commit()
    assert results[0] == root + "/a" and results[1] == root + "/a/s-0000000000", results
    assert results[2] == root + "/a/e" and results[3].version == 1 and results[4] is True and results[5] is True
    assert zk.get(root + "/a")[0] == b"2"
    t = zk.transaction()
    t.create(root + "/b")
    t.check(root + "/a", version=99)
    t.create(root + "/c")
    results = t.commit()
    assert [type(r) for r in results] == [RolledBackError, BadVersionError, RuntimeInconsistency], results
    assert zk.exists(root + "/b") is None and zk.exists(root + "/c") is None


@scenario
def one_shot_watches(zk, root):
    other = client()
    events = Events()
    path = root + "/w"
    assert zk.exists(path, watch=events) is None
    other.create(path, b"1")
    events.expect((EventType.CREATED, path))
    zk.get(path, watch=events)
    other.set(path, b"2")
    events.expect((EventType.CHANGED, path))
    other.set(path, b"3")
    zk.get_children(path, watch=events)
    other.create(path + "/child")
    events.expect((EventType.CHILD, path))
    zk.exists(path + "/child", watch=events)
    other.delete(path + "/child")
    events.expect((EventType.DELETED, path + "/child"))
    zk.get(path, watch=events)
    zk.get_children(path, watch=events)
    other.delete(path)
    events.expect((EventType.DELETED, path), (EventType.DELETED, path))
    zk.sync(root)
    assert events.list == []
    finish(other)


@scenario
def reattachment(zk, root):
    mine = client(timeout=20.0)
    session = mine.client_id
    mine.create(root + "/ephemeral", ephemeral=True)
    states = []
    mine.add_listener(states.append)
    mine._connection._socket.shutdown(socket.SHUT_RDWR)
    wait_until(lambda: KazooState.SUSPENDED in states and states[-1] == KazooState.CONNECTED, what="reconnection")
    assert mine.client_id == session and KazooState.LOST not in states
    assert mine.exists(root + "/ephemeral").ephemeralOwner == session[0]
    events = Events()
    mine.get(root + "/ephemeral", watch=events)
    zk.set(root + "/ephemeral", b"seen after re-attachment")
    events.expect((EventType.CHANGED, root + "/ephemeral"))
    finish(mine)
    wait_until(lambda: zk.exists(root + "/ephemeral") is None, what="ephemeral removed on close")


@scenario
def expiry(zk, root):
    host, port = HOSTS.split(",")[0].split(":")
    mine = client(timeout=2.0)
    mine.create(root + "/mortal", ephemeral=True)
    gone = Events()
    zk.exists(root + "/mortal", watch=gone)
    states = []
    mine.add_listener(states.append)
    # The connection breaks and cannot come back until the session is dead.
    real = mine.handler.create_connection

    def refuse(*_, **__):
        raise OSError("refused by the test")

    mine.handler.create_connection = refuse
    mine._connection._socket.shutdown(socket.SHUT_RDWR)
    wait_until(lambda: zk.exists(root + "/mortal") is None, seconds=30, what="ephemeral of a dead session")
    gone.expect((EventType.DELETED, root + "/mortal"))
    old = mine.client_id
    mine.handler.create_connection = real
    wait_until(lambda: states and states[-1] == KazooState.CONNECTED, seconds=30, what="a new session")
    assert KazooState.LOST in states and mine.client_id != old, states
    finish(mine)


@scenario
def recipes(zk, root):
    other = client()
    lock, rival = Lock(zk, root + "/lock", "one"), Lock(other, root + "/lock", "two")
    assert lock.acquire(timeout=10) and not rival.acquire(blocking=False)
    assert lock.contenders()[0] == "one"
    lock.release()
    assert rival.acquire(timeout=10)
    rival.release()
    semaphore = Semaphore(zk, root + "/semaphore", max_leases=2)
    assert semaphore.acquire(timeout=10)
    semaphore.release()
    counter = Counter(zk, root + "/counter")
    counter += 5
    counter -= 2
    assert Counter(other, root + "/counter").value == 3
    queue = Queue(zk, root + "/queue")
    for value in (b"first", b"second"):
        queue.put(value)
    assert [queue.get(), queue.get(), queue.get()] == [b"first", b"second", None]
    locking = LockingQueue(zk, root + "/locking")
    locking.put(b"job")
    assert locking.get(timeout=10) == b"job" and locking.consume()
    elected = []
    Election(zk, root + "/election", "me").run(lambda: elected.append(1))
    assert elected == [1]
    barrier = Barrier(zk, root + "/barrier")
    barrier.create()
    threading.Timer(0.1, Barrier(other, root + "/barrier").remove).start()
    assert barrier.wait(10)
    doubles = [DoubleBarrier(c, root + "/double", 2) for c in (zk, other)]
    threads = [threading.Thread(target=lambda d=d: (d.enter(), d.leave())) for d in doubles]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
        assert not thread.is_alive()
    party = Party(zk, root + "/party", "guest")
    party.join()
    assert list(Party(other, root + "/party")) == ["guest"]
    party.leave()
    seen = []
    zk.create(root + "/watched", b"0")
    DataWatch(zk, root + "/watched", lambda data, stat: seen.append(data))
    lists = []
    ChildrenWatch(zk, root + "/watched", lambda children: lists.append(sorted(children)))
    other.set(root + "/watched", b"1")
    other.create(root + "/watched/a")
    wait_until(lambda: seen[-1] == b"1" and lists[-1] == ["a"], what="recipe watchers")
    cache = TreeCache(zk, root + "/watched")
    cache.start()
    wait_until(lambda: cache.get_data(root + "/watched/a") is not None, what="tree cache")
    cache.close()
    finish(other)


@scenario
def pipelining(zk, root):
    count = 3000
    creations = [zk.create_async(f"{root}/n-", str(i).encode(), sequence=True) for i in range(count)]
    paths = [c.get(60) for c in creations]
    assert paths == [f"{root}/n-{i:010d}" for i in range(count)]
    reads = [zk.get_async(path) for path in paths]
    assert [r.get(60)[0] for r in reads] == [str(i).encode() for i in range(count)]


@scenario
def chroot(zk, root):
    inner = KazooClient(hosts=HOSTS + root)
    inner.start(timeout=20)
    inner.create("/below", b"x")
    assert zk.get(root + "/below")[0] == b"x"
    finish(inner)


@scenario
def four_letter_words(zk, root):
    assert four_letter_word("ruok") == "imok"
    server = four_letter_word("srvr")
    assert "Zxid: 0x" in server and "Node count: " in server, server
    mode = next(line for line in server.splitlines() if line.startswith("Mode: "))[len("Mode: ") :]
    assert mode in ("standalone", "leader", "follower", "observer"), server
    monitor = dict(line.split("\t", 1) for line in four_letter_word("mntr").splitlines() if "\t" in line)
    assert monitor["zk_server_state"] == mode and int(monitor["zk_znode_count"]) > 4, monitor
    assert int(monitor["zk_num_alive_connections"]) >= 1
    assert zk.server_version()[0] == 3
    assert four_letter_word("isro") == "rw"
    assert f"0x{zk.client_id[0]:x}" in four_letter_word("cons")


def main():
    failures = 0
    zk = client()
    for function in SCENARIOS:
        root = f"/kazoo-{function.__name__}-{int(time.time() * 1000)}"
        try:
            zk.create(root)
            note = function(zk, root)
            print(f"PASS kazoo {function.__name__}" + (f" ({note})" if note else ""), flush=True)
        except Exception:
            failures += 1
            print(f"FAIL kazoo {function.__name__}\n{traceback.format_exc()}", flush=True)
    finish(zk)
    print(f"{len(SCENARIOS) - failures} passed, {failures} failed")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
