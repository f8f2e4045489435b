#include "jobs/schedule_plan.h"

/* While ticks are planned: all up to done_s are decided. */
struct planner {
    const struct schedule *schedule;
    struct schedule_plan *plan;
    int64_t done_s, carry_s;
    bool live, waiting;
};

const char *
schedule_reason_name(enum schedule_reason reason)
{
    static const char *const names[SCHEDULE_REASON_COUNT] = {
        [SCHEDULE_REASON_NONE] = "",
        [SCHEDULE_REASON_PAUSED] = "paused",
        [SCHEDULE_REASON_MISSED] = "missed",
        [SCHEDULE_REASON_WINDOW] = "window",
        [SCHEDULE_REASON_COALESCED] = "coalesced",
        [SCHEDULE_REASON_OVERLAP] = "overlap",
        [SCHEDULE_REASON_NO_DATE] = "no_date",
        [SCHEDULE_REASON_BY_HAND] = "by_hand",
        [SCHEDULE_REASON_AGAIN] = "again_by_hand",
    };
    return names[reason];
}

static int64_t
earlier(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t
later(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* Decides a tick, and all before it that are undecided. */
static void
decide(struct planner *planner, enum schedule_action action, enum schedule_reason reason, int64_t tick_s)
{
    bool carried =
        action == SCHEDULE_SKIP && (reason == SCHEDULE_REASON_COALESCED || reason == SCHEDULE_REASON_OVERLAP);
    planner->plan->verdicts[planner->plan->count++] =
        (struct schedule_verdict){action, reason, earlier(planner->carry_s, tick_s - 1), tick_s};
    planner->done_s = tick_s;
    if (!carried)
        planner->carry_s = tick_s;
    planner->live = planner->live || action == SCHEDULE_RUN;
    planner->waiting = planner->waiting || action == SCHEDULE_QUEUE;
}

/* Skips all undecided ticks before end_s, if there are any. */
static void
skip_before(struct planner *planner, int64_t end_s, enum schedule_reason reason)
{
    int64_t tick_s;
    if (schedule_previous(planner->schedule, end_s - 1, &tick_s) && tick_s > planner->done_s)
        decide(planner, SCHEDULE_SKIP, reason, tick_s);
}

/* What a tick meets. False when it has to wait, undecided, until the one before is finished: a tick that is caught up
 * is not skipped because another one is. */
static bool
place(struct planner *planner, int64_t tick_s, bool on_time)
{
    enum schedule_overlap overlap = planner->schedule->overlap;
    if (!planner->live || overlap == SCHEDULE_OVERLAP_ALLOW)
        decide(planner, SCHEDULE_RUN, SCHEDULE_REASON_NONE, tick_s);
    else if (overlap == SCHEDULE_OVERLAP_QUEUE && !planner->waiting)
        decide(planner, SCHEDULE_QUEUE, SCHEDULE_REASON_OVERLAP, tick_s);
    else if (on_time)
        decide(planner, SCHEDULE_SKIP, SCHEDULE_REASON_OVERLAP, tick_s);
    else
        return false;
    return true;
}

/* The undecided ticks up to newest_s, as catch_up says. False when some remain undecided. */
static bool
catch_up(struct planner *planner, int64_t newest_s, int64_t now_s)
{
    const struct schedule *schedule = planner->schedule;
    bool none = schedule->catch_up == SCHEDULE_CATCH_UP_NONE, all = schedule->catch_up == SCHEDULE_CATCH_UP_ALL;
    bool on_time = now_s - newest_s <= SCHEDULE_PLAN_GRACE_S;
    int64_t kept_s = none ? (on_time ? newest_s : newest_s + 1) : now_s - schedule->window_s;
    skip_before(planner, earlier(kept_s, newest_s + 1), none ? SCHEDULE_REASON_MISSED : SCHEDULE_REASON_WINDOW);
    if (kept_s > newest_s)
        return true;
    if (!all)
        skip_before(planner, newest_s, SCHEDULE_REASON_COALESCED);
    for (int64_t tick_s; schedule_next(schedule, planner->done_s, &tick_s) && tick_s <= newest_s;)
        if (planner->plan->count == SCHEDULE_PLAN_MAX ||
            !place(planner, tick_s, tick_s == newest_s && (!all || on_time)))
            return false;
    return true;
}

/* The first tick of all, which need not wait for its time; not any more if its version was replaced meanwhile. */
static bool
begins_at_once(const struct schedule *schedule, const struct schedule_state *state, int64_t newest_s)
{
    return schedule->first == SCHEDULE_FIRST_AT_ONCE && !state->has_last && !state->paused &&
           state->now_s <= state->until_s && newest_s != INT64_MIN;
}

/* Gives up what an entry that was gone for longer than its window would carry from before. */
static void
skip_absence(struct planner *planner, const struct schedule_state *state)
{
    int64_t tick_s, done_s = planner->done_s;
    if (!state->has_last || !state->returns ||
        !schedule_previous(planner->schedule, state->from_s - planner->schedule->window_s, &tick_s) ||
        tick_s <= state->last_s)
        return;
    decide(planner, SCHEDULE_SKIP, SCHEDULE_REASON_WINDOW, tick_s);
    planner->done_s = done_s;
}

void
schedule_plan(const struct schedule *schedule, const struct schedule_state *state, struct schedule_plan *plan)
{
    int64_t newest_s = INT64_MIN, until_s = earlier(state->until_s, state->now_s), first_s = state->from_s - 1;
    struct planner planner = {.schedule = schedule, .plan = plan, .live = state->live, .waiting = state->waiting};
    *plan = (struct schedule_plan){.finished = true, .next_s = INT64_MAX};
    if (!schedule_previous(schedule, until_s, &newest_s))
        newest_s = INT64_MIN;
    if (begins_at_once(schedule, state, newest_s))
        first_s = newest_s - 1;
    planner.done_s = state->has_last ? later(state->last_s, first_s) : first_s;
    if (state->has_last)
        planner.carry_s = state->carry_s;
    else if (!schedule_previous(schedule, first_s, &planner.carry_s))
        planner.carry_s = first_s;
    skip_absence(&planner, state);
    if (newest_s > planner.done_s && state->paused)
        decide(&planner, SCHEDULE_SKIP, SCHEDULE_REASON_PAUSED, newest_s);
    else if (newest_s > planner.done_s && begins_at_once(schedule, state, newest_s))
        decide(&planner, SCHEDULE_RUN, SCHEDULE_REASON_NONE, newest_s);
    else if (newest_s > planner.done_s)
        plan->finished = catch_up(&planner, newest_s, state->now_s);
    if (!schedule_next(schedule, later(planner.done_s, until_s), &plan->next_s))
        plan->next_s = INT64_MAX;
}
