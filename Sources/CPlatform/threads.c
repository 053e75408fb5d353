#define _GNU_SOURCE 1
#include "CPlatform.h"

#include <limits.h>
#include <linux/futex.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>

int corral_futex_wait(const void *word, uint32_t expected, int64_t timeout_nanos) {
    struct timespec timeout = {timeout_nanos / 1000000000, timeout_nanos % 1000000000};
    long result = syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, expected, timeout_nanos < 0 ? NULL : &timeout, NULL, 0);
    if (result == 0 || errno == EAGAIN) return 0;
    return errno;
}

void corral_futex_wake(const void *word, int count) {
    syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, count, NULL, NULL, 0);
}

void corral_name_thread(const char *name) { prctl(PR_SET_NAME, name, 0, 0, 0); }
