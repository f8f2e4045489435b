/* core/mutant.h - faults seeded on purpose, to show that the history checker and the fault runs find them. Compiled in
 * only with the CMake option TAPEMILL_FAILPOINTS; else MUTANT() is the constant false. TAPEMILL_MUTANT names the one
 * that a process has. tests/fault/mutants.sh has a run for each of mutant_names. */
#ifndef TAPEMILL_CORE_MUTANT_H
#define TAPEMILL_CORE_MUTANT_H

#include <stdbool.h>

#ifdef TAPEMILL_FAILPOINTS
bool mutant_is(const char *name);
#define MUTANT(name) mutant_is(name)
#else
#define MUTANT(name) false
#endif

/* NULL at the end. */
extern const char *const mutant_names[];

#endif
