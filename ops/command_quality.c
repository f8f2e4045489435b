/* quality: what broke a rule. */
#include "ops/command_session.h"

static enum error_code
run_issues(const struct command_line *line, struct error *error)
{
    static const char *const columns[] = {"created_at", "run_no", "job",         "source_table", "record_id", "date",
                                          "severity",   "rule",   "resolved_at", "message",      NULL};
    struct command_style style = {.form = command_print_form(command_flag(line, "--json")),
                                  .empty = "no rule was broken",
                                  .table_columns = columns};
    const char *limit;
    if (command_limit(line, "50", &limit, error))
        return error->code;
    return command_session_list("ops/quality", "issues", DATABASE_VALUES(command_value(line, "--run"), limit), &style,
                                error);
}

static enum error_code
run_quarantine(const struct command_line *line, struct error *error)
{
    static const char *const columns[] = {"source_table", "record_id", "date", "first_run_no",
                                          "last_run_no",  "rules",     NULL};
    struct command_style style = {.form = command_print_form(command_flag(line, "--json")),
                                  .empty = "no row is in quarantine",
                                  .table_columns = columns};
    const char *limit;
    if (command_limit(line, "100", &limit, error))
        return error->code;
    return command_session_list("ops/quality", "quarantine", DATABASE_VALUES(limit), &style, error);
}

static const struct command command_quality_quarantine = {
    .name = "quality quarantine",
    .usage = "",
    .summary = "list the rows in quarantine and every rule each of them broke",
    .detail = "A row leaves quarantine by itself: put it right at the source, and the next load of its day takes it.",
    .options = (const struct command_option[]){{"--limit", "N", "at most so many (100)", false},
                                               {"--json", NULL, "print JSON, with the whole rows", false},
                                               {0}},
    .run = run_quarantine,
};

const struct command command_quality = {
    .name = "quality",
    .usage = "",
    .summary = "list broken quality rules, newest first, and the rows in quarantine",
    .options = (const struct command_option[]){{"--run", "RUN", "those of one run: its number or its uuid", false},
                                               {"--limit", "N", "at most so many (50)", false},
                                               {"--json", NULL, "print JSON, with the whole rows", false},
                                               {0}},
    .run = run_issues,
    .verbs = (const struct command *const[]){&command_quality_quarantine, NULL},
};
