/* core/time_zone_rule.h - the rule by which a zone changes its clock each year, as the footer of a TZif file has it: a
 * POSIX TZ text such as "EST5EDT,M3.2.0,M11.1.0" (POSIX.1-2017, Base Definitions 8.3; RFC 8536, 3.3.1 for hours beyond
 * 24 and below zero). Part of core/time_zone.c. */
#ifndef TAPEMILL_CORE_TIME_ZONE_RULE_H
#define TAPEMILL_CORE_TIME_ZONE_RULE_H

#include "core/time_zone.h"

/* The start of a span by rule. */
struct time_zone_change {
    int64_t start_s;
    int32_t offset_s;
};

/* Whether text is a rule; *rule is then filled. Daylight time without its dates is none. */
bool time_zone_rule_parse(const char *text, struct time_zone_rule *rule);

/* The two changes of a year, the earlier first. The rule must have daylight time. */
void time_zone_rule_year(const struct time_zone_rule *rule, int year, struct time_zone_change changes[2]);

#endif
