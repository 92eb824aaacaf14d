/* power_vfs.h - a disk for tests: it can lose power, fill up and fail.
 *
 * The VFS "power" passes everything to the system's and keeps beside each file the image of what is synced.
 * A failed sync loses what it was to sync for good, as Linux does. Any thread. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

enum power_fault { POWER_WRITE_FULL, POWER_WRITE_IO, POWER_SYNC_IO, POWER_TRUNCATE_IO, POWER_FAULTS };
enum { POWER_OFF = 86 };

/* Registers it (once) and forgets all images and faults. */
void power_vfs_setup(void);
/* After `skip` more calls of that kind, the next `times` of them fail. */
void power_vfs_fail(enum power_fault what, int skip, int times);
/* `fails` is asked before each call, too; it must not call back. NULL: nobody. */
void power_vfs_decide(bool (*fails)(enum power_fault what));
/* Calls of that kind that failed so far. */
int power_vfs_failed(void);
/* How often a database was opened so far. */
int power_vfs_opened(void);
/* Writes what a power cut now would leave of every file into the folder `to`. seed > 0: some of the unsynced
 * writes, chosen by it, have reached the disk too, a few of them in part. */
void power_vfs_cut(const char *to, uint32_t seed);
/* The same, and the process ends with status POWER_OFF: nothing that follows the cut is acknowledged. */
_Noreturn void power_vfs_off(const char *to, uint32_t seed);
