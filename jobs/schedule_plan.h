/* jobs/schedule_plan.h - what becomes of the ticks of a schedule that are due: a pure function of the schedule, of what
 * the warehouse says about its ticks, and of the time.
 *
 * Every instant that the cron expression names is decided once: it runs, or it waits behind the run before (queue), or
 * it is skipped for a reason. A skipped verdict speaks for all ticks since the one before it, so that a year without a
 * scheduler is a verdict or two and not half a million. Data intervals join: a tick's begins where that of the tick
 * before ended; what was coalesced or overlapped is carried into the next run, what was given up (paused, missed, too
 * old) is not. */
#ifndef TAPEMILL_JOBS_SCHEDULE_PLAN_H
#define TAPEMILL_JOBS_SCHEDULE_PLAN_H

#include "jobs/schedule.h"

enum {
    SCHEDULE_PLAN_MAX = 16,     /* verdicts at a time */
    SCHEDULE_PLAN_GRACE_S = 60, /* a tick that is no older is on time */
};

enum schedule_action { SCHEDULE_RUN, SCHEDULE_QUEUE, SCHEDULE_SKIP };

/* Why a tick is not simply run. */
enum schedule_reason {
    SCHEDULE_REASON_NONE,
    SCHEDULE_REASON_PAUSED,
    SCHEDULE_REASON_MISSED,    /* nobody made it in time, and catch_up is none */
    SCHEDULE_REASON_WINDOW,    /* older than the catch-up window */
    SCHEDULE_REASON_COALESCED, /* a later run covers its interval */
    SCHEDULE_REASON_OVERLAP,   /* jobs of the tick before are live; the next run covers its interval */
    SCHEDULE_REASON_NO_DATE,   /* no business date ended in its interval */
    SCHEDULE_REASON_BY_HAND,   /* `tapemill schedule run`, before the plan came to it, which takes no notice of it */
    SCHEDULE_REASON_AGAIN,     /* the same, for a tick that was decided before */
    SCHEDULE_REASON_COUNT
};

/* As it is stored ("coalesced"); "" for none. */
const char *schedule_reason_name(enum schedule_reason reason);

/* What is known when ticks are planned. */
struct schedule_state {
    bool has_last;           /* there is a tick at or before now, */
    int64_t last_s, carry_s; /* the newest; and where the data interval of the next one begins */
    bool returns; /* the version before has no such schedule: of its absence the window is carried, no more */
    int64_t from_s, until_s; /* the ticks of the schedule's version: [from_s, until_s] */
    int64_t now_s;
    bool paused;
    bool live;    /* jobs of its earlier ticks are not finished */
    bool waiting; /* a tick is queued behind them */
};

struct schedule_verdict {
    enum schedule_action action;
    enum schedule_reason reason;
    int64_t start_s, tick_s; /* the data interval [start_s, tick_s) */
};

struct schedule_plan {
    struct schedule_verdict verdicts[SCHEDULE_PLAN_MAX];
    size_t count;
    bool finished;  /* every tick up to now, or to the end of the version, is decided */
    int64_t next_s; /* the next tick then; INT64_MAX: none */
};

void schedule_plan(const struct schedule *schedule, const struct schedule_state *state, struct schedule_plan *plan);

#endif
