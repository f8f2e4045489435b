/* ops/source_member.h - the members of the sample source's dimensions, and how they change from day to day.
 *
 * On every weekday one member in fifty of each dimension (at least one) changes one attribute. Which member, which
 * attribute and to what follows from seed, date and the value it had: `source evolve` makes the change in the tables
 * that `source generate` makes in memory. */
#ifndef TAPEMILL_OPS_SOURCE_MEMBER_H
#define TAPEMILL_OPS_SOURCE_MEMBER_H

#include <stdbool.h>
#include <stdint.h>

#include "ops/source_plan.h"

enum source_dimension {
    SOURCE_DIMENSION_INSTRUMENT,
    SOURCE_DIMENSION_ACCOUNT,
    SOURCE_DIMENSION_STRATEGY,
    SOURCE_DIMENSION_CLIENT,
    SOURCE_DIMENSION_PROVIDER,
    SOURCE_DIMENSION_COUNT
};

enum { SOURCE_ATTRIBUTES_MAX = 4, SOURCE_UUID_BYTES = 37 };

/* An attribute that changes: one of `choices`, or a number that is counted up. */
struct source_attribute {
    const char *column;
    const char *const *choices; /* NULL: a number */
    int count;                  /* of choices */
};

struct source_attributes {
    int count;
    struct source_attribute attributes[SOURCE_ATTRIBUTES_MAX];
};

/* The values of a member's attributes: the index of a choice, or the number. */
struct source_member {
    int64_t values[SOURCE_ATTRIBUTES_MAX];
    int64_t updated_us;
};

const struct source_attributes *source_member_attributes(enum source_dimension dimension);

/* What a member is on the plan's first day. index: 0 for the first. */
struct source_member source_member_begin(const struct source_plan *plan, enum source_dimension dimension,
                                         int64_t index);

/* Changes the member if it is one that changes on that day; count: how many members there are. */
bool source_member_evolve(const struct source_plan *plan, enum source_dimension dimension, const struct source_day *day,
                          int64_t index, int64_t count, struct source_member *member);

/* What it is at the plan's end: begun, and evolved by every day after the first. */
struct source_member source_member_end(const struct source_plan *plan, enum source_dimension dimension, int64_t index,
                                       int64_t count);

/* The text of an attribute that has choices. */
const char *source_member_choice(enum source_dimension dimension, int attribute, const struct source_member *member);

/* The index of a text among an attribute's choices; -1 if it is none of them. */
int64_t source_member_choice_index(const struct source_attribute *attribute, const char *text);

/* A client's or provider's id; it follows from the seed. Returns out. */
const char *source_member_uuid(const struct source_plan *plan, enum source_dimension dimension, int64_t index,
                               char out[SOURCE_UUID_BYTES]);

/* Tenants are 00000000-0000-0000-0000-000000000001 and on. index: 0 for the first. */
const char *source_member_tenant(int64_t index, char out[SOURCE_UUID_BYTES]);

/* The client (index) an account belongs to. */
int64_t source_member_account_client(const struct source_plan *plan, int64_t account);

/* The tenant (index) a client belongs to. */
int64_t source_member_client_tenant(const struct source_plan *plan, int64_t client);

/* The last of several accounts names neither tenant nor client, as a firm's own accounts do: the default tenant's. */
bool source_member_account_is_house(const struct source_plan *plan, int64_t account);

#endif
