/* A disk that fails: laid over the C library by LD_PRELOAD, it refuses to sync and to write the files that a switch
   names. The switch is a file, read at each call, so that the disk fails and recovers while the program runs:
   its first line is the error number, its second a part of the paths concerned, its third "sync", "write", or "large" for
   writes of more than a page alone: a disk that is all but full takes the others. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

static int fails(int fd, const char *call)
{
    const char *path = getenv("FAILING_DISK_SWITCH");
    char said[512] = {0}, link[64], file[4096] = {0};
    char *rest, *error, *part, *calls;
    int was = errno, from = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (from < 0) {
        errno = was;
        return 0;
    }
    if (read(from, said, sizeof said - 1) < 0)
        said[0] = 0;
    close(from);
    error = strtok_r(said, "\n", &rest);
    part = strtok_r(NULL, "\n", &rest);
    calls = strtok_r(NULL, "\n", &rest);
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    if (!calls || strcmp(calls, call) != 0 || readlink(link, file, sizeof file - 1) < 0 || !strstr(file, part)) {
        errno = was;
        return 0;
    }
    errno = atoi(error);
    return 1;
}

static int fails_to_write(int fd, size_t count)
{
    return fails(fd, "write") || (count > 4096 && fails(fd, "large"));
}

#define NEXT(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

int fsync(int fd) { return fails(fd, "sync") ? -1 : NEXT(fsync)(fd); }

int fdatasync(int fd) { return fails(fd, "sync") ? -1 : NEXT(fdatasync)(fd); }

ssize_t write(int fd, const void *bytes, size_t count)
{
    return fails_to_write(fd, count) ? -1 : NEXT(write)(fd, bytes, count);
}

ssize_t pwrite(int fd, const void *bytes, size_t count, off_t at)
{
    return fails_to_write(fd, count) ? -1 : NEXT(pwrite)(fd, bytes, count, at);
}

ssize_t pwrite64(int fd, const void *bytes, size_t count, off64_t at)
{
    return fails_to_write(fd, count) ? -1 : NEXT(pwrite64)(fd, bytes, count, at);
}
