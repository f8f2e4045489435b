/* core/config.h - settings, from the environment only (12-factor). config.def is the one table of them: parsing,
 * defaults, `tapemill config`, docs/configuration.md (checked by a test) all follow from it. */
#ifndef TAPEMILL_CORE_CONFIG_H
#define TAPEMILL_CORE_CONFIG_H

#include <stddef.h>
#include <stdint.h>

#include "core/error.h"

enum config_id {
#define CONFIG(id, type, initial, minimum, maximum, help) CONFIG_##id,
#include "core/config.def"
#undef CONFIG
    CONFIG_COUNT
};

enum config_type { CONFIG_TYPE_TEXT, CONFIG_TYPE_URL, CONFIG_TYPE_SECRET, CONFIG_TYPE_INTEGER };

struct config_setting {
    const char *name; /* "TAPEMILL_..." */
    enum config_type type;
    const char *initial; /* NULL: none */
    int64_t minimum, maximum;
    const char *help;
};

/* Reads and checks the environment once. Values are copied; later calls read them again. */
ERROR_MUST_CHECK enum error_code config_load(struct error *error);

const struct config_setting *config_setting(enum config_id id);

/* The value, or NULL where none is set and there is no default. */
const char *config_text(enum config_id id);

/* The value of an INTEGER setting. */
int64_t config_integer(enum config_id id);

/* The value, or ERROR_CONFIG with a sentence that names the variable. */
ERROR_MUST_CHECK enum error_code config_require(enum config_id id, const char **value, struct error *error);

/* Seconds after midnight of TAPEMILL_DAY_ROLL (checked by config_load). */
int config_day_roll_seconds(void);

/* The value fit to be shown: passwords in URLs and secrets replaced by "***". */
void config_show(enum config_id id, char *text, size_t size);

/* Copies a connection string with its password replaced by "***" (both URL and keyword form). */
void config_redact(const char *url, char *text, size_t size);

#endif
