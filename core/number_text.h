/* core/number_text.h - whole numbers as texts, for the parameters of SQL statements and Redis commands. */
#ifndef TAPEMILL_CORE_NUMBER_TEXT_H
#define TAPEMILL_CORE_NUMBER_TEXT_H

#include <stdint.h>

/* The caller's room for one. */
struct number_text {
    char text[24];
};

/* Writes value and returns the text, which lives as long as *number. */
const char *number_text(struct number_text *number, int64_t value);

#endif
