#include "ops/command.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/calendar_date.h"

enum { NEAREST_NAME_BYTES = 64, HELP_COLUMN = 26 };

static const struct command_option no_options[] = {{0}};

/* ---- finding ----------------------------------------------------------------------------------------------- */

const struct command *
command_find(const struct command *const *table, const char *name)
{
    for (; table && *table; table++)
        if (strcmp((*table)->name, name) == 0)
            return *table;
    return NULL;
}

/* The verb of a command whose own name, after its command's, is word. */
static const struct command *
find_verb(const struct command *command, const char *word)
{
    size_t skip = strlen(command->name) + 1;
    for (const struct command *const *verb = command->verbs; verb && *verb; verb++)
        if (strcmp((*verb)->name + skip, word) == 0)
            return *verb;
    return NULL;
}

/* Edit distance (insert, delete, replace, swap of neighbours: "optimal string alignment") of two short texts. */
static size_t
distance(const char *a, const char *b)
{
    size_t rows[3][NEAREST_NAME_BYTES + 1], columns = strlen(b);
    size_t *before = rows[0], *last = rows[1], *row = rows[2];
    for (size_t j = 0; j <= columns; j++)
        last[j] = j;
    for (size_t i = 1; a[i - 1]; i++) {
        row[0] = i;
        for (size_t j = 1; j <= columns; j++) {
            size_t best = last[j - 1] + (a[i - 1] != b[j - 1]);
            best = best < last[j] + 1 ? best : last[j] + 1;
            best = best < row[j - 1] + 1 ? best : row[j - 1] + 1;
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] && before[j - 2] + 1 < best)
                best = before[j - 2] + 1;
            row[j] = best;
        }
        size_t *spare = before;
        before = last;
        last = row;
        row = spare;
    }
    return last[columns];
}

const char *
command_nearest(const char *name, const char *const *candidates, size_t count)
{
    size_t length = strlen(name), best = (length + 1) / 3;
    const char *nearest = NULL;
    if (length > NEAREST_NAME_BYTES)
        return NULL;
    for (size_t i = 0; i < count; i++) {
        if (strlen(candidates[i]) > NEAREST_NAME_BYTES)
            continue;
        bool begins = length >= 3 && strncmp(candidates[i], name, length) == 0;
        size_t away = begins ? 0 : distance(name, candidates[i]);
        if (away <= best && (away < best || !nearest)) {
            best = away;
            nearest = candidates[i];
        }
    }
    return nearest;
}

/* ---- parsing ----------------------------------------------------------------------------------------------- */

static const struct command_option *
options_of(const struct command *command)
{
    return command->options ? command->options : no_options;
}

static int
option_index(const struct command *command, const char *name, size_t length)
{
    const struct command_option *options = options_of(command);
    for (int i = 0; options[i].name; i++)
        if (strlen(options[i].name) == length && memcmp(options[i].name, name, length) == 0)
            return i;
    return -1;
}

static enum error_code
unknown_option(const struct command *command, const char *argument, size_t length, struct error *error)
{
    const char *names[COMMAND_OPTIONS_MAX + 1] = {"--help"};
    char given[NEAREST_NAME_BYTES];
    size_t count = 1;
    const struct command_option *options = options_of(command);
    while (count <= COMMAND_OPTIONS_MAX && options[count - 1].name) {
        names[count] = options[count - 1].name;
        count++;
    }
    (void)snprintf(given, sizeof(given), "%.*s", (int)length, argument);
    const char *nearest = command_nearest(given, names, count);
    return error_set(error, ERROR_USAGE, "\"%s\" has no option %s;%s%s%s `tapemill %s --help` lists them",
                     command->name, given, nearest ? " did you mean " : "", nearest ? nearest : "", nearest ? "?" : "",
                     command->name);
}

static enum error_code
keep_value(struct command_line *line, int index, const char *value, struct error *error)
{
    const struct command_option *option = &line->command->options[index];
    if (line->values[index] && !option->repeatable)
        return error_set(error, ERROR_USAGE, "%s is given twice; give it once", option->name);
    if (option->repeatable && line->repeat_count == COMMAND_REPEATS_MAX)
        return error_set(error, ERROR_USAGE, "%s is given more than %d times", option->name, COMMAND_REPEATS_MAX);
    line->values[index] = value;
    if (option->repeatable) {
        line->repeats[line->repeat_count].option = index;
        line->repeats[line->repeat_count++].value = value;
    }
    return ERROR_NONE;
}

/* Reads the option at *position, and its value, which may be the next argument. */
static enum error_code
read_option(struct command_line *line, int count, char *const *arguments, int *position, struct error *error)
{
    const char *argument = arguments[*position];
    size_t length = strcspn(argument, "=");
    const char *attached = argument[length] ? argument + length + 1 : NULL;
    int index = option_index(line->command, argument, length);
    if (index < 0)
        return unknown_option(line->command, argument, length, error);
    const struct command_option *option = &line->command->options[index];
    if (!option->value && attached)
        return error_set(error, ERROR_USAGE, "%s takes no value; write only %s", option->name, option->name);
    if (option->value && !attached) {
        if (*position + 1 >= count)
            return error_set(error, ERROR_USAGE, "%s needs a value: %s %s", option->name, option->name, option->value);
        attached = arguments[++*position];
    }
    return keep_value(line, index, option->value ? attached : "", error);
}

static enum error_code
check_words(const struct command_line *line, struct error *error)
{
    const struct command *command = line->command;
    if (!command->run && line->word_count)
        return error_set(error, ERROR_USAGE, "\"%s\" has no verb \"%.40s\"; `tapemill %s --help` lists what it has",
                         command->name, line->words[0], command->name);
    if (!command->run)
        return error_set(error, ERROR_USAGE, "\"%s\" needs a verb; `tapemill %s --help` lists them", command->name,
                         command->name);
    if (line->word_count < command->words_min)
        return error_set(error, ERROR_USAGE, "an argument is missing; write: tapemill %s %s", command->name,
                         command->usage);
    if (line->word_count > command->words_max)
        return error_set(error, ERROR_USAGE, "\"%.60s\" is one argument too many; write: tapemill %s%s%s",
                         line->words[command->words_max], command->name, command->usage[0] ? " " : "", command->usage);
    return ERROR_NONE;
}

enum error_code
command_parse(const struct command *command, int count, char *const *arguments, struct command_line *line,
              struct error *error)
{
    memset(line, 0, sizeof(*line));
    line->command = command;
    int position = 0;
    bool options_end = false;
    if (count > 0 && find_verb(command, arguments[0])) {
        line->command = find_verb(command, arguments[0]);
        position = 1;
    }
    for (; position < count; position++) {
        const char *argument = arguments[position];
        if (!options_end && strcmp(argument, "--") == 0) {
            options_end = true;
        } else if (!options_end && (strcmp(argument, "--help") == 0 || strcmp(argument, "-h") == 0)) {
            line->help = true;
            return ERROR_NONE;
        } else if (!options_end && argument[0] == '-' && argument[1]) {
            if (read_option(line, count, arguments, &position, error))
                return error->code;
        } else if (line->word_count == COMMAND_WORDS_MAX) {
            return error_set(error, ERROR_USAGE, "more than %d arguments; give fewer", COMMAND_WORDS_MAX);
        } else {
            line->words[line->word_count++] = argument;
        }
    }
    return check_words(line, error);
}

/* ---- values ------------------------------------------------------------------------------------------------ */

static int
declared_option(const struct command_line *line, const char *option)
{
    int index = option_index(line->command, option, strlen(option));
    if (index >= 0)
        return index;
    fprintf(stderr, "bug: command %s has no option %s\n", line->command->name, option);
    abort();
}

const char *
command_value(const struct command_line *line, const char *option)
{
    return line->values[declared_option(line, option)];
}

bool
command_flag(const struct command_line *line, const char *option)
{
    return command_value(line, option) != NULL;
}

const char *
command_next_value(const struct command_line *line, const char *option, int *cursor)
{
    int index = declared_option(line, option);
    while (*cursor < line->repeat_count) {
        int i = (*cursor)++;
        if (line->repeats[i].option == index)
            return line->repeats[i].value;
    }
    return NULL;
}

static bool
read_integer(const char *text, int64_t minimum, int64_t maximum, int64_t *value)
{
    char *end;
    errno = 0;
    long long number = strtoll(text, &end, 10);
    if (errno || *end || !(text[0] == '-' ? text[1] >= '0' && text[1] <= '9' : text[0] >= '0' && text[0] <= '9'))
        return false;
    *value = number;
    return number >= minimum && number <= maximum;
}

enum error_code
command_integer(const struct command_line *line, const char *option, int64_t minimum, int64_t maximum, int64_t fallback,
                int64_t *value, struct error *error)
{
    const char *text = command_value(line, option);
    *value = fallback;
    if (text && !read_integer(text, minimum, maximum, value))
        return error_set(error, ERROR_USAGE, "%s is \"%.40s\"; write a whole number from %lld to %lld", option, text,
                         (long long)minimum, (long long)maximum);
    return ERROR_NONE;
}

enum error_code
command_date(const struct command_line *line, const char *option, int32_t *days, bool *given, struct error *error)
{
    const char *text = command_value(line, option);
    *given = text != NULL;
    if (text && calendar_date_parse(text, days, error)) {
        error->code = ERROR_USAGE;
        return error_context(error, "%s", option);
    }
    return ERROR_NONE;
}

enum error_code
command_choice(const struct command_line *line, const char *option, const char *const *choices, const char *fallback,
               const char **value, struct error *error)
{
    char list[200] = "";
    *value = command_value(line, option);
    if (!*value) {
        *value = fallback;
        return ERROR_NONE;
    }
    for (size_t i = 0; choices[i]; i++) {
        if (strcasecmp(choices[i], *value) == 0) {
            *value = choices[i];
            return ERROR_NONE;
        }
        size_t used = strlen(list);
        (void)snprintf(list + used, sizeof(list) - used, "%s%s", !i ? "" : choices[i + 1] ? ", " : " or ", choices[i]);
    }
    return error_set(error, ERROR_USAGE, "%s is \"%.40s\"; write %s", option, *value, list);
}

enum error_code
command_id(const struct command_line *line, int word, int64_t *id, struct error *error)
{
    if (!read_integer(line->words[word], 1, INT64_MAX, id))
        return error_set(error, ERROR_USAGE, "\"%.40s\" is not an id; write a whole number such as 42",
                         line->words[word]);
    return ERROR_NONE;
}

enum error_code
command_limit(const struct command_line *line, const char *fallback, const char **limit, struct error *error)
{
    int64_t number;
    if (command_integer(line, "--limit", 1, 1000000, 1, &number, error))
        return error->code;
    *limit = command_value(line, "--limit");
    if (!*limit)
        *limit = fallback;
    return ERROR_NONE;
}

/* ---- help -------------------------------------------------------------------------------------------------- */

static void
show_entry(FILE *out, const char *head, const char *value, const char *help)
{
    char left[80];
    (void)snprintf(left, sizeof(left), "%s%s%s", head, value ? " " : "", value ? value : "");
    if (strlen(left) < HELP_COLUMN)
        fprintf(out, "  %-*s%s\n", HELP_COLUMN, left, help);
    else
        fprintf(out, "  %s\n  %-*s%s\n", left, HELP_COLUMN, "", help);
}

void
command_show_help(FILE *out, const struct command *command)
{
    const struct command_option *options = options_of(command);
    if (command->run)
        fprintf(out, "usage: tapemill %s%s%s [options]\n", command->name, command->usage[0] ? " " : "", command->usage);
    for (const struct command *const *verb = command->verbs; verb && *verb; verb++)
        fprintf(out, "%s tapemill %s%s%s\n", !command->run && verb == command->verbs ? "usage:" : "      ",
                (*verb)->name, (*verb)->usage[0] ? " " : "", (*verb)->usage);
    fprintf(out, "\n%s\n", command->summary);
    if (command->detail)
        fprintf(out, "\n%s\n", command->detail);
    fprintf(out, "\nOptions:\n");
    for (; options->name; options++)
        show_entry(out, options->name, options->value, options->help);
    show_entry(out, "--help", NULL, "show this");
    if (command->verbs) {
        fprintf(out, "\nVerbs (each has its own --help):\n");
        for (const struct command *const *verb = command->verbs; *verb; verb++)
            show_entry(out, (*verb)->name, NULL, (*verb)->summary);
    }
    if (command->show_more)
        command->show_more(out);
}
