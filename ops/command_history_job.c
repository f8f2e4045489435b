/* What must hold of one job, by its events and by its runs in the ledger. */
#include <inttypes.h>
#include <string.h>

#include "ops/command_history.h"

static bool
in_state(const struct command_history_job *job, const char *state)
{
    return strcmp(job->state, state) == 0;
}

static const struct command_history_run *
find_run(const struct command_history_job *job, int64_t fence)
{
    for (size_t i = 0; i < job->run_count; i++)
        if (job->runs[i].fence == fence)
            return &job->runs[i];
    return NULL;
}

static bool
run_is(const struct command_history_run *run, const char *status)
{
    return run && strcmp(run->status, status) == 0;
}

static bool
has_event(const struct command_history_job *job, enum history_event event)
{
    for (size_t i = 0; i < job->event_count; i++)
        if (job->events[i].event == event)
            return true;
    return false;
}

/* ---- I1 ------------------------------------------------------------------------------------------------------ */

/* A commit is noted before it is made, so that no kill loses it: what is COMPLETED without that was not recorded, and
 * none of the other rules could be held against it. */
static void
check_recorded(struct command_history_verdict *verdict, const struct command_history_job *job,
               const struct command_history_run *run)
{
    bool recorded = job->id < verdict->from_job;
    for (size_t i = 0; i < job->event_count && !recorded; i++)
        recorded = job->events[i].event == HISTORY_COMMITTING && job->events[i].number == run->fence;
    if (!recorded)
        command_history_violate_events(verdict, COMMAND_HISTORY_EFFECT, job->events, job->event_count,
                                       "job %" PRId64 " (%s): its run with fence %" PRId64
                                       " is COMPLETED, but the history lacks its commit (recording began later? then "
                                       "--from-job)",
                                       job->id, job->name, run->fence);
}

/* A job that is done committed once, any other never; no run committed but that one, and the history has it. */
static void
check_effect(struct command_history_verdict *verdict, const struct command_history_job *job)
{
    size_t completed = 0;
    for (size_t i = 0; i < job->run_count; i++) {
        if (!run_is(&job->runs[i], "COMPLETED"))
            continue;
        completed++;
        check_recorded(verdict, job, &job->runs[i]);
    }
    verdict->checked[COMMAND_HISTORY_EFFECT]++;
    if (completed != in_state(job, "done"))
        command_history_violate_events(verdict, COMMAND_HISTORY_EFFECT, job->events, job->event_count,
                                       "job %" PRId64 " (%s) is %s, but %zu of its runs are COMPLETED", job->id,
                                       job->name, job->state, completed);
    for (size_t i = 0; i < job->event_count; i++) {
        const struct command_history_event *event = &job->events[i];
        if (event->event == HISTORY_COMMITTED && !run_is(find_run(job, event->number), "COMPLETED"))
            command_history_violate_events(verdict, COMMAND_HISTORY_EFFECT, job->events, job->event_count,
                                           "job %" PRId64 " (%s): the run with fence %" PRId64
                                           " committed, but the ledger does not have it as COMPLETED",
                                           job->id, job->name, event->number);
    }
}

/* ---- I2 ------------------------------------------------------------------------------------------------------ */

/* Did the run that went to commit get there? */
static bool
has_committed(const struct command_history_job *job, const struct command_history_event *committing)
{
    if (run_is(find_run(job, committing->number), "COMPLETED"))
        return true;
    for (size_t i = 0; i < job->event_count; i++)
        if (job->events[i].event == HISTORY_COMMITTED && job->events[i].number == committing->number)
            return true;
    return false;
}

/* A commit that began after somebody else had a higher fence is one of a stale worker. */
static void
check_fences(struct command_history_verdict *verdict, const struct command_history_job *job)
{
    int64_t highest = 0;
    for (size_t i = 0; i < job->event_count; i++) {
        const struct command_history_event *event = &job->events[i];
        bool raises =
            event->event == HISTORY_CLAIMED || event->event == HISTORY_TAKEN_OVER || event->event == HISTORY_CANCELLED;
        if (raises && event->number > highest)
            highest = event->number;
        if (event->event != HISTORY_COMMITTING || !has_committed(job, event))
            continue;
        verdict->checked[COMMAND_HISTORY_FENCE]++;
        if (event->number < highest)
            command_history_violate_events(verdict, COMMAND_HISTORY_FENCE, job->events, i + 1,
                                           "job %" PRId64 " (%s): a run with fence %" PRId64
                                           " committed although fence %" PRId64 " had been given",
                                           job->id, job->name, event->number, highest);
    }
}

/* ---- one holder at a time ------------------------------------------------------------------------------------ */

/* Between two claims the job must have left the first one's hands: its run ended it, or its fence was raised. */
static void
check_holders(struct command_history_verdict *verdict, const struct command_history_job *job)
{
    const struct command_history_event *last = NULL;
    for (size_t i = 0; i < job->event_count; i++) {
        const struct command_history_event *event = &job->events[i];
        if (event->event != HISTORY_CLAIMED)
            continue;
        verdict->checked[COMMAND_HISTORY_HOLDER]++;
        if (!find_run(job, event->number))
            command_history_violate_events(verdict, COMMAND_HISTORY_HOLDER, event, 1,
                                           "job %" PRId64 " (%s) was claimed with fence %" PRId64
                                           ", but the ledger has no such run",
                                           job->id, job->name, event->number);
        const struct command_history_run *before = last ? find_run(job, last->number) : NULL;
        bool ended = run_is(before, "FAILED") || run_is(before, "CANCELLED");
        if (last && (event->number <= last->number || (event->number == last->number + 1 && !ended)))
            command_history_violate_events(verdict, COMMAND_HISTORY_HOLDER, last, (size_t)(event - last) + 1,
                                           "job %" PRId64 " (%s) was claimed with fence %" PRId64
                                           " while the run with fence %" PRId64 " held it",
                                           job->id, job->name, event->number, last->number);
        last = event;
    }
}

/* ---- acknowledged only when it is over ------------------------------------------------------------------------ */

/* Does this event allow the keeper to have Redis forget the job? Its own runner found it over, or a person ended it. */
static bool
allows(const struct command_history *history, const struct command_history_event *event, int keeper)
{
    bool over = event->event == HISTORY_COMMITTED || event->event == HISTORY_FINISHED ||
                event->event == HISTORY_PARKED || event->event == HISTORY_DIED;
    return event->event == HISTORY_CANCELLED || (over && history->processes[event->process].parent == keeper);
}

static void
check_acknowledgements(struct command_history_verdict *verdict, const struct command_history_job *job)
{
    const struct command_history *history = verdict->history;
    for (size_t i = 0; i < job->event_count; i++) {
        const struct command_history_event *event = &job->events[i];
        if (event->event != HISTORY_ACKNOWLEDGING)
            continue;
        bool allowed = false, reserved = false;
        size_t from = i;
        while (from > 0 && !allowed && !reserved) {
            const struct command_history_event *before = &job->events[--from];
            allowed = allows(history, before, history->processes[event->process].pid);
            reserved = before->event == HISTORY_RESERVED && before->process == event->process;
        }
        verdict->checked[COMMAND_HISTORY_ORDER]++;
        if (!allowed)
            command_history_violate_events(verdict, COMMAND_HISTORY_ORDER, &job->events[from], job->event_count - from,
                                           "job %" PRId64 " (%s) was acknowledged before it was over", job->id,
                                           job->name);
    }
}

/* ---- I3, I6 -------------------------------------------------------------------------------------------------- */

static void
check_end(struct command_history_verdict *verdict, const struct command_history_job *job)
{
    verdict->checked[COMMAND_HISTORY_LOST]++;
    if (in_state(job, "queued") || in_state(job, "retry") || in_state(job, "running"))
        command_history_violate_events(verdict, COMMAND_HISTORY_LOST, job->events, job->event_count,
                                       "job %" PRId64 " (%s) is still %s", job->id, job->name, job->state);
    for (size_t i = 0; i < job->run_count; i++)
        if (run_is(&job->runs[i], "RUNNING") && !in_state(job, "running"))
            command_history_violate_events(verdict, COMMAND_HISTORY_LOST, job->events, job->event_count,
                                           "job %" PRId64 " (%s) is %s, but its run with fence %" PRId64
                                           " is still RUNNING",
                                           job->id, job->name, job->state, job->runs[i].fence);
}

/* Only a run that failed by its own fault costs an attempt. A person who retries a job sets its attempts to zero. */
static void
check_charges(struct command_history_verdict *verdict, const struct command_history_job *job)
{
    int64_t charged = 0;
    for (size_t i = 0; i < job->run_count; i++) {
        enum error_disposition disposition = error_disposition(job->runs[i].failure);
        charged +=
            run_is(&job->runs[i], "FAILED") && (disposition == DISPOSITION_RETRY || disposition == DISPOSITION_DEAD);
    }
    verdict->checked[COMMAND_HISTORY_CHARGE]++;
    bool fewer = job->attempts < charged && job->event_count && !has_event(job, HISTORY_RETRIED);
    if (job->attempts > charged || fewer)
        command_history_violate_events(verdict, COMMAND_HISTORY_CHARGE, job->events, job->event_count,
                                       "job %" PRId64 " (%s) was charged %" PRId64 " attempts, but %" PRId64
                                       " of its runs failed by its own fault",
                                       job->id, job->name, job->attempts, charged);
}

void
command_history_check_job(struct command_history_verdict *verdict, const struct command_history_job *job)
{
    verdict->jobs++;
    check_effect(verdict, job);
    check_fences(verdict, job);
    check_holders(verdict, job);
    check_acknowledgements(verdict, job);
    check_end(verdict, job);
    check_charges(verdict, job);
}
