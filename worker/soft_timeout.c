#include "worker/soft_timeout.h"

#include <errno.h>
#include <signal.h>
#include <stddef.h>

#include "core/platform.h"

enum { AGAIN_MS = 1000 };

static const struct job_context *volatile watched;
static volatile sig_atomic_t over;

static void
cancel_all(int signal)
{
    int saved = errno;
    const struct job_context *context = watched;
    (void)signal;
    if (context) {
        over = 1;
        database_cancel(context->source);
        database_cancel(context->side);
        database_cancel(context->warehouse);
    }
    errno = saved;
}

void
soft_timeout_begin(const struct job_context *context, int64_t seconds)
{
    over = 0;
    watched = context;
    platform_alarm(seconds * 1000, AGAIN_MS, cancel_all);
}

bool
soft_timeout_end(void)
{
    platform_alarm(0, 0, NULL);
    watched = NULL;
    return over != 0;
}
