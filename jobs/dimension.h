/* jobs/dimension.h - the dimensions that follow a source table: which of its columns become which of theirs, and what
 * becomes of the history of each. One table in dimension.c says it; extraction, staging and synchronisation follow.
 *
 * Type 2: a change makes a new version. Type 1: a change reaches all versions. */
#ifndef TAPEMILL_JOBS_DIMENSION_H
#define TAPEMILL_JOBS_DIMENSION_H

#include "core/buffer.h"
#include "jobs/dimension_index.h"
#include "jobs/extract.h"

/* What a column is; bits, so that a set of them is chosen by one number. */
enum dimension_trait {
    DIMENSION_ID = 1, /* the natural id */
    DIMENSION_TYPE_1 = 2,
    DIMENSION_TYPE_2 = 4,
    DIMENSION_POSITIVE = 8,  /* must be greater than 0 */
    DIMENSION_FILLED = 16,   /* absent stands for NULL */
    DIMENSION_NUMERIC = 32,  /* has integer_digits and decimals */
    DIMENSION_IN_FACTS = 64, /* loads take it from the member into facts: if it changes, they are loaded again */
    DIMENSION_CODE = 128,    /* what people call the member; one column of each dimension */
    DIMENSION_TEXT = 256,    /* of type TEXT: an index takes DIMENSION_TEXT_BYTES_MAX bytes of it, twice over */
};

/* Longer texts are no attributes of a member; an index could not hold them. */
enum { DIMENSION_TEXT_BYTES_MAX = 1000 };

struct dimension_column {
    const char *source; /* its name in the extraction */
    const char *column; /* its name in the dimension */
    const char *type;   /* SQL type */
    unsigned traits;
    const char *absent;           /* SQL expression for NULL at the source; NULL: none */
    int integer_digits, decimals; /* room of a numeric */
};

struct dimension_definition {
    const char *table;                        /* "dim_instrument" */
    const char *id;                           /* natural id, named alike at the source and in the dimension */
    const char *key;                          /* surrogate key, "instrument_key" */
    const struct extract_definition *extract; /* its columns, and updated_at as the last */
    const struct dimension_column *columns;
    size_t count;
};

/* Setting of the session that holds the tenant of accounts and clients that name none. */
#define DIMENSION_TENANT_SETTING "tapemill.default_tenant"

/* By enum dimension; dimension_name() (jobs/dimension_index.h) is the name of the epoch. */
extern const struct dimension_definition dimension_definitions[DIMENSION_COUNT];
extern const struct extract_definition dimension_extracts[DIMENSION_COUNT];

/* Writes an SQL template for one dimension. In it {stage} and {absent}, {touched}, {work} become its temporary tables
 * and what the names of others end with; {table} and {observations}, {id}, {id_type} and {key} its tables and columns;
 * and
 *
 *     {declare}                      symbol TEXT, ...       columns at the source with their types
 *     {staged}                       symbol, name, ...      columns at the source
 *     {code}                         symbol                 what people call the member
 *     {columns} {values}             full_name, ... and s.name, ...: attributes in the dimension, and staged as s
 *     {old} {copied}                 d.full_name, ... and c.full_name, ...
 *     {type1_columns}, _values, _old, _copied    the same for those of type 1
 *     {type2_columns}, _values, _old, _copied    and of type 2
 *     {facts_old} {facts_new}        d.currency, ... and n.currency, ...: what loads take into facts
 *     {facts_differ}                 " or d.currency is distinct from s.currency" for each of them
 *     {type1_facts_differ}           the same for those of type 1
 *     {fill} {needs_fill}            what stands for NULLs: assignments, and the condition
 *     {filled_source}                coalesce(tenant_id, ...), ...: attributes at the source, filled
 *
 *     {text_rules} {numeric_rules} {positive_rules}    ", case ... end" for every text, numeric, positive column
 *
 * All come from the table; ERROR_BUG for another name. */
ERROR_MUST_CHECK enum error_code dimension_expand(const struct dimension_definition *definition, const char *template,
                                                  struct buffer *text, struct error *error);

/* Whether a column has one of the traits. */
bool dimension_has(const struct dimension_definition *definition, unsigned traits);

#endif
