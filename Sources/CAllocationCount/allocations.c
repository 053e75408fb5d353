// Definitions in the program come before those of shared libraries, so that every call of the Swift runtime and of
// Foundation is counted as well. glibc has the work done under the names below.
#include "CAllocationCount.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *block, size_t size);
extern void *__libc_memalign(size_t alignment, size_t size);

static atomic_uint_fast64_t allocations;

static void counted(void) { atomic_fetch_add_explicit(&allocations, 1, memory_order_relaxed); }

void *malloc(size_t size) {
    counted();
    return __libc_malloc(size);
}

void *calloc(size_t count, size_t size) {
    counted();
    return __libc_calloc(count, size);
}

void *realloc(void *block, size_t size) {
    counted();
    return __libc_realloc(block, size);
}

void *memalign(size_t alignment, size_t size) {
    counted();
    return __libc_memalign(alignment, size);
}

void *aligned_alloc(size_t alignment, size_t size) {
    counted();
    return __libc_memalign(alignment, size);
}

int posix_memalign(void **target, size_t alignment, size_t size) {
    counted();
    void *block = __libc_memalign(alignment, size);
    if (block == NULL) return ENOMEM;
    *target = block;
    return 0;
}

uint64_t corral_allocation_count(void) { return atomic_load_explicit(&allocations, memory_order_relaxed); }

void corral_allocate_once(void) {
    void *volatile block = malloc(48);
    free(block);
}
