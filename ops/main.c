/* tapemill - the command line. Exit codes: 0 done, 1 failed, 2 usage. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "core/config.h"
#include "core/log.h"
#include "core/migration.h"
#include "ops/command.h"

enum { EXIT_DONE = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

extern const struct command command_backfill, command_cancel, command_config, command_dead, command_dimension,
    command_doctor, command_enqueue, command_fingerprint, command_help, command_history, command_jobs,
    command_limit_key, command_limits, command_migrate, command_pipeline, command_pnl, command_quality, command_queue,
    command_report, command_runs, command_schedule, command_source, command_verify, command_verify_rerun,
    command_version, command_why;

const struct command *const command_table[] = {
    &command_migrate,      &command_enqueue,     &command_backfill,
    &command_schedule,     &command_jobs,        &command_why,
    &command_runs,         &command_pipeline,    &command_queue,
    &command_limit_key,    &command_limits,      &command_dead,
    &command_cancel,       &command_quality,     &command_report,
    &command_dimension,    &command_pnl,         &command_verify,
    &command_verify_rerun, &command_fingerprint, &command_history,
    &command_source,       &command_doctor,      &command_config,
    &command_version,      &command_help,        NULL,
};

enum { COMMANDS_MAX = sizeof(command_table) / sizeof(command_table[0]) };

/* ---- help and version ---------------------------------------------------------------------------------------- */

static void
show_commands(FILE *out)
{
    fprintf(out, "usage: tapemill COMMAND [ARGUMENTS]\n\nCommands:\n");
    for (const struct command *const *command = command_table; *command; command++)
        fprintf(out, "  %-13s%s\n", (*command)->name, (*command)->summary);
    fprintf(out, "\n`tapemill COMMAND --help` says more. Settings come from the environment: `tapemill config` lists "
                 "them.\nExit codes: 0 done, 1 failed, 2 wrong usage.\n");
}

/* The command of that name; ERROR_USAGE names the nearest one. */
static enum error_code
find_command(const char *name, const struct command **command, struct error *error)
{
    const char *names[COMMANDS_MAX];
    size_t count = 0;
    *command = command_find(command_table, name);
    if (*command)
        return ERROR_NONE;
    for (; command_table[count]; count++)
        names[count] = command_table[count]->name;
    const char *nearest = command_nearest(name, names, count);
    if (nearest)
        return error_set(error, ERROR_USAGE,
                         "there is no command \"%.40s\"; did you mean %s? `tapemill help` lists all", name, nearest);
    return error_set(error, ERROR_USAGE, "there is no command \"%.40s\"; `tapemill help` lists all", name);
}

static enum error_code
run_help(const struct command_line *line, struct error *error)
{
    const struct command *command;
    char name[64];
    if (!line->word_count) {
        show_commands(stdout);
        return ERROR_NONE;
    }
    if (find_command(line->words[0], &command, error))
        return error->code;
    if (line->word_count > 1) {
        (void)snprintf(name, sizeof(name), "%s %s", command->name, line->words[1]);
        const struct command *verb = command_find(command->verbs, name);
        if (!verb)
            return error_set(error, ERROR_USAGE, "\"%s\" has no verb \"%.40s\"; `tapemill help %s` shows what it has",
                             command->name, line->words[1], command->name);
        command = verb;
    }
    command_show_help(stdout, command);
    return ERROR_NONE;
}

static enum error_code
run_version(const struct command_line *line, struct error *error)
{
    (void)error;
    if (command_flag(line, "--json"))
        printf("{\"version\": \"%s\", \"schema\": %d}\n", TAPEMILL_VERSION, migration_known_version());
    else
        printf("tapemill %s (warehouse schema %d)\n", TAPEMILL_VERSION, migration_known_version());
    return ERROR_NONE;
}

const struct command command_help = {
    .name = "help",
    .usage = "[COMMAND [VERB]]",
    .summary = "show the commands, or one of them",
    .words_max = 2,
    .run = run_help,
    .without_config = true,
};

const struct command command_version = {
    .name = "version",
    .usage = "",
    .summary = "show the version of this binary and of the schema it knows",
    .options = (const struct command_option[]){{"--json", NULL, "print JSON", false}, {0}},
    .run = run_version,
    .without_config = true,
};

/* ---- running ------------------------------------------------------------------------------------------------- */

static enum error_code
load_settings(struct error *error)
{
    if (config_load(error))
        return error->code;
    int level = log_level_from_name(config_text(CONFIG_LOG_LEVEL));
    log_init("tapemill", level < 0 ? LOG_LEVEL_INFO : (enum log_level)level);
    return ERROR_NONE;
}

static enum error_code
run_command(int count, char *const *arguments, struct error *error)
{
    static struct command_line line;
    const struct command *command;
    const char *name = arguments[0];
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0)
        name = "help";
    else if (strcmp(name, "--version") == 0)
        name = "version";
    if (find_command(name, &command, error) || command_parse(command, count - 1, arguments + 1, &line, error))
        return error->code;
    if (line.help) {
        command_show_help(stdout, line.command);
        return ERROR_NONE;
    }
    if (!line.command->without_config && load_settings(error))
        return error->code;
    return line.command->run(&line, error);
}

int
main(int argc, char **argv)
{
    struct error error = {.code = ERROR_NONE};
    log_init("tapemill", LOG_LEVEL_INFO);
    if (argc < 2) {
        show_commands(stderr);
        return EXIT_USAGE;
    }
    enum error_code code = run_command(argc - 1, argv + 1, &error);
    errno = 0;
    if ((fflush(stdout) || ferror(stdout)) && !code)
        code = error_set(&error, ERROR_IO, "the output could not be written: %s", strerror(errno));
    if (!code)
        return EXIT_DONE;
    fprintf(stderr, "tapemill: %s\n", error.message);
    return code == ERROR_USAGE || code == ERROR_CONFIG ? EXIT_USAGE : EXIT_FAILED;
}
