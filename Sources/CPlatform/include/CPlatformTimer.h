#ifndef CORRAL_CSYSTEM_TIMER_H
#define CORRAL_CSYSTEM_TIMER_H
#include <stdint.h>

/// Sets how late the kernel may deliver the calling thread's timers (prctl PR_SET_TIMERSLACK); 0 on success.
int corral_set_timer_slack(uint64_t nanos);

#endif
