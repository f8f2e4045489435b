/* history: do the events that processes noted, and the tables that they left, keep the invariants? */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "ops/command_history.h"
#include "ops/command_session.h"

enum { EVIDENCE_MAX = 20, VIOLATIONS_MAX = 10 };

static const struct {
    const char *label, *about;
} invariants[COMMAND_HISTORY_INVARIANTS] = {
    [COMMAND_HISTORY_EFFECT] = {"I1 one effect", "jobs"},
    [COMMAND_HISTORY_FENCE] = {"I2 no stale writer", "commits"},
    [COMMAND_HISTORY_LOST] = {"I3 nothing lost", "jobs"},
    [COMMAND_HISTORY_TICK] = {"I4 a tick once", "ticks"},
    [COMMAND_HISTORY_CHARGE] = {"I6 a crash is free", "jobs"},
    [COMMAND_HISTORY_HOLDER] = {"one holder", "claims"},
    [COMMAND_HISTORY_ORDER] = {"in order", "acknowledgements"},
};

/* ---- violations ---------------------------------------------------------------------------------------------- */

static bool
count_violation(struct command_history_verdict *verdict, enum command_history_invariant invariant)
{
    return ++verdict->violations[invariant] <= verdict->most;
}

static void print_violation(enum command_history_invariant invariant, const char *format, va_list arguments)
    __attribute__((format(printf, 2, 0)));

static void
print_violation(enum command_history_invariant invariant, const char *format, va_list arguments)
{
    printf("%s: ", invariants[invariant].label);
    vprintf(format, arguments);
    putchar('\n');
}

void
command_history_violate(struct command_history_verdict *verdict, enum command_history_invariant invariant,
                        const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    if (count_violation(verdict, invariant))
        print_violation(invariant, format, arguments);
    va_end(arguments);
}

void
command_history_violate_events(struct command_history_verdict *verdict, enum command_history_invariant invariant,
                               const struct command_history_event *events, size_t count, const char *format, ...)
{
    const struct command_history *history = verdict->history;
    va_list arguments;
    if (!count_violation(verdict, invariant))
        return;
    va_start(arguments, format);
    print_violation(invariant, format, arguments);
    va_end(arguments);
    if (count > EVIDENCE_MAX)
        printf("    ... %zu events before\n", count - EVIDENCE_MAX);
    for (size_t i = count > EVIDENCE_MAX ? count - EVIDENCE_MAX : 0; i < count; i++)
        printf("    %14.6f s  %-13s %-4" PRId64 " %s\n", (double)(events[i].us - history->first_us) / 1e6,
               history_event_name(events[i].event), events[i].number, history->processes[events[i].process].file);
}

/* ---- the command --------------------------------------------------------------------------------------------- */

static void
print_counts(const struct command_history *history)
{
    printf("%zu processes, %.1f s of history\n", history->process_count,
           (double)(history->last_us - history->first_us) / 1e6);
    for (enum history_event event = 0; event < HISTORY_EVENT_COUNT; event++)
        if (history->counts[event])
            printf("  %-20s %10" PRId64 "\n", history_event_name(event), history->counts[event]);
}

static int64_t
print_verdict(const struct command_history_verdict *verdict)
{
    int64_t violations = 0;
    for (int i = 0; i < COMMAND_HISTORY_INVARIANTS; i++) {
        violations += verdict->violations[i];
        printf("  %-20s %10" PRId64 " %-17s %" PRId64 " violations\n", invariants[i].label, verdict->checked[i],
               invariants[i].about, verdict->violations[i]);
    }
    return violations;
}

static enum error_code
check(const struct command_history *history, struct database *warehouse, int64_t from_job, int64_t most,
      struct error *error)
{
    struct command_history_verdict verdict = {.history = history, .from_job = from_job, .most = most};
    if (command_history_check_jobs(&verdict, warehouse, error) ||
        command_history_check_tables(&verdict, warehouse, error) ||
        command_history_check_ticks(&verdict, warehouse, error) ||
        command_history_check_redis(&verdict, warehouse, error))
        return error->code;
    printf("%" PRId64 " jobs in the ledger\n", verdict.jobs);
    int64_t violations = print_verdict(&verdict);
    if (!violations)
        return ERROR_NONE;
    return error_set(error, ERROR_GATE, "the history breaks invariants %" PRId64 " times; see above", violations);
}

static enum error_code
run_check(const struct command_line *line, struct error *error)
{
    struct command_history history;
    struct database *warehouse;
    int64_t from_job, most;
    if (command_integer(line, "--from-job", 1, INT64_MAX, 1, &from_job, error) ||
        command_integer(line, "--limit", 1, 1000000, VIOLATIONS_MAX, &most, error) ||
        command_session_open(&warehouse, error))
        return error->code;
    enum error_code code = command_history_read(&history, line->words[0], error);
    if (!code) {
        print_counts(&history);
        code = check(&history, warehouse, from_job, most, error);
    }
    command_history_term(&history);
    database_close(warehouse);
    return code;
}

static enum error_code
run_history(const struct command_line *line, struct error *error)
{
    (void)line;
    return error_set(error, ERROR_USAGE, "say what: tapemill history check DIR");
}

static const struct command command_history_check = {
    .name = "history check",
    .usage = "DIR",
    .summary = "check a history, the ledger and Redis against the invariants",
    .detail =
        "DIR is the folder that TAPEMILL_HISTORY_DIR named for all processes, from the ledger's first job on,\n"
        "or from that of --from-job on. Check it when no job is left to run: a job that is queued or running "
        "counts as\n"
        "forgotten.\n"
        "\n"
        "  I1   a job that is done committed once, any other never, and the history has the commit; so did what probes "
        "marked\n"
        "  I2   no commit began after a higher fence had been given\n"
        "  I3   no job is forgotten by Redis, by what it waits for, or by the ledger\n"
        "  I4   a tick was made once, the ledger has it with its job, and none was left out\n"
        "  I6   attempts are those runs that failed by their own fault\n"
        "and a job has one holder at a time, is acknowledged when it is over, and begins when what it depends on "
        "is done.\n"
        "Ends with 1 if anything is broken, the events before it as evidence.",
    .options =
        (const struct command_option[]){
            {"--from-job", "ID", "the first job that was recorded: of those before it no commit is missed (1)", false},
            {"--limit", "N", "print at most so many violations of each (10)", false},
            {0}},
    .words_min = 1,
    .words_max = 1,
    .run = run_check,
};

const struct command command_history = {
    .name = "history",
    .usage = "check DIR",
    .summary = "check what processes noted in TAPEMILL_HISTORY_DIR against the invariants",
    .run = run_history,
    .verbs = (const struct command *const[]){&command_history_check, NULL},
};
