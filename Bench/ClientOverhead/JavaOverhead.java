import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Semaphore;
import org.apache.zookeeper.CreateMode;
import org.apache.zookeeper.Watcher;
import org.apache.zookeeper.ZooDefs;
import org.apache.zookeeper.ZooKeeper;

/** usage: JavaOverhead host:port window requests; reads a znode of 1 KB, so many at once. */
public class JavaOverhead {
    static double cpuSeconds() {
        return ((com.sun.management.OperatingSystemMXBean)
                java.lang.management.ManagementFactory.getOperatingSystemMXBean()).getProcessCpuTime() * 1e-9;
    }

    static void run(ZooKeeper client, String path, int window, int count) throws Exception {
        Semaphore free = new Semaphore(window);
        for (int i = 0; i < count; i++) {
            free.acquire();
            client.getData(path, false, (code, p, context, data, stat) -> {
                if (code != 0 || data.length != 1024) {
                    System.exit(1);
                }
                free.release();
            }, null);
        }
        free.acquire(window);
    }

    public static void main(String[] arguments) throws Exception {
        int window = Integer.parseInt(arguments[1]);
        int requests = Integer.parseInt(arguments[2]);
        CountDownLatch connected = new CountDownLatch(1);
        ZooKeeper client = new ZooKeeper(arguments[0], 30000, event -> {
            if (event.getState() == Watcher.Event.KeeperState.SyncConnected) {
                connected.countDown();
            }
        });
        connected.await();
        String path = client.create("/client-overhead-", new byte[1024], ZooDefs.Ids.OPEN_ACL_UNSAFE,
                CreateMode.EPHEMERAL_SEQUENTIAL);
        run(client, path, window, requests / 2);
        long begin = System.nanoTime();
        double cpu = cpuSeconds();
        run(client, path, window, requests);
        double wall = (System.nanoTime() - begin) * 1e-9;
        double spent = cpuSeconds() - cpu;
        System.out.printf("java W=%d: %d reads/s, %.2f µs of CPU each%n", window, (long) (requests / wall),
                spent / requests * 1e6);
        client.close();
    }
}
