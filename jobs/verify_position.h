/* jobs/verify_position.h - groups of verify_positions() that stand for a row of fact_positions_daily or etl_marks, and
 * the tables that they are compared with. */
#ifndef TAPEMILL_JOBS_VERIFY_POSITION_H
#define TAPEMILL_JOBS_VERIFY_POSITION_H

#include "jobs/verify_internal.h"

/* Sums of a row, exact and in the position's currency. SIZE is quantity x multiplier; of PRICE (the mark), WORTH (SIZE
 * x PRICE) and RATE bits in group->known say whether there is one. A mark's row has only PRICE. group->more is the
 * instant of the mark, as a text that belongs to somebody else. */
enum { ROW_QUANTITY, COST, REALIZED, MULTIPLIER, SIZE, WORTH, PRICE, RATE };
/* Counts of a row: whether its mark may be another once a date before has been recomputed, whether it is a trade's. */
enum { IS_UNSURE, IS_TRADE };

extern const struct verify_table verify_positions_table, verify_marks_table;

#endif
