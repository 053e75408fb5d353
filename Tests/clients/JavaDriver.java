import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import org.apache.zookeeper.AddWatchMode;
import org.apache.zookeeper.AsyncCallback;
import org.apache.zookeeper.CreateMode;
import org.apache.zookeeper.KeeperException;
import org.apache.zookeeper.Op;
import org.apache.zookeeper.OpResult;
import org.apache.zookeeper.WatchedEvent;
import org.apache.zookeeper.Watcher;
import org.apache.zookeeper.Watcher.Event.EventType;
import org.apache.zookeeper.Watcher.Event.KeeperState;
import org.apache.zookeeper.ZKUtil;
import org.apache.zookeeper.ZooDefs;
import org.apache.zookeeper.ZooDefs.Ids;
import org.apache.zookeeper.ZooKeeper;
import org.apache.zookeeper.client.FourLetterWordMain;
import org.apache.zookeeper.data.ACL;
import org.apache.zookeeper.data.ClientInfo;
import org.apache.zookeeper.data.Id;
import org.apache.zookeeper.data.Stat;

/**
 * Drives a ZooKeeper-compatible server through every operation of Apache's Java client.
 *
 * usage: java JavaDriver HOST:PORT
 *
 * The server needs tickTime=500 or less, extendedTypesEnabled=true, znode.container.checkIntervalMs=1000 or less,
 * super digest of super:secret and its four-letter words allowed. Prints a PASS line for each scenario; the exit code
 * is 0 only when all passed.
 */
public final class JavaDriver {
    private interface Scenario {
        void run(ZooKeeper zk, String root) throws Exception;
    }

    private interface Action {
        void run() throws Exception;
    }

    private static String hosts = "127.0.0.1:2181";
    private static int passed = 0;
    private static int failed = 0;

    /** Collects events, those of the connection apart. */
    private static final class Events implements Watcher {
        final LinkedBlockingQueue<String> nodes = new LinkedBlockingQueue<>();
        final LinkedBlockingQueue<KeeperState> states = new LinkedBlockingQueue<>();

        @Override
        public void process(WatchedEvent event) {
            if (event.getType() == EventType.None) {
                states.add(event.getState());
            } else {
                nodes.add(event.getType() + " " + event.getPath());
            }
        }

        void expect(String... wanted) throws Exception {
            for (String one : wanted) {
                String got = nodes.poll(10, TimeUnit.SECONDS);
                check(one.equals(got), "event " + got + " instead of " + one);
            }
        }

        void expectState(KeeperState wanted) throws Exception {
            KeeperState got;
            do {
                got = states.poll(30, TimeUnit.SECONDS);
                check(got != null, "no event " + wanted);
            } while (got != wanted);
        }

        void expectNothing() {
            check(nodes.isEmpty(), "unexpected events " + nodes);
        }
    }

    private static void check(boolean condition, String message) {
        if (!condition) {
            throw new AssertionError(message);
        }
    }

    private static void raises(KeeperException.Code code, Action action) throws Exception {
        try {
            action.run();
        } catch (KeeperException e) {
            check(e.code() == code, "raised " + e.code() + " instead of " + code);
            return;
        }
        throw new AssertionError("did not raise " + code);
    }

    private static void waitUntil(String what, java.util.concurrent.Callable<Boolean> condition) throws Exception {
        long deadline = System.nanoTime() + 30_000_000_000L;
        while (!condition.call()) {
            check(System.nanoTime() < deadline, what + ": not within 30 s");
            Thread.sleep(10);
        }
    }

    private static ZooKeeper connect(int timeout, Events events) throws Exception {
        ZooKeeper zk = new ZooKeeper(hosts, timeout, events);
        events.expectState(KeeperState.SyncConnected);
        return zk;
    }

    private static ZooKeeper connect() throws Exception {
        return connect(20_000, new Events());
    }

    private static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    private static void scenario(String name, Scenario body) {
        String root = "/java-" + name + "-" + System.nanoTime();
        try (ZooKeeper zk = connect()) {
            zk.create(root, new byte[0], Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT);
            body.run(zk, root);
            passed++;
            System.out.println("PASS java " + name);
        } catch (Throwable e) {
            failed++;
            System.out.println("FAIL java " + name);
            e.printStackTrace(System.out);
        }
    }

    private static void createModes(ZooKeeper zk, String root) throws Exception {
        long session = zk.getSessionId();
        int count = 0;
        for (CreateMode mode : CreateMode.values()) {
            Stat stat = new Stat();
            long ttl = mode.isTTL() ? 100_000 : -1;
            String asked = root + "/" + mode.name().toLowerCase() + "-";
            String path = zk.create(asked, bytes("x"), Ids.OPEN_ACL_UNSAFE, mode, stat, ttl);
            String expected = mode.isSequential() ? asked + String.format("%010d", count) : asked;
            check(path.equals(expected), path + " instead of " + expected);
            long owner = mode.isEphemeral() ? session : 0;
            check(stat.getEphemeralOwner() == owner, mode + ": owner " + Long.toHexString(stat.getEphemeralOwner()));
            check(stat.getDataLength() == 1 && stat.getVersion() == 0 && stat.getCzxid() > 0, mode + ": " + stat);
            check(zk.exists(path, false).equals(stat), mode + ": exists differs");
            count++;
        }
        raises(KeeperException.Code.NODEEXISTS,
            () -> zk.create(root + "/persistent-", null, Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT));
        raises(KeeperException.Code.NONODE,
            () -> zk.create(root + "/no/way", null, Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT));
        raises(KeeperException.Code.NOCHILDRENFOREPHEMERALS,
            () -> zk.create(root + "/ephemeral-/c", null, Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT));
        check(zk.getEphemerals(root).size() == 2, "ephemerals " + zk.getEphemerals(root));
        check(zk.getEphemerals("/nowhere").isEmpty(), "ephemerals of nowhere");
        check(zk.getAllChildrenNumber(root) == count, "all children " + zk.getAllChildrenNumber(root));
    }

    private static void readWriteDelete(ZooKeeper zk, String root) throws Exception {
        String path = root + "/n";
        zk.create(path, bytes("one"), Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT);
        Stat stat = new Stat();
        check(Arrays.equals(zk.getData(path, false, stat), bytes("one")) && stat.getVersion() == 0, "first value");
        check(zk.setData(path, bytes("two"), 0).getVersion() == 1, "version after set");
        raises(KeeperException.Code.BADVERSION, () -> zk.setData(path, bytes("three"), 0));
        zk.create(path + "/child", null, Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT);
        check(zk.getData(path + "/child", false, null) == null, "null data stays null");
        check(zk.getChildren(path, false).equals(List.of("child")), "children");
        check(zk.getChildren(path, false, stat).equals(List.of("child")) && stat.getCversion() == 1, "children2");
        raises(KeeperException.Code.NOTEMPTY, () -> zk.delete(path, -1));
        raises(KeeperException.Code.BADVERSION, () -> zk.delete(path + "/child", 3));
        zk.delete(path + "/child", 0);
        zk.delete(path, 1);
        check(zk.exists(path, false) == null, "exists after delete");
        raises(KeeperException.Code.NONODE, () -> zk.getData(path, false, null));
        raises(KeeperException.Code.NONODE, () -> zk.getChildren(path, false));
        raises(KeeperException.Code.NONODE, () -> zk.getACL(path, null));
        raises(KeeperException.Code.NONODE, () -> zk.delete(path, -1));
        byte[] big = new byte[1_000_000];
        Arrays.fill(big, (byte) 7);
        zk.create(path, big, Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT);
        check(Arrays.equals(zk.getData(path, false, null), big), "a megabyte");
        CountDownLatch synced = new CountDownLatch(1);
        zk.sync(path, (code, p, context) -> synced.countDown(), null);
        check(synced.await(10, TimeUnit.SECONDS), "sync");
        String unicode = root + "/k\u00e4se-\u4e2d\u6587";
        zk.create(unicode, null, Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT);
        check(zk.getChildren(root, false).contains("k\u00e4se-\u4e2d\u6587"), "unicode name");
        zk.create(root + "/t", null, Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT);
        zk.create(root + "/t/u", null, Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT);
        check(ZKUtil.deleteRecursive(zk, root + "/t", 100), "recursive delete");
        check(zk.exists(root + "/t", false) == null, "recursive delete left something");
    }

    private static void accessControl(ZooKeeper zk, String root) throws Exception {
        try (ZooKeeper alice = connect(); ZooKeeper superUser = connect()) {
            alice.addAuthInfo("digest", bytes("alice:wonder"));
            String own = root + "/own";
            alice.create(own, bytes("secret"), Ids.CREATOR_ALL_ACL, CreateMode.PERSISTENT);
            Stat stat = new Stat();
            List<ACL> list = alice.getACL(own, stat);
            Id expected = new Id("digest", "alice:8y0lhh/7xkdEiwhX7vo9i+/Nmzc=");
            check(list.equals(List.of(new ACL(ZooDefs.Perms.ALL, expected))), "acl " + list);
            raises(KeeperException.Code.NOAUTH, () -> zk.getData(own, false, null));
            raises(KeeperException.Code.NOAUTH, () -> zk.setData(own, null, -1));
            raises(KeeperException.Code.NOAUTH, () -> zk.getACL(own, null));
            raises(KeeperException.Code.NOAUTH, () -> zk.setACL(own, Ids.OPEN_ACL_UNSAFE, -1));
            raises(KeeperException.Code.INVALIDACL,
                () -> zk.create(root + "/bad", null, Ids.CREATOR_ALL_ACL, CreateMode.PERSISTENT));
            raises(KeeperException.Code.INVALIDACL, () -> zk.create(root + "/bad", null,
                Arrays.asList(new ACL(31, new Id("nonsense", "x"))), CreateMode.PERSISTENT));
            List<ACL> both = new ArrayList<>(Ids.READ_ACL_UNSAFE);
            both.addAll(Ids.CREATOR_ALL_ACL);
            check(alice.setACL(own, both, 0).getAversion() == 1, "aversion");
            raises(KeeperException.Code.BADVERSION, () -> alice.setACL(own, both, 0));
            check(zk.getData(own, false, null).length == 6, "readable now");
            String masked = zk.getACL(own, null).get(1).getId().getId();
            check(masked.equals("alice:x"), "digest shown without admin right: " + masked);
            zk.create(root + "/nobody", null, Arrays.asList(new ACL(31, new Id("digest", "no:body"))),
                CreateMode.PERSISTENT);
            raises(KeeperException.Code.NOAUTH, () -> zk.getData(root + "/nobody", false, null));
            superUser.addAuthInfo("digest", bytes("super:secret"));
            superUser.setData(root + "/nobody", bytes("x"), -1);
            superUser.delete(root + "/nobody", -1);
            List<ClientInfo> who = alice.whoAmI();
            check(who.size() == 2 && who.toString().contains("alice"), "whoAmI " + who);
        }
        Events events = new Events();
        try (ZooKeeper wrong = connect(20_000, events)) {
            wrong.addAuthInfo("nonsense", bytes("x"));
            events.expectState(KeeperState.AuthFailed);
        }
    }

    private static void transactions(ZooKeeper zk, String root) throws Exception {
        String a = root + "/a";
        List<OpResult> results = zk.multi(List.of(
            Op.create(a, bytes("1"), Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT),
            Op.create(a + "/s-", null, Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT_SEQUENTIAL),
            Op.create(a + "/e", null, Ids.OPEN_ACL_UNSAFE, CreateMode.EPHEMERAL),
            Op.create(a + "/c", null, Ids.OPEN_ACL_UNSAFE, CreateMode.CONTAINER),
            Op.create(a + "/t", null, Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT_WITH_TTL, 100_000),
            Op.setData(a, bytes("2"), 0),
            Op.check(a, 1),
            Op.delete(a + "/e", -1)));
        check(results.size() == 8, "results " + results.size());
        check(((OpResult.CreateResult) results.get(1)).getPath().equals(a + "/s-0000000000"), "sequential in multi");
        check(((OpResult.SetDataResult) results.get(5)).getStat().getVersion() == 1, "set in multi");
        check(zk.getChildren(a, false).size() == 3, "children after multi " + zk.getChildren(a, false));
        try {
            zk.multi(List.of(
                Op.create(root + "/b", null, Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT),
                Op.check(a, 77),
                Op.delete(a, -1)));
            throw new AssertionError("multi did not fail");
        } catch (KeeperException e) {
            List<OpResult> errors = e.getResults();
            int[] codes = new int[3];
            for (int i = 0; i < 3; i++) {
                codes[i] = ((OpResult.ErrorResult) errors.get(i)).getErr();
            }
            check(Arrays.equals(codes, new int[] {0, -103, -2}), "codes " + Arrays.toString(codes));
        }
        check(zk.exists(root + "/b", false) == null, "multi is not atomic");
        zk.transaction().create(root + "/v", bytes("v"), Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT)
            .setData(root + "/v", bytes("w"), 0).commit();
        List<OpResult> reads = zk.multi(List.of(Op.getData(root + "/v"), Op.getChildren(a), Op.getData("/none")));
        check(Arrays.equals(((OpResult.GetDataResult) reads.get(0)).getData(), bytes("w")), "multiRead data");
        check(((OpResult.GetChildrenResult) reads.get(1)).getChildren().size() == 3, "multiRead children");
        check(((OpResult.ErrorResult) reads.get(2)).getErr() == -101, "multiRead error");
        check(zk.multi(Collections.<Op>emptyList()).isEmpty(), "empty multi");
    }

    private static void oneShotWatches(ZooKeeper zk, String root) throws Exception {
        try (ZooKeeper other = connect()) {
            Events events = new Events();
            String path = root + "/w";
            zk.exists(path, events);
            other.create(path, null, Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT);
            events.expect("NodeCreated " + path);
            zk.getData(path, events, null);
            other.setData(path, bytes("1"), -1);
            events.expect("NodeDataChanged " + path);
            zk.getChildren(path, events);
            other.create(path + "/c", null, Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT);
            events.expect("NodeChildrenChanged " + path);
            zk.getData(path + "/c", events, null);
            other.delete(path + "/c", -1);
            events.expect("NodeDeleted " + path + "/c");
            other.setData(path, bytes("2"), -1);
            zk.getData(path, false, null);
            events.expectNothing();
            zk.getData(path, events, null);
            zk.removeWatches(path, events, WatcherType(3), false);
            events.expect("DataWatchRemoved " + path);
            other.setData(path, bytes("3"), -1);
            zk.getData(path, false, null);
            events.expectNothing();
            raises(KeeperException.Code.NOWATCHER, () -> zk.removeWatches(path, events, WatcherType(3), false));
        }
    }

    private static Watcher.WatcherType WatcherType(int number) {
        return Watcher.WatcherType.fromInt(number);
    }

    private static void persistentWatches(ZooKeeper zk, String root) throws Exception {
        try (ZooKeeper other = connect()) {
            Events events = new Events();
            String path = root + "/p";
            zk.create(path, null, Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT);
            zk.addWatch(path, events, AddWatchMode.PERSISTENT);
            other.setData(path, bytes("1"), -1);
            other.setData(path, bytes("2"), -1);
            other.create(path + "/c", null, Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT);
            other.setData(path + "/c", bytes("not ours"), -1);
            other.delete(path + "/c", -1);
            other.delete(path, -1);
            other.create(path, null, Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT);
            events.expect("NodeDataChanged " + path, "NodeDataChanged " + path, "NodeChildrenChanged " + path,
                "NodeChildrenChanged " + path, "NodeDeleted " + path, "NodeCreated " + path);
            zk.removeAllWatches(path, Watcher.WatcherType.Any, false);
            events.expect("PersistentWatchRemoved " + path);
            Events recursive = new Events();
            zk.addWatch(root, recursive, AddWatchMode.PERSISTENT_RECURSIVE);
            other.create(path + "/d", null, Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT);
            other.create(path + "/d/e", null, Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT);
            other.setData(path + "/d/e", bytes("1"), -1);
            other.delete(path + "/d/e", -1);
            other.setData(root, bytes("1"), -1);
            recursive.expect("NodeCreated " + path + "/d", "NodeCreated " + path + "/d/e",
                "NodeDataChanged " + path + "/d/e", "NodeDeleted " + path + "/d/e", "NodeDataChanged " + root);
            zk.removeAllWatches(root, Watcher.WatcherType.Any, false);
            other.setData(root, bytes("2"), -1);
            zk.getData(root, false, null);
        }
    }

    /** Breaks the client's connection from inside, as its own tests do. */
    private static void breakConnection(ZooKeeper zk) throws Exception {
        java.lang.reflect.Field field = ZooKeeper.class.getDeclaredField("cnxn");
        field.setAccessible(true);
        Object connection = field.get(zk);
        java.lang.reflect.Field sender = connection.getClass().getDeclaredField("sendThread");
        sender.setAccessible(true);
        Object thread = sender.get(connection);
        java.lang.reflect.Method method = thread.getClass().getDeclaredMethod("testableCloseSocket");
        method.setAccessible(true);
        method.invoke(thread);
    }

    private static void reattachment(ZooKeeper zk, String root) throws Exception {
        Events session = new Events();
        ZooKeeper mine = connect(20_000, session);
        long id = mine.getSessionId();
        String path = root + "/e";
        mine.create(path, null, Ids.OPEN_ACL_UNSAFE, CreateMode.EPHEMERAL);
        Events data = new Events();
        Events children = new Events();
        Events persistent = new Events();
        Events missed = new Events();
        mine.getData(path, data, null);
        mine.getChildren(root, children);
        zk.create(root + "/tree", null, Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT);
        children.expect("NodeChildrenChanged " + root);
        mine.getChildren(root, children);
        mine.addWatch(root + "/tree", persistent, AddWatchMode.PERSISTENT_RECURSIVE);
        mine.exists(root + "/later", missed);
        breakConnection(mine);
        session.expectState(KeeperState.Disconnected);
        session.expectState(KeeperState.SyncConnected);
        check(mine.getSessionId() == id, "another session");
        check(zk.exists(path, false).getEphemeralOwner() == id, "ephemeral lost");
        zk.setData(path, bytes("1"), -1);
        data.expect("NodeDataChanged " + path);
        zk.create(root + "/later", null, Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT);
        missed.expect("NodeCreated " + root + "/later");
        children.expect("NodeChildrenChanged " + root);
        zk.create(root + "/tree/leaf", null, Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT);
        zk.setData(root + "/tree", bytes("1"), -1);
        persistent.expect("NodeCreated " + root + "/tree/leaf", "NodeDataChanged " + root + "/tree");
        // A second client takes the session over with id and password; the first one's connection must go.
        Events taker = new Events();
        ZooKeeper second = new ZooKeeper(hosts, 20_000, taker, id, mine.getSessionPasswd());
        taker.expectState(KeeperState.SyncConnected);
        check(second.getSessionId() == id, "session not taken over");
        second.close();
        waitUntil("ephemeral of a closed session", () -> zk.exists(path, false) == null);
        Events refused = new Events();
        try (ZooKeeper late = new ZooKeeper(hosts, 20_000, refused, id, new byte[16])) {
            refused.expectState(KeeperState.Expired);
        }
        mine.close();
    }

    private static void expiry(ZooKeeper zk, String root) throws Exception {
        // A bare handshake without a client behind it never sends a ping.
        String path = root + "/mortal";
        Events own = new Events();
        ZooKeeper mine = connect(2_000, own);
        mine.create(path, null, Ids.OPEN_ACL_UNSAFE, CreateMode.EPHEMERAL);
        Events gone = new Events();
        zk.exists(path, gone);
        check(mine.getSessionTimeout() == 2_000, "timeout " + mine.getSessionTimeout());
        long started = System.nanoTime();
        java.lang.reflect.Field field = ZooKeeper.class.getDeclaredField("cnxn");
        field.setAccessible(true);
        java.lang.reflect.Field sender = field.get(mine).getClass().getDeclaredField("sendThread");
        sender.setAccessible(true);
        Thread thread = (Thread) sender.get(field.get(mine));
        thread.suspend();
        gone.expect("NodeDeleted " + path);
        long millis = (System.nanoTime() - started) / 1_000_000;
        check(millis >= 500 && millis < 8_000, "expired after " + millis + " ms");
        thread.resume();
        own.expectState(KeeperState.Expired);
        raises(KeeperException.Code.SESSIONEXPIRED, () -> mine.exists(path, false));
        mine.close();
    }

    private static void reaping(ZooKeeper zk, String root) throws Exception {
        String container = root + "/container";
        zk.create(container, null, Ids.OPEN_ACL_UNSAFE, CreateMode.CONTAINER);
        zk.create(container + "/c", null, Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT);
        String mortal = root + "/mortal";
        zk.create(mortal, null, Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT_WITH_TTL, new Stat(), 500);
        zk.delete(container + "/c", -1);
        waitUntil("container removed", () -> zk.exists(container, false) == null);
        waitUntil("TTL node removed", () -> zk.exists(mortal, false) == null);
    }

    private static void pipelining(ZooKeeper zk, String root) throws Exception {
        int count = 5_000;
        CountDownLatch done = new CountDownLatch(2 * count);
        AtomicInteger next = new AtomicInteger();
        AtomicReference<String> wrong = new AtomicReference<>();
        AsyncCallback.StringCallback created = (code, path, context, name) -> {
            String expected = root + String.format("/n%010d", (Integer) context);
            if (code != 0 || !expected.equals(name)) {
                wrong.compareAndSet(null, code + " " + name + " instead of " + expected);
            }
            done.countDown();
        };
        AsyncCallback.DataCallback read = (code, path, context, data, stat) -> {
            if (code != 0 || next.getAndIncrement() != (Integer) context) {
                wrong.compareAndSet(null, "read " + context + ": " + code);
            }
            done.countDown();
        };
        for (int i = 0; i < count; i++) {
            zk.create(root + "/n", bytes("" + i), Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT_SEQUENTIAL, created, i);
            zk.getData(root + String.format("/n%010d", i), false, read, i);
        }
        check(done.await(120, TimeUnit.SECONDS), "callbacks missing: " + done.getCount());
        check(wrong.get() == null, "" + wrong.get());
    }

    private static void fourLetterWords(ZooKeeper zk, String root) throws Exception {
        String host = hosts.substring(0, hosts.indexOf(':'));
        int port = Integer.parseInt(hosts.substring(hosts.indexOf(':') + 1));
        check(FourLetterWordMain.send4LetterWord(host, port, "ruok").startsWith("imok"), "ruok");
        String[] words = {"srvr", "stat", "mntr", "conf", "cons", "envi", "wchs", "dump", "dirs", "isro"};
        for (String word : words) {
            String answer = FourLetterWordMain.send4LetterWord(host, port, word);
            check(answer.length() > 1 && !answer.contains("not executed"), word + " answered " + answer);
        }
    }

    public static void main(String[] arguments) {
        if (arguments.length > 0) {
            hosts = arguments[0];
        }
        scenario("createModes", JavaDriver::createModes);
        scenario("readWriteDelete", JavaDriver::readWriteDelete);
        scenario("accessControl", JavaDriver::accessControl);
        scenario("transactions", JavaDriver::transactions);
        scenario("oneShotWatches", JavaDriver::oneShotWatches);
        scenario("persistentWatches", JavaDriver::persistentWatches);
        scenario("reattachment", JavaDriver::reattachment);
        scenario("expiry", JavaDriver::expiry);
        scenario("reaping", JavaDriver::reaping);
        scenario("pipelining", JavaDriver::pipelining);
        scenario("fourLetterWords", JavaDriver::fourLetterWords);
        System.out.println(passed + " passed, " + failed + " failed");
        System.exit(failed == 0 ? 0 : 1);
    }
}
