// Only here: in the header it would change the C library's types against those of the Glibc module.
#define _GNU_SOURCE 1
#include "CPlatform.h"

#include <dirent.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

int corral_accept(int listener, struct sockaddr *address, socklen_t *length) {
    return accept4(listener, address, length, SOCK_NONBLOCK | SOCK_CLOEXEC);
}

int corral_eventfd(void) { return eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC); }

int corral_pin_thread(int cpu) {
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(cpu, &set);
    return sched_setaffinity(0, sizeof(set), &set) == 0 ? 0 : errno;
}

int corral_pin_process(int pid, int cpu) {
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(cpu, &set);
    char path[64];
    snprintf(path, sizeof(path), "/proc/%d/task", pid);
    DIR *directory = opendir(path);
    if (!directory) return errno;
    int failure = 0;
    struct dirent *entry;
    while ((entry = readdir(directory))) {
        int thread = atoi(entry->d_name);
        // A thread that has ended meanwhile needs no CPU.
        if (thread > 0 && sched_setaffinity(thread, sizeof(set), &set) != 0 && errno != ESRCH) failure = errno;
    }
    closedir(directory);
    return failure;
}

int corral_allowed_cpu(int index) {
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof(set), &set) != 0) return -1;
    int count = CPU_COUNT(&set);
    if (count == 0) return -1;
    int wanted = index % count;
    for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
        if (CPU_ISSET(cpu, &set) && wanted-- == 0) return cpu;
    }
    return -1;
}

int corral_open(const char *path, int flags, int mode, int direct, int dsync) {
    if (direct) flags |= O_DIRECT;
    if (dsync) flags |= O_DSYNC;
    return open(path, flags | O_CLOEXEC, mode);
}

int corral_drop_direct(int fd) {
    int flags = fcntl(fd, F_GETFL);
    if (flags < 0) return -1;
    if (!(flags & O_DIRECT)) return 0;
    return fcntl(fd, F_SETFL, flags & ~O_DIRECT) == 0 ? 1 : -1;
}

void corral_give_way(void) { (void)sched_yield(); }

void corral_line_output(void) { (void)setvbuf(stdout, NULL, _IOLBF, 0); }

void corral_no_read_ahead(int fd) { (void)posix_fadvise(fd, 0, 0, POSIX_FADV_RANDOM); }

void corral_prefetch(int fd, int64_t offset, int64_t count) {
    (void)posix_fadvise(fd, offset, count, POSIX_FADV_WILLNEED);
}

int corral_reserve(int fd, int64_t offset, int64_t count) {
    return fallocate(fd, FALLOC_FL_KEEP_SIZE, offset, count) == 0 ? 0 : errno;
}

static uint64_t nanos_of(clockid_t clock) {
    struct timespec t;
    clock_gettime(clock, &t);
    return (uint64_t)t.tv_sec * 1000000000ull + (uint64_t)t.tv_nsec;
}

uint64_t corral_monotonic_nanos(void) { return nanos_of(CLOCK_MONOTONIC); }
int64_t corral_wall_millis(void) { return (int64_t)(nanos_of(CLOCK_REALTIME) / 1000000ull); }
uint64_t corral_thread_cpu_nanos(void) { return nanos_of(CLOCK_THREAD_CPUTIME_ID); }
