#!/usr/bin/env python3
"""kazoo clients that hold locks and ephemeral nodes while the servers of their ensemble are replaced one by one.

usage: rolling_clients.py HOST:PORT[,HOST:PORT...] STOPFILE

Holders take a lock and an ephemeral node each and keep both to the end, writing and reading all the while. Contenders
pass one lock among themselves, and under it raise a counter that each of them reads without sync. The counter's znode,
/rolling/counter, shows the progress. Ends when STOPFILE exists. Prints PASS or FAIL lines and a summary; the exit code
is 0 only when no session was lost, no lock was held twice, and no acknowledged write went missing.
"""
import logging
import os
import sys
import threading
import time
import traceback

from kazoo.client import KazooClient
from kazoo.exceptions import NodeExistsError
from kazoo.protocol.states import KazooState
from kazoo.retry import KazooRetry

logging.disable(logging.CRITICAL)
HOLDERS, CONTENDERS = 4, 4
SESSION_SECONDS = 30.0


class Run:
    """What the threads share; guarded by its lock."""

    def __init__(self, hosts, stop_file):
        self.hosts, self.stop_file = hosts, stop_file
        self.lock = threading.Lock()
        self.problems, self.writes, self.turns, self.suspensions = [], 0, 0, 0
        self.holder, self.counter = None, 0
        self.ready = threading.Barrier(HOLDERS + CONTENDERS + 1)

    def problem(self, text):
        with self.lock:
            self.problems.append(text)

    def is_over(self):
        return os.path.exists(self.stop_file)

    def client(self, name):
        def patient():
            return KazooRetry(max_tries=-1, delay=0.05, backoff=1.5, max_delay=0.5)

        zk = KazooClient(
            hosts=self.hosts, timeout=SESSION_SECONDS, connection_retry=patient(), command_retry=patient()
        )

        def listen(state):
            if state == KazooState.SUSPENDED:
                with self.lock:
                    self.suspensions += 1
            if state == KazooState.LOST and not self.is_over():
                self.problem("%s lost its session" % name)

        zk.add_listener(listen)
        zk.start(timeout=60)
        return zk


def hold(run, number):
    """Holds a lock and an ephemeral node from the beginning to the end."""
    name = "holder %d" % number
    zk = run.client(name)
    session = zk.client_id[0]
    lock = zk.Lock("/rolling/lock-%d" % number, name)
    if not lock.acquire(timeout=60):
        return run.problem("%s cannot take a lock of its own" % name)
    path, own = "/rolling/ephemeral-%d" % number, "/rolling/own-%d" % number
    try:
        zk.retry(zk.create, path, b"", ephemeral=True)
    except NodeExistsError:
        pass  # the first attempt took effect, though its answer was lost
    zk.retry(zk.ensure_path, own)
    run.ready.wait(60)
    value = 0
    while not run.is_over():
        value += 1
        zk.retry(zk.set, own, b"%d" % value)
        seen = int(zk.retry(zk.get, own)[0])
        if seen != value:
            run.problem("%s wrote %d and read %d" % (name, value, seen))
        with run.lock:
            run.writes += 1
        time.sleep(0.005)
    zk.retry(zk.sync, path)
    stat = zk.retry(zk.exists, path)
    if stat is None or stat.ephemeralOwner != session or zk.client_id[0] != session:
        run.problem("%s has not its ephemeral node any more" % name)
    if zk.retry(lock.contenders) != [name]:
        run.problem("%s has not its lock any more" % name)
    lock.release()
    zk.stop()
    zk.close()


def contend(run, number):
    """Takes the common lock again and again."""
    name = "contender %d" % number
    zk = run.client(name)
    lock = zk.Lock("/rolling/common", name)
    run.ready.wait(60)
    while not run.is_over():
        if not lock.acquire(timeout=120):
            return run.problem("%s did not get the lock in two minutes" % name)
        with run.lock:
            if run.holder is not None:
                run.problems.append("%s has the lock that %s holds" % (name, run.holder))
            run.holder, expected = name, run.counter
        seen = int(zk.retry(zk.get, "/rolling/counter")[0])
        if seen != expected:
            run.problem("%s read %d under the lock, %d was acknowledged" % (name, seen, expected))
        zk.retry(zk.set, "/rolling/counter", b"%d" % (expected + 1))
        with run.lock:
            run.holder, run.counter = None, expected + 1
            run.turns += 1
        lock.release()
    zk.stop()
    zk.close()


def guarded(run, function, number):
    try:
        function(run, number)
    except Exception:
        run.problem("%s %d: %s" % (function.__name__, number, traceback.format_exc()))


def main():
    if len(sys.argv) != 3:
        print(__doc__, file=sys.stderr)
        return 2
    run = Run(sys.argv[1], sys.argv[2])
    setup = run.client("setup")
    setup.ensure_path("/rolling")
    setup.create("/rolling/counter", b"0")
    threads = [threading.Thread(target=guarded, args=(run, hold, n), daemon=True) for n in range(HOLDERS)]
    threads += [threading.Thread(target=guarded, args=(run, contend, n), daemon=True) for n in range(CONTENDERS)]
    for thread in threads:
        thread.start()
    try:
        run.ready.wait(120)
    except threading.BrokenBarrierError:
        run.problem("not all clients came to their work")
    print("READY", flush=True)
    while not run.is_over():
        time.sleep(0.05)
    deadline = time.monotonic() + 120
    for thread in threads:
        thread.join(max(0, deadline - time.monotonic()))
    if any(thread.is_alive() for thread in threads):
        run.problem("a client does not end")
    for problem in run.problems:
        print("FAIL %s" % problem)
    print("%d writes of holders, %d turns of the common lock, %d suspensions"
          % (run.writes, run.turns, run.suspensions))
    if not run.problems:
        print("PASS rolling")
    sys.stdout.flush()
    os._exit(1 if run.problems else 0)  # kazoo's threads may hang on servers that are gone


if __name__ == "__main__":
    sys.exit(main())
