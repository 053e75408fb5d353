// Socket calls of the reactor. One rule for results: zero or positive on success, -errno on failure; EINTR is retried.
#ifndef CORRAL_CSYSTEM_SOCKETS_H
#define CORRAL_CSYSTEM_SOCKETS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

/// What a listening socket looks like once bound.
struct corral_bound {
    int descriptor;
    int family;
    uint16_t port;
    /// The step that failed, when the call fails: "resolve", "socket", "bind" or "listen".
    const char *failed_step;
    /// getaddrinfo's code when the step is "resolve".
    int resolve_code;
};

/// A peer's or a local address, reduced to what the protocols need; IPv4 mapped into IPv6 is reported as IPv4.
struct corral_address {
    uint8_t bytes[16];
    uint8_t length; // 4 or 16; 0 when the family is neither
    uint16_t port;
};

/// Binds and listens; `host` NULL means every address, IPv6 and IPv4 on one socket where the kernel has IPv6.
/// The socket is non-blocking, has SO_REUSEADDR; what it accepts inherits TCP_NODELAY and, if asked for, keep-alive.
int corral_listen(const char *host, uint16_t port, int backlog, int keep_alive, struct corral_bound *bound);
/// accept4, non-blocking and close-on-exec, with the peer's address.
int corral_accept_peer(int listener, struct corral_address *peer);
/// getpeername or getsockname.
int corral_peer_address(int descriptor, struct corral_address *address);
int corral_local_address(int descriptor, struct corral_address *address);
/// Makes a descriptor from elsewhere fit for the reactor: non-blocking, TCP_NODELAY.
int corral_prepare_socket(int descriptor);
long corral_receive(int descriptor, void *buffer, size_t length);
/// send with MSG_NOSIGNAL: a closed peer is an error code, never SIGPIPE.
long corral_send(int descriptor, const void *buffer, size_t length);
int corral_shutdown_write(int descriptor);
/// The text for a getaddrinfo code.
const char *corral_resolve_message(int code);

/// epoll_ctl with a 64-bit key.
int corral_epoll_add(int epoll, int descriptor, uint32_t events, uint64_t key);
int corral_epoll_modify(int epoll, int descriptor, uint32_t events, uint64_t key);

#endif
