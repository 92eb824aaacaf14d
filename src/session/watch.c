/* watch.c - what a box uses: memory of its processes, of its file systems in memory, files in its folder.
 *
 * Limits of the kernel bound one process; nothing but a control group bounds all of a box, and few machines lend us
 * one. So we look. The first look counts pages that processes share once for each of them; only a box that would be too
 * large by it is counted exactly (proc(5): smaps_rollup), which takes longer. */
#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "session/limits.h"
#include "session/share.h"
#include "session/table.h"

enum { TEXT = 4096 };

/* The sum of a file's lines with these names, in bytes; -1: it cannot be read. */
static int64_t watch_lines(int dir, const char *path, const char *const *names)
{
	char text[TEXT];
	int64_t sum = 0;
	int fd = openat(dir, path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
	if (fd >= 0)
		close(fd);
	if (n <= 0)
		return -1;
	text[n] = 0;
	for (; *names; names++) {
		const char *at = strstr(text, *names);
		sum += at ? strtoll(at + strlen(*names), NULL, 10) * 1024 : 0;
	}
	return sum;
}

static int64_t watch_process(int proc, const char *pid, bool exact)
{
	static const char *const shares[] = {"Pss_Anon:", "Pss_Shmem:", "SwapPss:", NULL};
	static const char *const all[] = {"RssAnon:", "RssShmem:", "VmSwap:", NULL};
	char path[64];
	int64_t n = -1;
	if (exact) {
		snprintf(path, sizeof path, "%.20s/smaps_rollup", pid);
		n = watch_lines(proc, path, shares);
	}
	snprintf(path, sizeof path, "%.20s/status", pid);
	n = n >= 0 ? n : watch_lines(proc, path, all);
	return n > 0 ? n : 0;
}

static int64_t watch_processes(int proc, bool exact)
{
	int64_t sum = 0;
	int fd = openat(proc, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *at;
	if (!d && fd >= 0)
		close(fd);
	while (d && (at = readdir(d)))
		if (isdigit((unsigned char)at->d_name[0]))
			sum += watch_process(fd, at->d_name, exact);
	if (d)
		closedir(d);
	return sum;
}

static int64_t watch_memory_files(int fd)
{
	struct statfs st;
	return fd >= 0 && fstatfs(fd, &st) == 0 && st.f_type == TMPFS_MAGIC
		   ? (int64_t)(st.f_blocks - st.f_bfree) * st.f_bsize + (int64_t)(st.f_files - st.f_ffree) * 1024
		   : 0;
}

void watch_box(struct box *b, const char *folder)
{
	struct statfs st;
	int64_t files = watch_memory_files(b->tmp) + watch_memory_files(b->shm);
	if (fstatfs(b->proc, &st) || st.f_type != PROC_SUPER_MAGIC)
		return;
	if (files + watch_processes(b->proc, false) > b->memory && files + watch_processes(b->proc, true) > b->memory)
		box_kill(b, BOX_MEMORY);
	if (!folder)
		return;
	if (atomic_load(&b->calls) && statfs(folder, &st) == 0 &&
	    (int64_t)st.f_bavail * (int64_t)st.f_bsize < session_limits.free_bytes)
		box_kill(b, BOX_DISK);
	struct arena a = {0};
	struct share_list list;
	struct err e = {0};
	if (share_list(&a, folder, &list, &e) && list.cut)
		box_kill(b, BOX_FOLDER);
	arena_free(&a);
}
