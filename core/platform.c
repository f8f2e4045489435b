#include "core/platform.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

bool
platform_die_with_parent(pid_t parent)
{
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    return getppid() == parent;
}

static void
handled_signals(sigset_t *set)
{
    sigemptyset(set);
    sigaddset(set, SIGTERM);
    sigaddset(set, SIGINT);
    sigaddset(set, SIGHUP);
    sigaddset(set, SIGCHLD);
}

enum error_code
platform_signal_descriptor(int *descriptor, struct error *error)
{
    sigset_t set;
    handled_signals(&set);
    (void)signal(SIGPIPE, SIG_IGN);
    if (sigprocmask(SIG_BLOCK, &set, NULL) != 0 || (*descriptor = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC)) < 0)
        return error_set(error, ERROR_IO, "signals cannot be read from a descriptor: %s", strerror(errno));
    return ERROR_NONE;
}

int
platform_read_signal(int descriptor)
{
    struct signalfd_siginfo info;
    return read(descriptor, &info, sizeof(info)) == sizeof(info) ? (int)info.ssi_signo : 0;
}

void
platform_ignore_signals(void)
{
    sigset_t set;
    (void)signal(SIGTERM, SIG_IGN);
    (void)signal(SIGINT, SIG_IGN);
    (void)signal(SIGHUP, SIG_IGN);
    (void)signal(SIGPIPE, SIG_IGN);
    handled_signals(&set);
    (void)sigprocmask(SIG_UNBLOCK, &set, NULL);
}

enum error_code
platform_socket_pair(int pair[2], struct error *error)
{
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
        return error_set(error, ERROR_IO, "no socket pair between keeper and runner: %s", strerror(errno));
    return ERROR_NONE;
}

enum { CHILD_DESCRIPTOR = 3 };

static _Noreturn void
become_self(const char *argument, int descriptor)
{
    char program[] = "/proc/self/exe", copy[64];
    (void)snprintf(copy, sizeof(copy), "%s", argument);
    char name[] = "tapemill-worker";
    char *const arguments[] = {name, copy, NULL};
    if (descriptor == CHILD_DESCRIPTOR)
        (void)fcntl(descriptor, F_SETFD, 0);
    else if (dup2(descriptor, CHILD_DESCRIPTOR) < 0)
        _exit(127);
    (void)execv(program, arguments);
    _exit(127);
}

enum error_code
platform_start_self(const char *argument, int descriptor, pid_t *process, struct error *error)
{
    *process = fork();
    if (*process == 0)
        become_self(argument, descriptor);
    if (*process < 0)
        return error_set(error, ERROR_MEMORY, "no runner could be started: %s", strerror(errno));
    return ERROR_NONE;
}

void
platform_worker_name(char *name, size_t size)
{
    char host[65];
    if (gethostname(host, sizeof(host)) != 0)
        (void)snprintf(host, sizeof(host), "localhost");
    host[sizeof(host) - 1] = 0;
    (void)snprintf(name, size, "%s:%d", host, (int)getpid());
}

void
platform_user_name(char *name, size_t size)
{
    char host[64] = "";
    const struct passwd *user = getpwuid(geteuid());
    (void)gethostname(host, sizeof(host) - 1);
    (void)snprintf(name, size, "%s@%s", user ? user->pw_name : "unknown", host);
}

void
platform_alarm(int64_t first_ms, int64_t every_ms, void (*handler)(int signal))
{
    struct sigaction action;
    const struct itimerval off = {0};
    const struct itimerval timer = {.it_value = {first_ms / 1000, first_ms % 1000 * 1000},
                                    .it_interval = {every_ms / 1000, every_ms % 1000 * 1000}};
    memset(&action, 0, sizeof(action));
    action.sa_handler = handler;
    action.sa_flags = SA_RESTART;
    (void)setitimer(ITIMER_REAL, &off, NULL);
    if (first_ms <= 0)
        return;
    (void)sigaction(SIGALRM, &action, NULL);
    (void)setitimer(ITIMER_REAL, &timer, NULL);
}
