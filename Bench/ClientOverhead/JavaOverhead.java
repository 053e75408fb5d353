import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.apache.zookeeper.AsyncCallback;
import org.apache.zookeeper.CreateMode;
import org.apache.zookeeper.Version;
import org.apache.zookeeper.Watcher;
import org.apache.zookeeper.ZooDefs;
import org.apache.zookeeper.ZooKeeper;
import org.apache.zookeeper.data.Stat;

/**
 * usage: JavaOverhead host:port window reads bytes
 *
 * <p>Reads a znode over and over, so many at once; prints one line of JSON (ClientReadSample). Each reply's callback asks
 * for the next read. The warm-up is half of the reads, for the compiler's sake.
 */
public class JavaOverhead {
    static double cpuSeconds() {
        return ((com.sun.management.OperatingSystemMXBean)
                java.lang.management.ManagementFactory.getOperatingSystemMXBean()).getProcessCpuTime() * 1e-9;
    }

    /** All callbacks are the client's one event thread's; `run` only begins and waits. */
    static class Reads implements AsyncCallback.DataCallback {
        final ZooKeeper client;
        final String path;
        final int size;
        int toSend;
        int toCome;
        final CountDownLatch finished = new CountDownLatch(1);

        Reads(ZooKeeper client, String path, int size, int toSend, int toCome) {
            this.client = client;
            this.path = path;
            this.size = size;
            this.toSend = toSend;
            this.toCome = toCome;
        }

        @Override
        public void processResult(int code, String name, Object context, byte[] data, Stat stat) {
            if (code != 0 || data.length != size) {
                System.err.println("a read failed: code " + code);
                System.exit(1);
            }
            toCome--;
            if (toSend > 0) {
                toSend--;
                client.getData(path, false, this, null);
            } else if (toCome == 0) {
                finished.countDown();
            }
        }
    }

    static void run(ZooKeeper client, String path, int window, int count, int size) throws Exception {
        int first = Math.min(window, count);
        Reads reads = new Reads(client, path, size, count - first, count);
        for (int i = 0; i < first; i++) {
            client.getData(path, false, reads, null);
        }
        reads.finished.await();
    }

    public static void main(String[] arguments) throws Exception {
        int window = Integer.parseInt(arguments[1]);
        int count = Integer.parseInt(arguments[2]);
        int size = Integer.parseInt(arguments[3]);
        CountDownLatch connected = new CountDownLatch(1);
        ZooKeeper client = new ZooKeeper(arguments[0], 30000, event -> {
            if (event.getState() == Watcher.Event.KeeperState.SyncConnected) {
                connected.countDown();
            }
        });
        if (!connected.await(30, TimeUnit.SECONDS)) {
            System.err.println("no session within 30 s");
            System.exit(1);
        }
        String path = client.create("/client-reads-", new byte[size], ZooDefs.Ids.OPEN_ACL_UNSAFE,
                CreateMode.EPHEMERAL_SEQUENTIAL);
        run(client, path, window, Math.max(window, count / 2), size);
        long begin = System.nanoTime();
        double cpu = cpuSeconds();
        run(client, path, window, count, size);
        double wall = (System.nanoTime() - begin) * 1e-9;
        double spent = cpuSeconds() - cpu;
        String version = Version.getVersion() + ", Java " + System.getProperty("java.version");
        System.out.println("{\"version\": \"" + version + "\", \"reads\": " + count + ", \"wallSeconds\": " + wall
                + ", \"cpuSeconds\": " + spent + "}");
        client.close();
    }
}
