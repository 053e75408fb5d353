"""usage: kazoo_overhead.py host:port window reads bytes

Reads a znode over and over, so many at once; prints one line of JSON (ClientReadSample). Each reply's callback asks for
the next read, which costs kazoo the least.
"""
import resource
import sys
import threading
import time

import kazoo.version
from kazoo.client import KazooClient


def cpu():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def run(client, path, window, count, size):
    """All callbacks are kazoo's one completion thread's."""
    finished = threading.Event()
    failures = []
    left = {"send": count - min(window, count), "come": count}

    def took(result):
        try:
            if len(result.get()[0]) != size:
                raise ValueError("a read returned another number of bytes")
        except Exception as error:
            failures.append(error)
            finished.set()
            return
        left["come"] -= 1
        if left["send"] > 0:
            left["send"] -= 1
            client.get_async(path).rawlink(took)
        elif left["come"] == 0:
            finished.set()

    for _ in range(min(window, count)):
        client.get_async(path).rawlink(took)
    finished.wait()
    if failures:
        raise failures[0]


host, window, reads, size = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
client = KazooClient(hosts=host)
client.start()
path = client.create("/client-reads-", b"x" * size, ephemeral=True, sequence=True)
run(client, path, window, max(window, reads // 10), size)
begin, spent = time.monotonic(), cpu()
run(client, path, window, reads, size)
wall, spent = time.monotonic() - begin, cpu() - spent
version = f"{kazoo.version.__version__}, Python {sys.version.split()[0]}"
print(f'{{"version": "{version}", "reads": {reads}, "wallSeconds": {wall}, "cpuSeconds": {spent}}}')
client.stop()
