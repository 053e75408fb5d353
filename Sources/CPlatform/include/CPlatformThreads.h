// Waiting and waking between threads: futex and the spin hint.
#ifndef CORRAL_CSYSTEM_THREADS_H
#define CORRAL_CSYSTEM_THREADS_H

#include <stdint.h>

/// Sleeps while `*word == expected`, at most `timeout_nanos` (negative: no limit).
/// 0 when woken or when the value already differed, ETIMEDOUT after the time, EINTR after a signal.
int corral_futex_wait(const void *word, uint32_t expected, int64_t timeout_nanos);
/// Wakes at most `count` threads that sleep on the word.
void corral_futex_wake(const void *word, int count);

/// Gives the calling thread the name that the system shows (`top -H`), up to 15 characters of it.
void corral_name_thread(const char *name);

/// Tells the processor that this is a spin loop.
static inline void corral_cpu_relax(void) {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ __volatile__("isb" ::: "memory");
#endif
}

#endif
