// Runs CNI IPAM plugins as a runtime does, a process for each command, and says how long each took from its start to its end.
//
//   plugins pairs COUNT FIRST CNI_PATH A CONFIG_A B CONFIG_B
//     ADD by A, ADD by B, then DEL by both, which isn't counted; COUNT times, so that whatever else the machine does falls on both alike
//   plugins parallel COUNT FIRST CNI_PATH A CONFIG_A CLIENTS
//     COUNT ADDs by A, CLIENTS at a time; then their DELs
//   → "p50 N worst N rate N errors N" of A, and of B on a line of its own: microseconds, ADDs a second
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

typedef struct { const char *file, *config; double *took; int count, errors; } plugin;

static const char *path;

static double now(void) { struct timespec t; clock_gettime(CLOCK_MONOTONIC, &t); return t.tv_sec + t.tv_nsec / 1e9; }
static int by_value(const void *a, const void *b) { double x = *(const double *)a, y = *(const double *)b; return x < y ? -1 : x > y; }
static void die(const char *what) { fprintf(stderr, "plugins: %s: %s\n", what, strerror(errno)); exit(1); }

static pid_t start(const plugin *p, const char *command, long pod) {
    char verb[64], id[128], path_of[4096];
    snprintf(verb, sizeof verb, "CNI_COMMAND=%s", command);
    snprintf(id, sizeof id, "CNI_CONTAINERID=%064lx", pod);
    snprintf(path_of, sizeof path_of, "CNI_PATH=%s", path);
    char *environment[] = { verb, id, path_of, "CNI_IFNAME=net1", "CNI_NETNS=/run/netns/none", "CNI_ARGS=IgnoreUnknown=1;K8S_POD_NAMESPACE=core;K8S_POD_NAME=upf-0", 0 };
    char *arguments[] = { (char *)p->file, 0 };
    posix_spawn_file_actions_t streams;
    posix_spawn_file_actions_init(&streams);
    posix_spawn_file_actions_addopen(&streams, 0, p->config, O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&streams, 1, "/dev/null", O_WRONLY, 0);
    pid_t child;
    errno = posix_spawn(&child, p->file, &streams, 0, arguments, environment);
    if (errno) die(p->file);
    posix_spawn_file_actions_destroy(&streams);
    return child;
}

static void finish(plugin *p, pid_t child, double begun) {
    int status;
    if (waitpid(child, &status, 0) < 0) die("waitpid");
    if (begun) p->took[p->count++] = (now() - begun) * 1e6;
    if (status) p->errors++;
}

static void once(plugin *p, const char *command, long pod) {
    double begun = now();
    finish(p, start(p, command, pod), strcmp(command, "ADD") ? 0 : begun);
}

static void report(plugin *p, double spent) {
    qsort(p->took, p->count, sizeof *p->took, by_value);
    printf("p50 %.1f worst %.1f rate %.2f errors %d\n", p->took[p->count / 2], p->took[p->count - 1], spent ? p->count / spent : 0, p->errors);
}

static void parallel(plugin *p, long count, long first, int clients) {
    double begin = now(), *begun = calloc(clients, sizeof *begun);
    pid_t *child = calloc(clients, sizeof *child);
    for (long asked = 0, done = 0; done < count; ) {
        for (int i = 0; i < clients && asked < count; i++) if (!child[i]) { begun[i] = now(); child[i] = start(p, "ADD", first + asked++); }
        int status;
        pid_t ended = waitpid(-1, &status, 0);
        for (int i = 0; i < clients; i++) if (child[i] == ended) { p->took[p->count++] = (now() - begun[i]) * 1e6; child[i] = 0; done++; }
        if (status) p->errors++;
    }
    report(p, now() - begin);
    for (long i = 0; i < count; i++) once(p, "DEL", first + i);
}

int main(int argc, char **argv) {
    if (argc < 8) { fprintf(stderr, "plugins: see its head\n"); return 64; }
    long count = atol(argv[2]), first = atol(argv[3]);
    path = argv[4];
    plugin a = { argv[5], argv[6], calloc(count, sizeof(double)) };
    if (!strcmp(argv[1], "parallel")) { parallel(&a, count, first, atoi(argv[7])); return 0; }
    if (argc != 9) { fprintf(stderr, "plugins: see its head\n"); return 64; }
    plugin b = { argv[7], argv[8], calloc(count, sizeof(double)) };
    for (long i = 0; i < count; i++) {
        once(&a, "ADD", first + i);
        once(&b, "ADD", first + i);
        once(&a, "DEL", first + i);
        once(&b, "DEL", first + i);
    }
    report(&a, 0);
    report(&b, 0);
    return 0;
}
