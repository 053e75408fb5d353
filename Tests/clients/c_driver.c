/*
 * Drives a ZooKeeper-compatible server through every operation of the C client (multi-threaded library).
 *
 * usage: c_driver HOST:PORT
 *
 * The server needs tickTime=500 or less, extendedTypesEnabled=true and the super digest of super:secret.
 * Prints a PASS line for each scenario; the exit code is 0 only when all passed.
 */
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include <zookeeper/zookeeper.h>

static const char *hosts = "127.0.0.1:2181";
static const char *current = "";
static int failures_in_scenario = 0;

#define CHECK(condition)                                                                              \
    do {                                                                                              \
        if (!(condition)) {                                                                           \
            failures_in_scenario++;                                                                   \
            printf("FAIL c %s line %d: %s\n", current, __LINE__, #condition);                         \
        }                                                                                             \
    } while (0)

#define EXPECT(code, call)                                                                            \
    do {                                                                                              \
        int got_ = (call);                                                                            \
        if (got_ != (code)) {                                                                         \
            failures_in_scenario++;                                                                   \
            printf("FAIL c %s line %d: %s gave %d, not %s\n", current, __LINE__, #call, got_, #code); \
        }                                                                                             \
    } while (0)

/* What one watcher has seen, and the state of one connection. */
struct events {
    pthread_mutex_t lock;
    int count;
    int types[64];
    char paths[64][256];
    int connected, expired, auth_failed;
};

static void events_init(struct events *e) {
    memset(e, 0, sizeof *e);
    pthread_mutex_init(&e->lock, NULL);
}

static void on_event(zhandle_t *zh, int type, int state, const char *path, void *context) {
    struct events *e = context;
    (void)zh;
    if (e == NULL) return;
    pthread_mutex_lock(&e->lock);
    if (type == ZOO_SESSION_EVENT) {
        e->connected = state == ZOO_CONNECTED_STATE;
        if (state == ZOO_EXPIRED_SESSION_STATE) e->expired = 1;
        if (state == ZOO_AUTH_FAILED_STATE) e->auth_failed = 1;
    } else if (e->count < 64) {
        e->types[e->count] = type;
        snprintf(e->paths[e->count++], sizeof e->paths[0], "%s", path);
    }
    pthread_mutex_unlock(&e->lock);
}

static int get_locked(struct events *e, const int *field) {
    pthread_mutex_lock(&e->lock);
    int value = *field;
    pthread_mutex_unlock(&e->lock);
    return value;
}

static int wait_for(struct events *e, const int *field, int at_least, int seconds) {
    for (int i = 0; i < seconds * 200; i++) {
        if (get_locked(e, field) >= at_least) return 1;
        usleep(5000);
    }
    return 0;
}

static void expect_event(struct events *e, int index, int type, const char *path) {
    if (!wait_for(e, &e->count, index + 1, 10) || e->types[index] != type || strcmp(e->paths[index], path) != 0) {
        failures_in_scenario++;
        printf("FAIL c %s: event %d is %d %s, not %d %s\n", current, index, e->types[index], e->paths[index],
               type, path);
    }
}

static zhandle_t *connect_session(struct events *e, int timeout, const clientid_t *id) {
    zhandle_t *zh = zookeeper_init(hosts, on_event, timeout, id, e, 0);
    if (zh == NULL || !wait_for(e, &e->connected, 1, 20)) {
        if (!get_locked(e, &e->expired)) {
            printf("FAIL c %s: no connection to %s\n", current, hosts);
            exit(1);
        }
    }
    return zh;
}

static char *join(char *buffer, const char *root, const char *rest) {
    snprintf(buffer, 256, "%s%s", root, rest);
    return buffer;
}

static char b1[256], b2[256], b3[256], b4[256];

static void create_modes(zhandle_t *zh, const char *root) {
    struct { int mode; const char *name; int sequential, ttl, ephemeral; } modes[] = {
        {ZOO_PERSISTENT, "/p", 0, 0, 0}, {ZOO_EPHEMERAL, "/e", 0, 0, 1},
        {ZOO_PERSISTENT_SEQUENTIAL, "/ps", 1, 0, 0}, {ZOO_EPHEMERAL_SEQUENTIAL, "/es", 1, 0, 1},
        {ZOO_CONTAINER, "/c", 0, 0, 0}, {ZOO_PERSISTENT_WITH_TTL, "/t", 0, 1, 0},
        {ZOO_PERSISTENT_SEQUENTIAL_WITH_TTL, "/ts", 1, 1, 0},
    };
    for (int i = 0; i < 7; i++) {
        char path[256], wanted[256];
        struct Stat stat, again;
        int code = zoo_create2_ttl(zh, join(b1, root, modes[i].name), "x", 1, &ZOO_OPEN_ACL_UNSAFE, modes[i].mode,
                                   modes[i].ttl ? 100000 : -1, path, sizeof path, &stat);
        EXPECT(ZOK, code);
        if (modes[i].sequential) snprintf(wanted, sizeof wanted, "%s%s%010d", root, modes[i].name, i);
        else snprintf(wanted, sizeof wanted, "%s%s", root, modes[i].name);
        CHECK(strcmp(path, wanted) == 0);
        CHECK(stat.ephemeralOwner == (modes[i].ephemeral ? zoo_client_id(zh)->client_id : 0));
        CHECK(stat.dataLength == 1 && stat.version == 0);
        EXPECT(ZOK, zoo_exists(zh, path, 0, &again));
        CHECK(again.czxid == stat.czxid && again.ctime == stat.ctime);
    }
    char path[256];
    EXPECT(ZNODEEXISTS, zoo_create(zh, join(b1, root, "/p"), "", 0, &ZOO_OPEN_ACL_UNSAFE, 0, path, 256));
    EXPECT(ZNONODE, zoo_create(zh, join(b1, root, "/x/y"), "", 0, &ZOO_OPEN_ACL_UNSAFE, 0, path, 256));
    EXPECT(ZNOCHILDRENFOREPHEMERALS,
           zoo_create(zh, join(b1, root, "/e/y"), "", 0, &ZOO_OPEN_ACL_UNSAFE, 0, path, 256));
    EXPECT(ZOK, zoo_create(zh, join(b1, root, "/null"), NULL, -1, &ZOO_OPEN_ACL_UNSAFE, 0, path, 256));
    char data[16];
    int length = sizeof data;
    EXPECT(ZOK, zoo_get(zh, path, 0, data, &length, NULL));
    CHECK(length == -1);
}

static void read_write_delete(zhandle_t *zh, const char *root) {
    char path[256], data[64];
    struct Stat stat;
    int length = sizeof data;
    EXPECT(ZOK, zoo_create(zh, join(b1, root, "/n"), "one", 3, &ZOO_OPEN_ACL_UNSAFE, 0, path, sizeof path));
    EXPECT(ZOK, zoo_get(zh, b1, 0, data, &length, &stat));
    CHECK(length == 3 && memcmp(data, "one", 3) == 0 && stat.version == 0 && stat.czxid == stat.mzxid);
    EXPECT(ZOK, zoo_set2(zh, b1, "two", 3, 0, &stat));
    CHECK(stat.version == 1 && stat.mzxid > stat.czxid);
    EXPECT(ZBADVERSION, zoo_set(zh, b1, "three", 5, 0));
    EXPECT(ZOK, zoo_create(zh, join(b2, root, "/n/child"), "", 0, &ZOO_OPEN_ACL_UNSAFE, 0, path, sizeof path));
    struct String_vector names;
    EXPECT(ZOK, zoo_get_children(zh, b1, 0, &names));
    CHECK(names.count == 1 && strcmp(names.data[0], "child") == 0);
    deallocate_String_vector(&names);
    EXPECT(ZOK, zoo_get_children2(zh, b1, 0, &names, &stat));
    CHECK(names.count == 1 && stat.numChildren == 1 && stat.cversion == 1);
    deallocate_String_vector(&names);
    EXPECT(ZNOTEMPTY, zoo_delete(zh, b1, -1));
    EXPECT(ZBADVERSION, zoo_delete(zh, b2, 5));
    EXPECT(ZOK, zoo_delete(zh, b2, 0));
    EXPECT(ZOK, zoo_delete(zh, b1, 1));
    EXPECT(ZNONODE, zoo_exists(zh, b1, 0, &stat));
    length = sizeof data;
    EXPECT(ZNONODE, zoo_get(zh, b1, 0, data, &length, &stat));
    EXPECT(ZNONODE, zoo_delete(zh, b1, -1));
}

static void access_control(zhandle_t *zh, const char *root) {
    struct events e, bad;
    events_init(&e);
    events_init(&bad);
    zhandle_t *alice = connect_session(&e, 20000, NULL);
    char path[256], data[16];
    int length = sizeof data;
    EXPECT(ZOK, zoo_add_auth(alice, "digest", "alice:wonder", 12, NULL, NULL));
    EXPECT(ZOK, zoo_create(alice, join(b1, root, "/own"), "s", 1, &ZOO_CREATOR_ALL_ACL, 0, path, sizeof path));
    EXPECT(ZNOAUTH, zoo_get(zh, b1, 0, data, &length, NULL));
    EXPECT(ZNOAUTH, zoo_set(zh, b1, "", 0, -1));
    EXPECT(ZINVALIDACL, zoo_create(zh, join(b2, root, "/bad"), "", 0, &ZOO_CREATOR_ALL_ACL, 0, path, sizeof path));
    struct ACL_vector acl;
    struct Stat stat;
    EXPECT(ZOK, zoo_get_acl(alice, b1, &acl, &stat));
    CHECK(acl.count == 1 && acl.data[0].perms == ZOO_PERM_ALL && strcmp(acl.data[0].id.scheme, "digest") == 0);
    CHECK(acl.count == 1 && strcmp(acl.data[0].id.id, "alice:8y0lhh/7xkdEiwhX7vo9i+/Nmzc=") == 0);
    deallocate_ACL_vector(&acl);
    EXPECT(ZOK, zoo_set_acl(alice, b1, 0, &ZOO_OPEN_ACL_UNSAFE));
    EXPECT(ZBADVERSION, zoo_set_acl(alice, b1, 0, &ZOO_OPEN_ACL_UNSAFE));
    length = sizeof data;
    EXPECT(ZOK, zoo_get(zh, b1, 0, data, &length, &stat));
    CHECK(stat.aversion == 1);
    EXPECT(ZOK, zookeeper_close(alice));
    zhandle_t *wrong = connect_session(&bad, 20000, NULL);
    zoo_add_auth(wrong, "nonsense", "x", 1, NULL, NULL);
    CHECK(wait_for(&bad, &bad.auth_failed, 1, 10));
    zookeeper_close(wrong);
}

static void transactions(zhandle_t *zh, const char *root) {
    zoo_op_t ops[5];
    zoo_op_result_t results[5];
    char p1[256], p2[256];
    struct Stat stat;
    zoo_create_op_init(&ops[0], join(b1, root, "/a"), "1", 1, &ZOO_OPEN_ACL_UNSAFE, 0, p1, sizeof p1);
    zoo_create_op_init(&ops[1], join(b2, root, "/a/s"), "", 0, &ZOO_OPEN_ACL_UNSAFE, ZOO_SEQUENCE, p2, sizeof p2);
    zoo_set_op_init(&ops[2], b1, "2", 1, 0, &stat);
    zoo_check_op_init(&ops[3], b1, 1);
    zoo_delete_op_init(&ops[4], join(b3, root, "/a/s0000000000"), 0);
    EXPECT(ZOK, zoo_multi(zh, 5, ops, results));
    CHECK(strcmp(p2, b3) == 0 && stat.version == 1);
    EXPECT(ZNONODE, zoo_exists(zh, b3, 0, &stat));
    zoo_create_op_init(&ops[0], join(b4, root, "/b"), "1", 1, &ZOO_OPEN_ACL_UNSAFE, 0, p1, sizeof p1);
    zoo_check_op_init(&ops[1], b1, 9);
    zoo_delete_op_init(&ops[2], b1, -1);
    EXPECT(ZBADVERSION, zoo_multi(zh, 3, ops, results));
    CHECK(results[0].err == ZOK && results[1].err == ZBADVERSION && results[2].err == ZRUNTIMEINCONSISTENCY);
    EXPECT(ZNONODE, zoo_exists(zh, b4, 0, &stat));
}

static void watches(zhandle_t *zh, const char *root) {
    struct events e, session;
    events_init(&e);
    events_init(&session);
    zhandle_t *other = connect_session(&session, 20000, NULL);
    char path[256], data[16];
    int length = sizeof data;
    struct Stat stat;
    struct String_vector names;
    join(b1, root, "/w");
    join(b2, root, "/w/c");
    EXPECT(ZNONODE, zoo_wexists(zh, b1, on_event, &e, &stat));
    EXPECT(ZOK, zoo_create(other, b1, "", 0, &ZOO_OPEN_ACL_UNSAFE, 0, path, sizeof path));
    expect_event(&e, 0, ZOO_CREATED_EVENT, b1);
    EXPECT(ZOK, zoo_wget(zh, b1, on_event, &e, data, &length, &stat));
    EXPECT(ZOK, zoo_set(other, b1, "1", 1, -1));
    expect_event(&e, 1, ZOO_CHANGED_EVENT, b1);
    EXPECT(ZOK, zoo_wget_children(zh, b1, on_event, &e, &names));
    deallocate_String_vector(&names);
    EXPECT(ZOK, zoo_create(other, b2, "", 0, &ZOO_OPEN_ACL_UNSAFE, 0, path, sizeof path));
    expect_event(&e, 2, ZOO_CHILD_EVENT, b1);
    EXPECT(ZOK, zoo_wexists(zh, b2, on_event, &e, &stat));
    EXPECT(ZOK, zoo_delete(other, b2, -1));
    expect_event(&e, 3, ZOO_DELETED_EVENT, b2);
    length = sizeof data;
    EXPECT(ZOK, zoo_wget(zh, b1, on_event, &e, data, &length, &stat));
    EXPECT(ZOK, zoo_remove_watches(zh, b1, ZWATCHTYPE_DATA, on_event, &e, 0));
    EXPECT(ZOK, zoo_set(other, b1, "2", 1, -1));
    EXPECT(ZOK, zoo_exists(zh, b1, 0, &stat));
    for (int i = 4; i < e.count; i++) CHECK(e.types[i] != ZOO_CHANGED_EVENT);
    EXPECT(ZNOWATCHER, zoo_remove_watches(zh, b1, ZWATCHTYPE_DATA, on_event, &e, 0));
    zookeeper_close(other);
}

struct completion {
    pthread_mutex_t lock;
    int done, code, in_order;
};

static void on_sync(int code, const char *value, const void *context) {
    struct completion *c = (struct completion *)context;
    (void)value;
    pthread_mutex_lock(&c->lock);
    c->code = code;
    c->done++;
    pthread_mutex_unlock(&c->lock);
}

static void sync_request(zhandle_t *zh, const char *root) {
    struct completion c = {PTHREAD_MUTEX_INITIALIZER, 0, 1, 1};
    EXPECT(ZOK, zoo_async(zh, root, on_sync, &c));
    for (int i = 0; i < 2000; i++) {
        pthread_mutex_lock(&c.lock);
        int done = c.done;
        pthread_mutex_unlock(&c.lock);
        if (done) break;
        usleep(5000);
    }
    CHECK(c.done == 1 && c.code == ZOK);
}

static void reattachment(zhandle_t *zh, const char *root) {
    struct events first, second, third;
    events_init(&first);
    events_init(&second);
    events_init(&third);
    zhandle_t *mine = connect_session(&first, 20000, NULL);
    char path[256];
    struct Stat stat;
    EXPECT(ZOK, zoo_create(mine, join(b1, root, "/e"), "", 0, &ZOO_OPEN_ACL_UNSAFE, ZOO_EPHEMERAL, path, sizeof path));
    clientid_t id = *zoo_client_id(mine);
    zhandle_t *again = connect_session(&second, 20000, &id);
    CHECK(zoo_client_id(again)->client_id == id.client_id);
    EXPECT(ZOK, zoo_exists(again, b1, 0, &stat));
    CHECK(stat.ephemeralOwner == id.client_id);
    EXPECT(ZOK, zookeeper_close(again));
    EXPECT(ZNONODE, zoo_exists(zh, b1, 0, &stat));
    zookeeper_close(mine);
    id.client_id += 12345;
    zhandle_t *stranger = connect_session(&third, 20000, &id);
    CHECK(wait_for(&third, &third.expired, 1, 15));
    zookeeper_close(stranger);
}

static void on_created(int code, const char *value, const void *context) {
    struct completion *c = (struct completion *)context;
    pthread_mutex_lock(&c->lock);
    char wanted[16];
    snprintf(wanted, sizeof wanted, "%010d", c->done);
    if (code != ZOK || value == NULL || strcmp(value + strlen(value) - 10, wanted) != 0) c->in_order = 0;
    c->done++;
    pthread_mutex_unlock(&c->lock);
}

static void pipelining(zhandle_t *zh, const char *root) {
    enum { total = 1000 };
    struct completion c = {PTHREAD_MUTEX_INITIALIZER, 0, 0, 1};
    join(b1, root, "/n");
    for (int i = 0; i < total; i++)
        EXPECT(ZOK, zoo_acreate(zh, b1, "x", 1, &ZOO_OPEN_ACL_UNSAFE, ZOO_SEQUENCE, on_created, &c));
    for (int i = 0, done = 0; i < 12000 && done < total; i++) {
        usleep(5000);
        pthread_mutex_lock(&c.lock);
        done = c.done;
        pthread_mutex_unlock(&c.lock);
    }
    CHECK(c.done == total && c.in_order);
}

static int total_failed = 0, total_passed = 0;

static void scenario(const char *name, void (*body)(zhandle_t *, const char *)) {
    struct events session;
    events_init(&session);
    current = name;
    failures_in_scenario = 0;
    zhandle_t *zh = connect_session(&session, 20000, NULL);
    char root[128], path[256];
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    snprintf(root, sizeof root, "/c-%s-%ld%09ld", name, (long)now.tv_sec, now.tv_nsec);
    EXPECT(ZOK, zoo_create(zh, root, "", 0, &ZOO_OPEN_ACL_UNSAFE, 0, path, sizeof path));
    body(zh, root);
    EXPECT(ZOK, zookeeper_close(zh));
    if (failures_in_scenario == 0) {
        total_passed++;
        printf("PASS c %s\n", name);
    } else {
        total_failed++;
    }
    fflush(stdout);
}

int main(int count, char **arguments) {
    if (count > 1) hosts = arguments[1];
    zoo_set_debug_level(0);
    scenario("create_modes", create_modes);
    scenario("read_write_delete", read_write_delete);
    scenario("access_control", access_control);
    scenario("transactions", transactions);
    scenario("watches", watches);
    scenario("sync_request", sync_request);
    scenario("reattachment", reattachment);
    scenario("pipelining", pipelining);
    printf("%d passed, %d failed\n", total_passed, total_failed);
    return total_failed == 0 ? 0 : 1;
}
