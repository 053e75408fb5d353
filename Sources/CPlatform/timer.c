#include "CPlatformTimer.h"

#include <sys/prctl.h>

int corral_set_timer_slack(uint64_t nanos) { return prctl(PR_SET_TIMERSLACK, (unsigned long)nanos, 0, 0, 0); }
