#include "core/mutant.h"

#include <stddef.h>

const char *const mutant_names[] = {
    "no_fence",                  /* a run that was taken over may commit, and its backend is left alone */
    "acknowledge_before_commit", /* Redis forgets a job when its run begins */
    "no_reconcile",              /* what Redis loses is not put back */
    "double_tick",               /* a scheduler does not look whether a tick was made */
    "lease_never_expires",       /* the jobs of vanished workers stay leased */
    NULL,
};

#ifdef TAPEMILL_FAILPOINTS

#include <stdlib.h>
#include <string.h>

bool
mutant_is(const char *name)
{
    const char *mutant = getenv("TAPEMILL_MUTANT");
    return mutant && strcmp(mutant, name) == 0;
}

#endif
