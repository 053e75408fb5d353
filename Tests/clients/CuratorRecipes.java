import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.curator.framework.CuratorFramework;
import org.apache.curator.framework.CuratorFrameworkFactory;
import org.apache.curator.framework.recipes.atomic.AtomicValue;
import org.apache.curator.framework.recipes.atomic.DistributedAtomicLong;
import org.apache.curator.framework.recipes.leader.LeaderLatch;
import org.apache.curator.framework.recipes.locks.InterProcessLock;
import org.apache.curator.framework.recipes.locks.InterProcessMutex;
import org.apache.curator.framework.recipes.locks.InterProcessReadWriteLock;
import org.apache.curator.framework.recipes.locks.InterProcessSemaphoreV2;
import org.apache.curator.framework.recipes.locks.Lease;
import org.apache.curator.framework.recipes.shared.SharedCount;
import org.apache.curator.framework.recipes.shared.VersionedValue;
import org.apache.curator.retry.RetryForever;
import org.apache.zookeeper.CreateMode;

/**
 * Uses one of Curator's recipes at a path that others use too.
 *
 * usage: CuratorRecipes HOSTS KIND PATH ROUNDS
 *
 * First it holds the lock once, in step with the other side: it makes PATH-held when it has it and gives it back once
 * PATH-release is there. Then it takes it ROUNDS times, and checks each time, by its own ephemeral znode below
 * PATH-guard, that nobody is in who must not be. Prints what it saw as the last line.
 */
public final class CuratorRecipes {
    private static CuratorFramework client;
    private static String path;

    private interface Turn {
        void run() throws Exception;
    }

    /** Runs something while holding. */
    private interface Holder {
        void hold(Turn turn) throws Exception;
    }

    public static void main(String[] arguments) throws Exception {
        String kind = arguments[1];
        path = arguments[2];
        int rounds = Integer.parseInt(arguments[3]);
        client = CuratorFrameworkFactory.newClient(arguments[0], 20000, 15000, new RetryForever(50));
        client.start();
        if (!client.blockUntilConnected(60, TimeUnit.SECONDS)) throw new IllegalStateException("no session");
        InterProcessReadWriteLock both = new InterProcessReadWriteLock(client, path);
        int violations = 0;
        switch (kind) {
            case "mutex": violations = contend(by(new InterProcessMutex(client, path)), false, rounds); break;
            case "read": violations = contend(by(both.readLock()), true, rounds); break;
            case "write": violations = contend(by(both.writeLock()), false, rounds); break;
            case "semaphore": violations = contend(bySemaphore(), false, rounds); break;
            case "latch": violations = contend(byLatch(), false, rounds); break;
            case "atomic-long": addLong(rounds); break;
            case "shared-count": addShared(rounds); break;
            default: throw new IllegalArgumentException(kind);
        }
        System.out.println("rounds " + rounds + " violations " + violations);
        client.close();
    }

    private static Holder by(InterProcessLock lock) {
        return turn -> {
            lock.acquire();
            try {
                turn.run();
            } finally {
                lock.release();
            }
        };
    }

    private static Holder bySemaphore() {
        InterProcessSemaphoreV2 semaphore = new InterProcessSemaphoreV2(client, path, 1);
        return turn -> {
            Lease lease = semaphore.acquire();
            try {
                turn.run();
            } finally {
                semaphore.returnLease(lease);
            }
        };
    }

    private static Holder byLatch() {
        return turn -> {
            try (LeaderLatch latch = new LeaderLatch(client, path, "curator")) {
                latch.start();
                latch.await();
                turn.run();
            }
        };
    }

    private static int contend(Holder holder, boolean isShared, int rounds) throws Exception {
        holder.hold(() -> {
            client.create().forPath(path + "-held");
            long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
            while (client.checkExists().forPath(path + "-release") == null) {
                if (System.nanoTime() > deadline) throw new IllegalStateException("no release");
                Thread.sleep(10);
            }
        });
        AtomicInteger violations = new AtomicInteger();
        for (int round = 0; round < rounds; round++) {
            holder.hold(() -> {
                String mine = client.create().withMode(CreateMode.EPHEMERAL_SEQUENTIAL)
                    .forPath(path + "-guard/" + (isShared ? "r-" : "w-"));
                for (String name : client.getChildren().forPath(path + "-guard")) {
                    boolean isOther = !mine.endsWith("/" + name);
                    if (isOther && (!isShared || name.startsWith("w-"))) violations.incrementAndGet();
                }
                client.delete().forPath(mine);
            });
        }
        return violations.get();
    }

    private static void addLong(int rounds) throws Exception {
        DistributedAtomicLong number = new DistributedAtomicLong(client, path, new RetryForever(5));
        for (int round = 0; round < rounds; round++) {
            AtomicValue<Long> result = number.increment();
            if (!result.succeeded()) throw new IllegalStateException("increment failed");
        }
    }

    private static void addShared(int rounds) throws Exception {
        SharedCount count = new SharedCount(client, path, 0);
        count.start();
        for (int round = 0; round < rounds; round++) {
            VersionedValue<Integer> before = count.getVersionedValue();
            while (!count.trySetCount(before, before.getValue() + 1)) before = count.getVersionedValue();
        }
        count.close();
    }
}
