/* jobs/sync_fx_rates.h - the extraction of the exchange rates. */
#ifndef TAPEMILL_JOBS_SYNC_FX_RATES_H
#define TAPEMILL_JOBS_SYNC_FX_RATES_H

#include "jobs/extract.h"

extern const struct extract_definition sync_fx_rates_extract;

#endif
