// The first process of the Linux guest of `cargo xtask bench block`: static, alone in its initramfs. It loads the modules in
// /modules, and makes the passes of disk-speed over /dev/vda by O_DIRECT and Linux's own asynchronous interface.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/aio_abi.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static void end(const char *why) {
    if (why) printf("FAIL %s: %s\n", why, strerror(errno));
    sync();
    reboot(RB_AUTOBOOT);
    for (;;) pause();
}

// In the order in which they need each other; what the kernel has built in, or doesn't want, isn't there.
static const char *modules[] = {"virtio_ring", "virtio", "virtio_mmio", "virtio_pci_legacy_dev",
                                "virtio_pci_modern_dev", "virtio_pci", "virtio_blk"};

static void load(void) {
    for (size_t i = 0; i < sizeof modules / sizeof *modules; i++) {
        char path[64];
        snprintf(path, sizeof path, "/modules/%s.ko", modules[i]);
        int file = open(path, O_RDONLY | O_CLOEXEC);
        if (file < 0) continue;
        if (syscall(SYS_finit_module, file, "", 0) && errno != EEXIST) printf("%s: %s\n", path, strerror(errno));
        close(file);
    }
}

static uint64_t microseconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000000ull + now.tv_nsec / 1000;
}

static int disk;
static char *buffers[32];

/* The same permutation as in xtask/guests/disk-speed. */
static uint64_t shuffled(uint64_t number, uint64_t count) {
    static const uint64_t factors[] = {0xff51afd7ed558ccdull, 0xc4ceb9fe1a85ec53ull};
    unsigned shift = __builtin_ctzll(count) / 2 + 1;
    for (int i = 0; i < 2; i++) {
        number = number * factors[i] % count;
        number ^= number >> shift;
    }
    return number;
}

static uint64_t pass(uint64_t total, unsigned size, unsigned depth, int random, int write) {
    uint64_t count = total / size, next = 0, done = 0, sum = 0;
    aio_context_t context = 0;
    if (depth > 1 && syscall(SYS_io_setup, 64, &context)) end("io_setup");
    struct iocb blocks[32];
    struct io_event events[32];
    unsigned idle[32], idles = 0;
    for (unsigned i = 0; i < depth; i++) idle[idles++] = i;
    while (done < count) {
        struct iocb *batch[32];
        unsigned ready = 0;
        while (idles && next < count) {
            unsigned lane = idle[--idles];
            uint64_t number = random ? shuffled(next, count) : next, offset = number * size, mark = offset + size;
            next++;
            if (write) memcpy(buffers[lane], &mark, 8);
            if (depth == 1) {
                ssize_t moved = write ? pwrite(disk, buffers[0], size, offset) : pread(disk, buffers[0], size, offset);
                if (moved != size) end("a request");
                if (!write) { memcpy(&mark, buffers[0], 8); sum += mark; }
                done++;
                idle[idles++] = 0;
                continue;
            }
            memset(&blocks[lane], 0, sizeof *blocks);
            blocks[lane].aio_data = lane;
            blocks[lane].aio_lio_opcode = write ? IOCB_CMD_PWRITE : IOCB_CMD_PREAD;
            blocks[lane].aio_fildes = disk;
            blocks[lane].aio_buf = (uintptr_t)buffers[lane];
            blocks[lane].aio_nbytes = size;
            blocks[lane].aio_offset = offset;
            batch[ready++] = &blocks[lane];
        }
        if (depth == 1) continue;
        if (ready && syscall(SYS_io_submit, context, ready, batch) != (long)ready) end("io_submit");
        long got = syscall(SYS_io_getevents, context, 1, 32, events, NULL);
        if (got < 1) end("io_getevents");
        for (long i = 0; i < got; i++) {
            unsigned lane = events[i].data;
            if (events[i].res != size) end("a request");
            if (!write) { uint64_t mark; memcpy(&mark, buffers[lane], 8); sum += mark; }
            idle[idles++] = lane;
            done++;
        }
    }
    if (depth > 1) syscall(SYS_io_destroy, context);
    return sum;
}

int main(void) {
    setvbuf(stdout, NULL, _IOLBF, 0);
    mkdir("/dev", 0755);
    mount("devtmpfs", "/dev", "devtmpfs", 0, "");
    load();
    for (int tries = 0; tries < 500; tries++) {
        disk = open("/dev/vda", O_RDWR | O_DIRECT | O_CLOEXEC);
        if (disk >= 0) break;
        usleep(10000);
    }
    if (disk < 0) end("/dev/vda");
    for (int i = 0; i < 32; i++)
        if (posix_memalign((void **)&buffers[i], 4096, 65536)) end("memory");
    uint64_t total = strtoull(getenv("mib") ? getenv("mib") : "64", NULL, 10) << 20;
    const struct { unsigned size, part; } sizes[] = {{65536, 1}, {4096, 4}};
    const unsigned depths[] = {1, 32};
    for (int s = 0; s < 2; s++)
        for (int random = 0; random <= s; random++)
            for (int d = 0; d < 2; d++)
                for (int write = 1; write >= 0; write--) {
                    char name[64];
                    snprintf(name, sizeof name, "%s-%s-%u-%u", random ? "random" : "sequential",
                             write ? "write" : "read", sizes[s].size, depths[d]);
                    printf("BEGIN %s\n", name);
                    uint64_t before = microseconds();
                    uint64_t sum = pass(total / sizes[s].part, sizes[s].size, depths[d], random, write);
                    printf("END %s sum=%llu us=%llu\n", name, (unsigned long long)sum,
                           (unsigned long long)(microseconds() - before));
                    if (write) fsync(disk);
                }
    end(NULL);
}
