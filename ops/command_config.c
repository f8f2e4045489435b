#include <stdio.h>

#include "core/config.h"
#include "ops/command.h"

enum { VALUE_BYTES = 1024 };

static enum error_code
print_json(struct error *error)
{
    static const struct command_column columns[] = {{"name", COMMAND_KIND_TEXT},
                                                    {"value", COMMAND_KIND_TEXT},
                                                    {"default", COMMAND_KIND_TEXT},
                                                    {"help", COMMAND_KIND_TEXT}};
    static char values[CONFIG_COUNT][VALUE_BYTES];
    const char *cells[CONFIG_COUNT * 4];
    struct command_style style = {.form = COMMAND_FORM_JSON};
    for (size_t i = 0; i < CONFIG_COUNT; i++) {
        const struct config_setting *setting = config_setting((enum config_id)i);
        config_show((enum config_id)i, values[i], VALUE_BYTES);
        cells[i * 4] = setting->name;
        cells[i * 4 + 1] = config_text((enum config_id)i) ? values[i] : NULL;
        cells[i * 4 + 2] = setting->initial;
        cells[i * 4 + 3] = setting->help;
    }
    struct command_grid grid = {columns, 4, cells, CONFIG_COUNT};
    return command_print_grid(stdout, &grid, &style, error);
}

static void
print_text(void)
{
    char value[VALUE_BYTES];
    for (int i = 0; i < CONFIG_COUNT; i++) {
        const struct config_setting *setting = config_setting((enum config_id)i);
        config_show((enum config_id)i, value, sizeof(value));
        printf("%s%s=%s\n    %s", i ? "\n" : "", setting->name, config_text((enum config_id)i) ? value : "",
               setting->help);
        if (setting->type == CONFIG_TYPE_INTEGER)
            printf("; %lld to %lld", (long long)setting->minimum, (long long)setting->maximum);
        printf(setting->initial ? " (default %s)\n" : " (no default)\n", setting->initial);
    }
}

static enum error_code
run_config(const struct command_line *line, struct error *error)
{
    if (command_flag(line, "--json"))
        return print_json(error);
    print_text();
    return ERROR_NONE;
}

const struct command command_config = {
    .name = "config",
    .usage = "",
    .summary = "show every setting with its value, default and meaning; secrets are hidden",
    .detail = "Settings are environment variables. foreman reads them from the file .env.",
    .options = (const struct command_option[]){{"--json", NULL, "print JSON", false}, {0}},
    .run = run_config,
};
