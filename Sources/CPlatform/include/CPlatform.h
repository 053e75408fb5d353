// Thin shims over the system calls that Swift's Glibc module does not expose, or exposes only through
// variadic or macro forms. No logic lives here.
#ifndef CORRAL_CSYSTEM_H
#define CORRAL_CSYSTEM_H

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "CPlatformSockets.h"
#include "CPlatformThreads.h"
#include "CPlatformTimer.h"

/// accept4 with close-on-exec and non-blocking set; -1 and errno on failure.
int corral_accept(int listener, struct sockaddr *address, socklen_t *length);
/// eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC).
int corral_eventfd(void);
/// Pins the calling thread to one CPU; 0 on success, errno otherwise.
int corral_pin_thread(int cpu);

/// Pins a process with all of its threads to one CPU; threads that they start inherit it. Returns 0 or an errno.
int corral_pin_process(int pid, int cpu);

/// The `index`-th of the CPUs that this thread may run on, counted from 0 and around again; negative when unknown.
int corral_allowed_cpu(int index);
/// open() with a mode and the given flags; `direct` adds O_DIRECT, `dsync` adds O_DSYNC.
int corral_open(const char *path, int flags, int mode, int direct, int dsync);
/// Takes O_DIRECT off an open file; 1 when it was on, 0 when not, -1 and errno on failure.
int corral_drop_direct(int fd);
/// Keeps the system from reading ahead in an open file. A hint.
void corral_no_read_ahead(int fd);
/// Lets other threads that wait for this processor run first.
void corral_give_way(void);
/// Writes out standard output line by line, to a file or pipe too.
void corral_line_output(void);
/// Begins to read a part of a file into the page cache. A hint.
void corral_prefetch(int fd, int64_t offset, int64_t count);
/// fallocate with FALLOC_FL_KEEP_SIZE: blocks set aside, size unchanged; 0 on success, errno otherwise.
int corral_reserve(int fd, int64_t offset, int64_t count);
/// CLOCK_MONOTONIC in nanoseconds.
uint64_t corral_monotonic_nanos(void);
/// CLOCK_REALTIME in milliseconds.
int64_t corral_wall_millis(void);
/// CPU time of the calling thread in nanoseconds.
uint64_t corral_thread_cpu_nanos(void);

#endif
