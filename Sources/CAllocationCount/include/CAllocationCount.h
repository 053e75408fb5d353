// Counts allocations of the program it is linked into. Only for programs that measure; never for a server.
#ifndef CORRAL_ALLOCATION_COUNT_H
#define CORRAL_ALLOCATION_COUNT_H

#include <stdint.h>

/// Blocks asked for since the program began, by any of malloc, calloc, realloc and the aligned forms, on any thread.
uint64_t corral_allocation_count(void);
/// Allocates and frees a block in a way that no optimizer leaves out.
void corral_allocate_once(void);

#endif
