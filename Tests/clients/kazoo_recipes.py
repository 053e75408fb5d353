#!/usr/bin/env python3
"""Uses one of kazoo's recipes at a path that others use too.

usage: kazoo_recipes.py HOSTS KIND PATH ROUNDS

First it holds the lock once, in step with the other side: it makes PATH-held when it has it and gives it back once
PATH-release is there. Then it takes it ROUNDS times, and checks each time, by its own ephemeral znode below PATH-guard,
that nobody is in who must not be. Prints what it saw as the last line.
"""
import logging
import sys
import time

from kazoo.client import KazooClient
from kazoo.exceptions import LockTimeout
from kazoo.retry import KazooRetry

logging.basicConfig(level=logging.ERROR)
hosts, kind, path, rounds = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])
endless = KazooRetry(max_tries=-1, max_delay=0.2)
client = KazooClient(hosts=hosts, timeout=20, connection_retry=endless, command_retry=endless)
client.start(timeout=60)


def wait_for(node):
    deadline = time.monotonic() + 60
    while not client.exists(node):
        if time.monotonic() > deadline:
            sys.exit("%s did not come" % node)
        time.sleep(0.01)


class Visit:
    """Being inside, as all can see it; `found` are those inside who must not be there."""

    def __init__(self, shared):
        self.shared = shared

    def __enter__(self):
        mine = client.create("%s-guard/%s-" % (path, "r" if self.shared else "w"), ephemeral=True, sequence=True)
        self.node = mine
        others = [name for name in client.get_children(path + "-guard") if not mine.endswith("/" + name)]
        self.found = [name for name in others if not self.shared or name.startswith("w-")]
        return self

    def __exit__(self, *_):
        client.delete(self.node)


def contend(lock, shared=False):
    with lock:
        client.create(path + "-held")
        wait_for(path + "-release")
    violations = 0
    for _ in range(rounds):
        with lock:
            with Visit(shared) as visit:
                violations += len(visit.found)
    print("rounds %d violations %d" % (rounds, violations))


# Others' names as patterns: with them kazoo sees Curator's contenders, and those that are named like them.
curator = ["-lock-"]
curator_shared = ["__READ__", "__WRIT__"]

if kind == "lock":
    contend(client.Lock(path))
elif kind == "lock-patterns":
    contend(client.Lock(path, extra_lock_patterns=curator))
elif kind == "read":
    contend(client.ReadLock(path), shared=True)
elif kind == "write":
    contend(client.WriteLock(path))
elif kind == "read-patterns":
    contend(client.ReadLock(path, extra_lock_patterns=curator_shared[1:]), shared=True)
elif kind == "write-patterns":
    contend(client.WriteLock(path, extra_lock_patterns=curator_shared))
elif kind == "election":
    terms = []

    def lead():
        if not terms:
            client.create(path + "-held")
            wait_for(path + "-release")
            terms.append(0)
            return
        with Visit(False) as visit:
            terms.append(len(visit.found))

    election = client.Election(path, "kazoo")
    for _ in range(rounds + 1):
        election.run(lead)
    print("rounds %d violations %d" % (len(terms) - 1, sum(terms)))
elif kind in ("counter", "counter-curator"):
    counter = client.Counter(path, support_curator=kind == "counter-curator")
    for _ in range(rounds):
        counter += 1
    print("rounds %d violations 0" % rounds)
elif kind == "queue":
    queue = client.LockingQueue(path)
    for number in range(rounds):
        queue.put(b"kazoo-%d" % number)
    taken = []
    while len(taken) < rounds:
        value = queue.get(timeout=30)
        if value is None:
            sys.exit("nothing came; so far %s" % taken)
        if queue.consume():
            taken.append(value.decode())
    print("rounds %d violations 0 taken %s" % (rounds, ",".join(taken)))
else:
    sys.exit("no such kind: " + kind)
client.stop()
