/* blobs_list.c - names in the folder of blobs, and what lies there. */
#include "store/blobs_list.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/str.h"

static void blobs_name_of(char out[BLOB_NAME], const char *prefix, int64_t key)
{
	snprintf(out, BLOB_NAME, "%s%016llx", prefix, (unsigned long long)key);
}

void blobs_name(char out[BLOB_NAME], int64_t key)
{
	blobs_name_of(out, "", key);
}

void blobs_new_name(char out[BLOB_NAME], int64_t key)
{
	blobs_name_of(out, "new-", key);
}

bool blobs_key(const char *name, int64_t *ret)
{
	char again[BLOB_NAME];
	unsigned long long key = 0;
	int end = 0;
	*ret = 0;
	if (sscanf(name, "new-%16llx%n", &key, &end) == 1 && !name[end])
		return true;
	if (sscanf(name, "%16llx%n", &key, &end) != 1 || name[end])
		return false;
	*ret = (int64_t)key;
	blobs_name(again, *ret);
	return str_eq(str_of(again), str_of(name));
}

bool blobs_each(int folder, bool (*each)(void *ctx, int64_t key), void *ctx)
{
	int fd = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *at;
	int64_t key;
	bool on = dir != NULL;
	while (on && (at = readdir(dir)))
		on = !blobs_key(at->d_name, &key) || !key || each(ctx, key);
	if (dir)
		closedir(dir);
	else if (fd >= 0)
		close(fd);
	return on;
}
