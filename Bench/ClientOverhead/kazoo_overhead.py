"""usage: kazoo_overhead.py host:port window requests; reads a znode of 1 KB, so many at once."""
import resource
import sys
import threading
import time

from kazoo.client import KazooClient


def cpu():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def run(client, path, window, count):
    free = threading.Semaphore(window)

    def done(result):
        assert len(result.get()[0]) == 1024
        free.release()

    for _ in range(count):
        free.acquire()
        client.get_async(path).rawlink(done)
    for _ in range(window):
        free.acquire()


host, window, requests = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
client = KazooClient(hosts=host)
client.start()
path = client.create("/client-overhead-", b"x" * 1024, ephemeral=True, sequence=True)
run(client, path, window, requests // 10)
begin, spent = time.monotonic(), cpu()
run(client, path, window, requests)
wall, spent = time.monotonic() - begin, cpu() - spent
print(f"kazoo W={window}: {int(requests / wall)} reads/s, {spent / requests * 1e6:.2f} µs of CPU each")
client.stop()
