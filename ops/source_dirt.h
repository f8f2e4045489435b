/* ops/source_dirt.h - rows that are wrong on purpose, and what the warehouse is expected to make of each kind.
 *
 * A kind replaces one or two fields of a row by a text. Kinds of a table come in turn, starting from one that follows
 * from the day, so that each comes about as often as any other. Some are dirt only where clients trade: the desk's
 * order without a tenant or client takes them from its account. */
#ifndef TAPEMILL_OPS_SOURCE_DIRT_H
#define TAPEMILL_OPS_SOURCE_DIRT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ops/source_plan.h"
#include "ops/source_sink.h"

/* What the load of such a row does. */
enum source_outcome {
    SOURCE_QUARANTINED, /* breaks an ERROR rule */
    SOURCE_WARNED,      /* breaks a WARNING rule and loads */
    SOURCE_INFERRED,    /* names a member nobody knows, which is inferred; loads */
    SOURCE_SUPERSEDED,  /* two rows of one natural key: the older one is superseded */
    SOURCE_OUTCOMES
};

enum source_field {
    SOURCE_FIELD_NONE,
    SOURCE_FIELD_TENANT,
    SOURCE_FIELD_CLIENT,
    SOURCE_FIELD_ACCOUNT,
    SOURCE_FIELD_INSTRUMENT,
    SOURCE_FIELD_PROVIDER,
    SOURCE_FIELD_SIDE,
    SOURCE_FIELD_STATUS,
    SOURCE_FIELD_QUANTITY,
    SOURCE_FIELD_FILLED,
    SOURCE_FIELD_PRICE,
    SOURCE_FIELD_FEES,
    SOURCE_FIELD_BID,
    SOURCE_FIELD_ASK,
    SOURCE_FIELD_STALE,
    SOURCE_FIELD_UTILIZATION,
    SOURCE_FIELD_SOFT_BREACHES,
    SOURCE_FIELD_SCORE,
    SOURCE_FIELD_REPORTED, /* reported before it was executed: made by the writer of the row */
    SOURCE_FIELD_REFERENCE /* the reference of an earlier row: made by the writer of the row */
};

struct source_fault {
    enum source_field field;
    const char *text; /* NULL: SQL NULL */
};

struct source_dirt {
    const char *name;
    enum source_outcome outcome;
    struct source_fault faults[2];
};

enum { SOURCE_DIRT_MAX = 24 };

/* "quarantined", ... */
const char *source_dirt_outcome_name(enum source_outcome outcome);

/* The kinds of a table; *count is 0 for a table that has none. */
const struct source_dirt *source_dirt_kinds(enum source_table table, size_t *count);

/* How many of them, from the first on, a part's rows may be of. */
size_t source_dirt_kinds_of_part(enum source_table table, enum source_part part);

/* Whether a kind replaces a field. dirt may be NULL: a clean row. */
bool source_dirt_has(const struct source_dirt *dirt, enum source_field field);

/* Writes the replacement of a field; false, with nothing written, if the kind leaves the field alone. */
bool source_dirt_put(struct source_sink *sink, const struct source_dirt *dirt, enum source_field field);

#endif
