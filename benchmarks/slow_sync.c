/* A slower disk: every fsync and fdatasync takes SLOW_SYNC_MS milliseconds longer. Linux. */
#define _GNU_SOURCE
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static void wait_longer(void) {
    const char *given = getenv("SLOW_SYNC_MS");
    long ms = given ? atol(given) : 0;
    struct timespec left = {ms / 1000, ms % 1000 * 1000000L};
    if (ms > 0) nanosleep(&left, 0);
}

int fsync(int file) {
    int result = (int)syscall(SYS_fsync, file);
    wait_longer();
    return result;
}

int fdatasync(int file) {
    int result = (int)syscall(SYS_fdatasync, file);
    wait_longer();
    return result;
}
