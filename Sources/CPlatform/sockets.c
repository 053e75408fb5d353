#define _GNU_SOURCE 1
#include "CPlatform.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

static void reduce(const struct sockaddr_storage *storage, struct corral_address *out) {
    memset(out, 0, sizeof *out);
    if (storage->ss_family == AF_INET) {
        const struct sockaddr_in *v4 = (const struct sockaddr_in *)storage;
        memcpy(out->bytes, &v4->sin_addr, 4);
        out->length = 4;
        out->port = ntohs(v4->sin_port);
    } else if (storage->ss_family == AF_INET6) {
        const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)storage;
        out->port = ntohs(v6->sin6_port);
        if (IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr)) {
            memcpy(out->bytes, v6->sin6_addr.s6_addr + 12, 4);
            out->length = 4;
        } else {
            memcpy(out->bytes, &v6->sin6_addr, 16);
            out->length = 16;
        }
    }
}

static socklen_t expand(const struct corral_address *address, struct sockaddr_storage *storage) {
    memset(storage, 0, sizeof *storage);
    if (address->length == 4) {
        struct sockaddr_in *v4 = (struct sockaddr_in *)storage;
        v4->sin_family = AF_INET;
        v4->sin_port = htons(address->port);
        memcpy(&v4->sin_addr, address->bytes, 4);
        return sizeof *v4;
    }
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)storage;
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(address->port);
    memcpy(&v6->sin6_addr, address->bytes, 16);
    return sizeof *v6;
}

/// A backlog below zero binds without listening.
static int bind_and_listen(const struct sockaddr *address, socklen_t length, int backlog, int keep_alive, int both,
                           struct corral_bound *bound) {
    bound->failed_step = "socket";
    int fd = socket(address->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) return -errno;
    int on = 1, only6 = both ? 0 : 1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (keep_alive) setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
    if (address->sa_family == AF_INET6) setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &only6, sizeof only6);
    int code = 0;
    bound->failed_step = "bind";
    if (bind(fd, address, length) != 0) {
        code = -errno;
    } else if (backlog >= 0) {
        bound->failed_step = "listen";
        if (listen(fd, backlog) != 0) code = -errno;
    }
    if (code != 0) {
        close(fd);
        return code;
    }
    struct corral_address local;
    corral_local_address(fd, &local);
    bound->failed_step = NULL;
    bound->descriptor = fd;
    bound->family = address->sa_family;
    bound->port = local.port;
    return fd;
}

int corral_listen(const char *host, uint16_t port, int backlog, int keep_alive, struct corral_bound *bound) {
    memset(bound, 0, sizeof *bound);
    if (host == NULL) {
        struct sockaddr_in6 any6 = {.sin6_family = AF_INET6, .sin6_port = htons(port), .sin6_addr = in6addr_any};
        int fd = bind_and_listen((struct sockaddr *)&any6, sizeof any6, backlog, keep_alive, 1, bound);
        // A kernel without IPv6 says so either when the socket is made or when it is bound.
        if (fd != -EAFNOSUPPORT && fd != -EADDRNOTAVAIL) return fd;
        struct sockaddr_in any4 = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = INADDR_ANY};
        return bind_and_listen((struct sockaddr *)&any4, sizeof any4, backlog, keep_alive, 0, bound);
    }
    char service[8];
    snprintf(service, sizeof service, "%u", port);
    struct addrinfo hints = {
        .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
    struct addrinfo *found = NULL;
    bound->failed_step = "resolve";
    bound->resolve_code = getaddrinfo(host, service, &hints, &found);
    if (bound->resolve_code != 0) return -EINVAL;
    int result = -EADDRNOTAVAIL;
    for (struct addrinfo *one = found; one != NULL; one = one->ai_next) {
        result = bind_and_listen(one->ai_addr, one->ai_addrlen, backlog, keep_alive, 0, bound);
        if (result >= 0) break;
    }
    freeaddrinfo(found);
    return result;
}

static int bind_numeric(const struct corral_address *address, int keep_alive, struct corral_bound *bound) {
    struct sockaddr_storage storage;
    memset(bound, 0, sizeof *bound);
    socklen_t length = expand(address, &storage);
    // The IPv6 wildcard takes IPv4 as well, as `corral_listen` without a host does.
    static const uint8_t none[16];
    int both = address->length == 16 && memcmp(address->bytes, none, 16) == 0;
    return bind_and_listen((struct sockaddr *)&storage, length, -1, keep_alive, both, bound);
}

int corral_bind(const struct corral_address *address, int keep_alive, struct corral_bound *bound) {
    struct corral_address wanted = *address;
    if (wanted.port == 0) {
        // Only a port that was asked for by number stays the socket's own when it stops listening.
        int code = bind_numeric(&wanted, keep_alive, bound);
        if (code < 0) return code;
        wanted.port = bound->port;
        close(bound->descriptor);
    }
    return bind_numeric(&wanted, keep_alive, bound);
}

int corral_listen_bound(int descriptor, int backlog) { return listen(descriptor, backlog) == 0 ? 0 : -errno; }

int corral_refuse(int descriptor) { return shutdown(descriptor, SHUT_RDWR) == 0 ? 0 : -errno; }

int corral_connect(const struct corral_address *peer, int keep_alive) {
    struct sockaddr_storage storage;
    socklen_t length = expand(peer, &storage);
    int fd = socket(storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) return -errno;
    int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (keep_alive) setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
    // An interrupted connect goes on by itself.
    if (connect(fd, (struct sockaddr *)&storage, length) == 0 || errno == EINPROGRESS || errno == EINTR) return fd;
    int code = -errno;
    close(fd);
    return code;
}

int corral_connected(int descriptor) {
    int code = 0;
    socklen_t size = sizeof code;
    if (getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &code, &size) != 0) return -errno;
    if (code != 0) return -code;
    struct corral_address peer, local;
    int failure = corral_peer_address(descriptor, &peer);
    if (failure != 0) return failure;
    corral_local_address(descriptor, &local);
    if (peer.port == local.port && peer.length == local.length && memcmp(peer.bytes, local.bytes, 16) == 0)
        return -ECONNREFUSED;
    return 0;
}

int corral_user_timeout(int descriptor, unsigned milliseconds) {
    return setsockopt(descriptor, IPPROTO_TCP, TCP_USER_TIMEOUT, &milliseconds, sizeof milliseconds) == 0 ? 0 : -errno;
}

long corral_resolve(const char *host, uint16_t port, struct corral_address *found, size_t capacity, int *resolve_code) {
    struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    struct addrinfo *list = NULL;
    *resolve_code = getaddrinfo(host, NULL, &hints, &list);
    if (*resolve_code != 0) return -1;
    size_t count = 0;
    for (struct addrinfo *one = list; one != NULL && count < capacity; one = one->ai_next) {
        if (one->ai_family != AF_INET && one->ai_family != AF_INET6) continue;
        struct sockaddr_storage storage;
        memset(&storage, 0, sizeof storage);
        memcpy(&storage, one->ai_addr, one->ai_addrlen);
        reduce(&storage, &found[count]);
        found[count].port = port;
        size_t earlier = 0;
        while (memcmp(&found[earlier], &found[count], sizeof *found) != 0) earlier++;
        if (earlier == count) count++;
    }
    freeaddrinfo(list);
    if (count == 0) *resolve_code = EAI_NONAME;
    return count == 0 ? -1 : (long)count;
}

int corral_numeric_address(const char *text, uint16_t port, struct corral_address *address) {
    memset(address, 0, sizeof *address);
    address->port = port;
    struct in6_addr v6;
    if (inet_pton(AF_INET, text, address->bytes) == 1) {
        address->length = 4;
    } else if (inet_pton(AF_INET6, text, &v6) == 1) {
        int mapped = IN6_IS_ADDR_V4MAPPED(&v6);
        address->length = mapped ? 4 : 16;
        memcpy(address->bytes, v6.s6_addr + (mapped ? 12 : 0), address->length);
    } else {
        return -EINVAL;
    }
    return 0;
}

const char *corral_resolve_message(int code) { return gai_strerror(code); }

int corral_accept_peer(int listener, struct corral_address *peer) {
    struct sockaddr_storage storage;
    memset(&storage, 0, sizeof storage);
    socklen_t length = sizeof storage;
    int fd;
    do fd = accept4(listener, (struct sockaddr *)&storage, &length, SOCK_NONBLOCK | SOCK_CLOEXEC);
    while (fd < 0 && errno == EINTR);
    if (fd < 0) return -errno;
    reduce(&storage, peer);
    return fd;
}

int corral_peer_address(int descriptor, struct corral_address *address) {
    struct sockaddr_storage storage;
    memset(&storage, 0, sizeof storage);
    socklen_t length = sizeof storage;
    int code = getpeername(descriptor, (struct sockaddr *)&storage, &length) == 0 ? 0 : -errno;
    reduce(&storage, address);
    return code;
}

int corral_local_address(int descriptor, struct corral_address *address) {
    struct sockaddr_storage storage;
    memset(&storage, 0, sizeof storage);
    socklen_t length = sizeof storage;
    int code = getsockname(descriptor, (struct sockaddr *)&storage, &length) == 0 ? 0 : -errno;
    reduce(&storage, address);
    return code;
}

int corral_prepare_socket(int descriptor) {
    int flags = fcntl(descriptor, F_GETFL);
    if (flags < 0 || fcntl(descriptor, F_SETFL, flags | O_NONBLOCK) != 0) return -errno;
    int on = 1;
    // A socket that is not TCP (a socket pair) has no such option, and needs none.
    setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return 0;
}

long corral_receive(int descriptor, void *buffer, size_t length) {
    ssize_t count;
    do count = recv(descriptor, buffer, length, MSG_DONTWAIT);
    while (count < 0 && errno == EINTR);
    return count < 0 ? -errno : count;
}

long corral_send(int descriptor, const void *buffer, size_t length) {
    ssize_t count;
    do count = send(descriptor, buffer, length, MSG_NOSIGNAL | MSG_DONTWAIT);
    while (count < 0 && errno == EINTR);
    return count < 0 ? -errno : count;
}

int corral_shutdown_write(int descriptor) { return shutdown(descriptor, SHUT_WR) == 0 ? 0 : -errno; }

int corral_epoll_add(int epoll, int descriptor, uint32_t events, uint64_t key) {
    struct epoll_event event = {.events = events, .data.u64 = key};
    return epoll_ctl(epoll, EPOLL_CTL_ADD, descriptor, &event) == 0 ? 0 : -errno;
}

int corral_peer_has_ended(int descriptor) {
    struct pollfd query = {.fd = descriptor, .events = POLLRDHUP};
    return poll(&query, 1, 0) > 0;
}

int corral_epoll_remove(int epoll, int descriptor) {
    return epoll_ctl(epoll, EPOLL_CTL_DEL, descriptor, NULL) == 0 ? 0 : -errno;
}

int corral_epoll_modify(int epoll, int descriptor, uint32_t events, uint64_t key) {
    struct epoll_event event = {.events = events, .data.u64 = key};
    return epoll_ctl(epoll, EPOLL_CTL_MOD, descriptor, &event) == 0 ? 0 : -errno;
}
