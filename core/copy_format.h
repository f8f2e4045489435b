/* core/copy_format.h - what reading and writing share of COPY's binary format. Private to core/copy_*.c. */
#ifndef TAPEMILL_CORE_COPY_FORMAT_H
#define TAPEMILL_CORE_COPY_FORMAT_H

#include <stdint.h>

enum { COPY_EPOCH_DAYS = 10957 /* 2000-01-01, from which PostgreSQL counts */ };

#define COPY_EPOCH_US        ((int64_t)COPY_EPOCH_DAYS * 86400 * 1000000)
#define COPY_SIGNATURE       "PGCOPY\n\377\r\n" /* and a 0 byte */
#define COPY_SIGNATURE_BYTES 11

#endif
