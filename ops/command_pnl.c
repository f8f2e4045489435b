/* pnl: by which method realised P&L is computed, and the switch to the other. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/config.h"
#include "jobs/pnl_method.h"
#include "ops/command_session.h"

/* How long the switch waits for runs that have books in hand; who begins meanwhile waits behind it. */
#define LOCK_TIMEOUT "set local lock_timeout = '10s'"

static const char *const methods[] = {"average", "fifo", NULL};

static enum error_code
show(struct database *warehouse, struct error *error)
{
    const char *configured = config_text(CONFIG_PNL_METHOD);
    char stored[PNL_METHOD_NAME_BYTES];
    if (pnl_method_stored(warehouse, stored, error))
        return error->code;
    printf("TAPEMILL_PNL_METHOD is %s; ", configured);
    if (!stored[0])
        printf("no books were computed yet\n");
    else if (strcmp(stored, configured) == 0)
        printf("so were the stored books computed\n");
    else
        printf("the stored books were computed by %s: set TAPEMILL_PNL_METHOD=%s, or run `tapemill pnl method %s`\n",
               stored, stored, configured);
    return ERROR_NONE;
}

/* The method named, which must be the one that every process is set to by now. */
static enum error_code
read_method(const struct command_line *line, struct error *error)
{
    const char *word = line->words[0], *configured = config_text(CONFIG_PNL_METHOD);
    if (strcmp(word, methods[0]) != 0 && strcmp(word, methods[1]) != 0)
        return error_set(error, ERROR_USAGE, "there is no method \"%.40s\"; there are %s and %s", word, methods[0],
                         methods[1]);
    if (strcmp(word, configured) != 0)
        return error_set(error, ERROR_CONFIG,
                         "TAPEMILL_PNL_METHOD is %s here: set it to %s for every process, start workers and schedulers "
                         "again, and then run this once more",
                         configured, word);
    return ERROR_NONE;
}

static enum error_code
empty_books(struct database *warehouse, struct pnl_method_emptied *emptied, struct error *error)
{
    if (database_begin(warehouse, error))
        return error->code;
    enum error_code code = database_run(warehouse, LOCK_TIMEOUT, error);
    if (!code)
        code = pnl_method_switch(warehouse, emptied, error);
    if (!code)
        code = database_commit(warehouse, error);
    database_rollback(warehouse);
    if (code == ERROR_PG_CONFLICT)
        return error_context(error, "loads or P&L are being computed; nothing has changed: pause their queues "
                                    "(`tapemill queue pause batch`), wait for what runs, and try again");
    return code;
}

static enum error_code
switch_method(struct database *warehouse, const char *method, struct error *error)
{
    const char *start = config_text(CONFIG_HISTORY_START);
    char stored[PNL_METHOD_NAME_BYTES];
    struct pnl_method_emptied emptied;
    if (pnl_method_stored(warehouse, stored, error))
        return error->code;
    if (strcmp(stored, method) == 0) {
        printf("the stored books were computed by %s already; nothing changed\n", method);
        return ERROR_NONE;
    }
    if (empty_books(warehouse, &emptied, error))
        return error->code;
    printf("realised P&L is computed by %s from now on\n", method);
    if (emptied.dates)
        printf("%" PRId64 " date%s, from %s to %s, %s to be computed again; their P&L is the old method's until then:\n"
               "tapemill backfill pnl_forward --from %s --to %s --reprocess completed\n",
               emptied.dates, emptied.dates == 1 ? "" : "s", emptied.from, emptied.to,
               emptied.dates == 1 ? "is" : "are", start && start[0] ? start : emptied.from, emptied.to);
    return ERROR_NONE;
}

static enum error_code
run_method(const struct command_line *line, struct error *error)
{
    struct database *warehouse;
    if ((line->word_count && read_method(line, error)) || command_session_open(&warehouse, error))
        return error->code;
    enum error_code code = line->word_count ? switch_method(warehouse, line->words[0], error) : show(warehouse, error);
    database_close(warehouse);
    return code;
}

static const struct command command_pnl_method = {
    .name = "pnl method",
    .usage = "[average|fifo]",
    .summary = "show the method of the stored books, or empty them for another",
    .detail =
        "Books of one method are never carried on by the other; jobs that would are dead with a sentence that says "
        "so.\n"
        "To switch: set TAPEMILL_PNL_METHOD for every process, start workers and schedulers again, then run this with\n"
        "the method's name. In one transaction it empties all books and says of every date that it is not closed.\n"
        "Facts keep their P&L until the backfill that it prints has computed it anew, day after day.",
    .words_max = 1,
    .run = run_method,
};

extern const struct command command_pnl;
const struct command command_pnl = {
    .name = "pnl",
    .usage = "",
    .summary = "the method by which realised P&L is computed, and the switch to another",
    .verbs = (const struct command *const[]){&command_pnl_method, NULL},
};
