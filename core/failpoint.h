/* core/failpoint.h - named places where a fault test can stop or kill a process. Compiled in only with the CMake
 * option TAPEMILL_FAILPOINTS (asan and coverage presets).
 *
 * TAPEMILL_FAILPOINT_DIR names a folder. A file NAME in it arms the failpoint NAME once: the process that reaches it
 * removes the file (so exactly one process acts), leaves NAME.hit with its pid, and does what the file says:
 *   kill         SIGKILL to itself
 *   kill-parent  SIGKILL to its parent (a runner kills its keeper)
 *   kill-both    SIGKILL to its parent and to itself
 *   stop         SIGSTOP to itself; it goes on after SIGCONT
 *   stop-both    SIGSTOP to its parent and to itself
 *   exit         _exit(3)
 *
 * A file clock_offset_ms there holds a number of milliseconds. Whoever asks what is due adds it to the warehouse's
 * time: so a test sets the clock of schedules. */
#ifndef TAPEMILL_CORE_FAILPOINT_H
#define TAPEMILL_CORE_FAILPOINT_H

#include <stdint.h>

#ifdef TAPEMILL_FAILPOINTS
void failpoint_reach(const char *name);
int64_t failpoint_clock_offset_ms(void);
#define FAILPOINT(name)           failpoint_reach(name)
#define FAILPOINT_CLOCK_OFFSET_MS failpoint_clock_offset_ms()
#else
#define FAILPOINT(name)           ((void)0)
#define FAILPOINT_CLOCK_OFFSET_MS ((int64_t)0)
#endif

/* Names of all failpoints, NULL at the end; tests kill at each of them. */
extern const char *const failpoint_names[];

#endif
