/* ops/command.h - the `tapemill` command line: one struct per subcommand, found by name, and what they print with.
 *
 * A subcommand is `const struct command command_NAME`, listed in main.c. Its options are a table from which parsing and
 * --help follow. A subcommand with verbs ("dead retry") lists one struct for each; the parser picks the verb's. */
#ifndef TAPEMILL_OPS_COMMAND_H
#define TAPEMILL_OPS_COMMAND_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "core/database.h"
#include "core/error.h"

struct command_option {
    const char *name;  /* "--from" */
    const char *value; /* placeholder of its value ("DATE"), NULL for a flag */
    const char *help;
    bool repeatable; /* may be given more than once: command_next_value() */
};

enum { COMMAND_OPTIONS_MAX = 24, COMMAND_WORDS_MAX = 1024, COMMAND_REPEATS_MAX = 64 };

/* Parsed command line of a subcommand. Texts are those of argv. */
struct command_line {
    const struct command *command;           /* the verb's, where one was named */
    const char *values[COMMAND_OPTIONS_MAX]; /* by index in command->options; NULL: not given; "" for a flag that is */
    const char *words[COMMAND_WORDS_MAX];    /* positional arguments */
    int word_count;
    bool help; /* --help was among the arguments: show it and do nothing else */
    struct {
        int option;
        const char *value;
    } repeats[COMMAND_REPEATS_MAX]; /* every occurrence of the repeatable options, in order */
    int repeat_count;
};

struct command {
    const char *name;                     /* "dead", "dead retry" */
    const char *usage;                    /* positional part: "ID..." */
    const char *summary;                  /* one line */
    const char *detail;                   /* more lines for --help, or NULL */
    const struct command_option *options; /* .name NULL at the end; NULL: none */
    int words_min, words_max;
    enum error_code (*run)(const struct command_line *line, struct error *error); /* NULL: a verb is needed */
    const struct command *const *verbs;                                           /* NULL at the end; NULL: none */
    void (*show_more)(FILE *out); /* writes what --help cannot know when it is compiled; NULL: nothing */
    bool without_config;          /* runs although a setting may be wrong */
};

/* The table in main.c, NULL at the end. */
extern const struct command *const command_table[];

/* The command of that name in a table that ends with NULL; NULL if there is none. */
const struct command *command_find(const struct command *const *table, const char *name);

/* Reads the arguments that follow the subcommand's name: options anywhere, "--option=value" or "--option value", "--"
 * ends options. ERROR_USAGE names the argument and the remedy. */
ERROR_MUST_CHECK enum error_code command_parse(const struct command *command, int count, char *const *arguments,
                                               struct command_line *line, struct error *error);

/* Writes what --help shows. */
void command_show_help(FILE *out, const struct command *command);

/* The value of an option by name ("--from"), or NULL. The option must be declared: an unknown name aborts. */
const char *command_value(const struct command_line *line, const char *option);
bool command_flag(const struct command_line *line, const char *option);
/* The next value of a repeatable option, or NULL; *cursor starts at 0. */
const char *command_next_value(const struct command_line *line, const char *option, int *cursor);
/* The value as an integer within bounds, or fallback when not given. */
ERROR_MUST_CHECK enum error_code command_integer(const struct command_line *line, const char *option, int64_t minimum,
                                                 int64_t maximum, int64_t fallback, int64_t *value,
                                                 struct error *error);
/* The value as a date (days since 1970-01-01); *given is false when there is none. */
ERROR_MUST_CHECK enum error_code command_date(const struct command_line *line, const char *option, int32_t *days,
                                              bool *given, struct error *error);
/* The value, which must be one of choices (NULL at the end) in any case of letters, as it stands there; or fallback. */
ERROR_MUST_CHECK enum error_code command_choice(const struct command_line *line, const char *option,
                                                const char *const *choices, const char *fallback, const char **value,
                                                struct error *error);
/* A positional argument as an id, 1 or more. */
ERROR_MUST_CHECK enum error_code command_id(const struct command_line *line, int word, int64_t *id,
                                            struct error *error);

/* Text of the --limit option of the lists, checked; fallback when not given. */
ERROR_MUST_CHECK enum error_code command_limit(const struct command_line *line, const char *fallback,
                                               const char **limit, struct error *error);

/* The candidate that is most like name, or NULL if none is near. candidates: count texts. */
const char *command_nearest(const char *name, const char *const *candidates, size_t count);

/* Prints a result as an aligned table, or as JSON (an array of objects) with json set, to standard output. */
ERROR_MUST_CHECK enum error_code command_print(const struct rows *rows, bool json, struct error *error);

/* ---- more than command_print: command_print.c --------------------------------------------------------------- */

enum command_form {
    COMMAND_FORM_TABLE,
    COMMAND_FORM_RECORD,
    COMMAND_FORM_JSON,
    COMMAND_FORM_JSON_OBJECT,
    COMMAND_FORM_CSV
};

/* How many decimals a column is rounded to in tables; exact elsewhere. */
struct command_decimals {
    const char *column; /* NULL at the end */
    int decimals;
};

struct command_style {
    enum command_form form;
    const char *empty;                       /* sentence in place of a table without rows; NULL: "none" */
    const struct command_decimals *decimals; /* NULL: columns of type numeric lose trailing zeros only */
    bool member;                             /* JSON that goes on: no line end after it */
    const char *const *table_columns;        /* those a table shows, in this order, NULL at the end; NULL: all */
    const char *null_text;                   /* what a table shows for null; NULL: nothing */
};

enum command_kind {
    COMMAND_KIND_TEXT,
    COMMAND_KIND_INTEGER,
    COMMAND_KIND_NUMERIC, /* JSON: a string, as a JSON number would go through a double */
    COMMAND_KIND_FLOAT,
    COMMAND_KIND_BOOLEAN,   /* "t" or "f" */
    COMMAND_KIND_TIMESTAMP, /* PostgreSQL's ISO text with offset; RFC 3339 in JSON and CSV */
    COMMAND_KIND_JSON
};

struct command_column {
    const char *name;
    enum command_kind kind;
};

/* What is printed: cells row by row, NULL for null. Everything is borrowed. */
struct command_grid {
    const struct command_column *columns;
    size_t column_count;
    const char *const *cells;
    size_t row_count;
};

ERROR_MUST_CHECK enum error_code command_print_grid(FILE *out, const struct command_grid *grid,
                                                    const struct command_style *style, struct error *error);
/* The same for a result, to standard output. A record of no rows is the caller's business. */
ERROR_MUST_CHECK enum error_code command_print_rows(FILE *out, const struct rows *rows,
                                                    const struct command_style *style, struct error *error);

/* A form from a command's --json flag. */
enum command_form command_print_form(bool json);

enum { COMMAND_NUMBER_BYTES = 128 };

/* A decimal number's text for people: rounded to so many decimals (half away from zero; below 0: only trailing zeros
 * go), thousands grouped by commas. A text that is no number is copied. Returns out. */
const char *command_print_number(const char *text, int decimals, char out[COMMAND_NUMBER_BYTES]);

/* ---- progress: command_progress.c --------------------------------------------------------------------------- */

enum { COMMAND_PROGRESS_BYTES = 512 };

/* A progress display on standard error: a bar that is redrawn on a terminal, plain lines elsewhere. */
struct command_progress {
    const char *label, *unit;
    int64_t total, done, started_ms, shown_ms, shown_done;
    int64_t first_done; /* done before we looked; the rate does not count it. -1: not known yet */
    bool terminal, ended;
    int width; /* columns of the terminal */
};
void command_progress_begin(struct command_progress *progress, const char *label, const char *unit, int64_t total);
void command_progress_update(struct command_progress *progress, int64_t done, const char *note);
void command_progress_end(struct command_progress *progress, const char *note);

/* The text of one display at an instant of the monotonic clock; returns out. */
const char *command_progress_format(const struct command_progress *progress, int64_t now_ms, const char *note,
                                    char out[COMMAND_PROGRESS_BYTES]);

/* A span for people: "0.4s", "45s", "3m05s", "2h07m", "3d04h". Returns out. */
const char *command_progress_span(int64_t ms, char out[32]);

#endif
