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
/// Binds one numeric address without listening yet. The port belongs to this socket from then on as far as the kernel's
/// own choices of ports go; `corral_listen_bound` finds out whether another process listens there.
int corral_bind(const struct corral_address *address, int keep_alive, struct corral_bound *bound);
/// Takes connections on a bound socket, or again after `corral_refuse`.
int corral_listen_bound(int descriptor, int backlog);
/// Stops listening but keeps the port: whoever connects is refused, and who was not accepted yet is reset.
int corral_refuse(int descriptor);
/// Begins to connect to a numeric address, non-blocking, with TCP_NODELAY. The outcome shows as writability and
/// `corral_connected`. The socket, or -errno when the connect fails at once.
int corral_connect(const struct corral_address *peer, int keep_alive);
/// How a connect that has become writable went: 0 or -errno. A socket connected to itself (which the loopback makes
/// possible when nobody listens) counts as refused.
int corral_connected(int descriptor);
/// How long sent bytes may stay unacknowledged before the connection counts as broken (TCP_USER_TIMEOUT).
int corral_user_timeout(int descriptor, unsigned milliseconds);
/// Looks a host up; blocks. At most `capacity` different addresses in the resolver's order; their number, or -1 with
/// getaddrinfo's code in `resolve_code`.
long corral_resolve(const char *host, uint16_t port, struct corral_address *found, size_t capacity, int *resolve_code);
/// Reads an address in digits, IPv4 or IPv6, without asking any resolver; 0 or -EINVAL.
int corral_numeric_address(const char *text, uint16_t port, struct corral_address *address);
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
/// Whether the peer has ended its side, or the connection is broken, unread input or not.
int corral_peer_has_ended(int descriptor);
/// The text for a getaddrinfo code.
const char *corral_resolve_message(int code);

/// epoll_ctl with a 64-bit key.
int corral_epoll_add(int epoll, int descriptor, uint32_t events, uint64_t key);
int corral_epoll_remove(int epoll, int descriptor);
int corral_epoll_modify(int epoll, int descriptor, uint32_t events, uint64_t key);

#endif
