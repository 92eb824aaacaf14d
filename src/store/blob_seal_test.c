/* blob_seal_test.c - files that lie sealed: whole again, or refused. */
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/blob.h"
#include "store/blob_seal.h"
#include "store/blobs.h"
#include "store/blobs_list.h"
#include "store/node.h"
#include "store/reseal.h"
#include "store/rig.h"
#include "store/seal_bytes.h"

#define MASTER "0123456789abcdef0123456789abcdef"
enum { LARGE = 200000, PIECE = 65536, HEAD = 48 };
static char bytes[LARGE];

static void seal_test_open(struct rig *r, bool on)
{
	struct err e = {0};
	store_limits.encrypt = on;
	rig_open(r);
	CHECK(seal_start(r->store, &(struct seal_options){.secret = S(MASTER)}, &e));
	for (size_t i = 0; i < LARGE; i++)
		bytes[i] = (char)(i * 7 + i / 256);
}

static void keep(struct rig *r, int64_t key, struct str text, size_t step)
{
	struct blob b;
	struct err e = {0};
	CHECK(blob_begin(r->store, &b, key, &e));
	for (size_t at = 0; at < text.n; at += step)
		CHECK(blob_write(&b, (struct str){text.p + at, step < text.n - at ? step : text.n - at}, &e));
	CHECK(b.bytes == (int64_t)text.n && blob_keep(&b, &e));
}

static bool reads(struct rig *r, int64_t key, struct str want)
{
	struct buf b;
	struct err e = {0};
	buf_init(&b, 1 << 22);
	bool same = blob_read(r->store, key, &b, &e) && str_eq(buf_str(&b), want);
	CHECK(same || e.code == ERR_STORE);
	buf_release(&b);
	return same;
}

static void path_of(struct rig *r, int64_t key, char path[160])
{
	char name[BLOB_NAME];
	blobs_name(name, key);
	snprintf(path, 160, "%s/files/%s", r->dir, name);
}

static int64_t size_of(struct rig *r, int64_t key)
{
	char path[160];
	struct stat st = {0};
	path_of(r, key, path);
	return stat(path, &st) ? -1 : st.st_size;
}

static void round_trip(void)
{
	static const size_t sizes[] = {0, 1, PIECE - 1, PIECE, PIECE + 1, 2 * PIECE, LARGE};
	struct rig r = {0};
	struct err e = {0};
	seal_test_open(&r, true);
	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		struct str text = {bytes, sizes[i]};
		keep(&r, (int64_t)i + 1, text, i % 2 ? 1000 : LARGE);
		CHECK(reads(&r, (int64_t)i + 1, text));
		CHECK(size_of(&r, (int64_t)i + 1) == blob_seal_size((int64_t)text.n));
	}
	char piece[100];
	int fd = blob_open(r.store, 7, &e);
	CHECK(fd >= 0 && pread(fd, piece, sizeof piece, 150000) == sizeof piece &&
	      !memcmp(piece, bytes + 150000, sizeof piece));
	close(fd);
	rig_end_all(&r);
}

/* Each of these is done to a file of three pieces and a bit. */
static void change(const char *path, int how)
{
	int fd = open(path, O_RDWR);
	char a[PIECE + SEAL_TAG], b[PIECE + SEAL_TAG];
	off_t at = how == 0 ? 20 : how == 1 ? HEAD + 5 : how == 2 ? blob_seal_size(LARGE) - 1 : how == 3 ? 13 : 0;
	CHECK(fd >= 0);
	if (how < 4) {
		CHECK(pread(fd, a, 1, at) == 1);
		*a ^= 1;
		CHECK(pwrite(fd, a, 1, at) == 1);
	} else if (how == 4) { /* two pieces in each other's place */
		CHECK(pread(fd, a, sizeof a, HEAD) == sizeof a &&
		      pread(fd, b, sizeof b, HEAD + (off_t)sizeof a) == sizeof b);
		CHECK(pwrite(fd, b, sizeof b, HEAD) == sizeof b &&
		      pwrite(fd, a, sizeof a, HEAD + (off_t)sizeof a) == sizeof a);
	} else { /* the last piece, a part of it, all */
		static const off_t left[] = {HEAD + 3 * (PIECE + SEAL_TAG), HEAD + 3 * (PIECE + SEAL_TAG) + 100, HEAD,
					     HEAD + 1};
		CHECK(ftruncate(fd, left[how - 5]) == 0);
	}
	close(fd);
}

static void what_was_changed_is_refused(void)
{
	struct rig r = {0};
	char path[160], other[160];
	struct str text = {bytes, LARGE};
	seal_test_open(&r, true);
	for (int how = 0; how < 9; how++) {
		keep(&r, how + 1, text, LARGE);
		path_of(&r, how + 1, path);
		change(path, how);
		CHECK(!reads(&r, how + 1, text));
	}
	keep(&r, 20, text, LARGE);
	path_of(&r, 20, path);
	path_of(&r, 21, other);
	CHECK(rename(path, other) == 0 && !reads(&r, 21, text)); /* another blob's bytes */
	rig_end_all(&r);
}

static void what_looks_sealed(void)
{
	struct rig r = {0};
	struct str text = {bytes, PIECE + 10};
	seal_test_open(&r, false);
	memcpy(bytes, "\001sealed-file", 12);
	keep(&r, 1, text, 100);
	CHECK(reads(&r, 1, text) && size_of(&r, 1) == blob_seal_size((int64_t)text.n));
	bytes[0] = 'x';
	keep(&r, 2, text, 100);
	CHECK(reads(&r, 2, text) && size_of(&r, 2) == (int64_t)text.n);
	rig_end_all(&r);
}

static void sealed_anew(void)
{
	struct rig r = {0};
	struct err e = {0};
	struct str text = {bytes, LARGE};
	bool did;
	seal_test_open(&r, false);
	keep(&r, 1, text, LARGE);
	r.store->sealer->encrypts = true;
	CHECK(blob_reseal(r.store, 1, seal_newest(r.store), &did, &e) && did && reads(&r, 1, text));
	CHECK(size_of(&r, 1) == blob_seal_size(LARGE));
	CHECK(blob_reseal(r.store, 1, seal_newest(r.store), &did, &e) && !did);
	CHECK(seal_rotate(r.store, &e) && blob_reseal(r.store, 1, seal_newest(r.store), &did, &e) && did &&
	      reads(&r, 1, text));
	int fd = blob_open(r.store, 1, &e); /* who reads goes on reading */
	r.store->sealer->encrypts = false;
	CHECK(blob_reseal(r.store, 1, 0, &did, &e) && did && reads(&r, 1, text) && size_of(&r, 1) == LARGE);
	char c;
	CHECK(fd >= 0 && pread(fd, &c, 1, 100) == 1 && c == bytes[100]);
	close(fd);
	blobs_rewrite(r.store->node->blobs, 1); /* one that is being written anew is not removed */
	blob_drop(r.store, 1);
	blobs_bury(r.store->node->blobs);
	CHECK(reads(&r, 1, text));
	blobs_rewrite(r.store->node->blobs, 0);
	blobs_bury(r.store->node->blobs);
	CHECK(size_of(&r, 1) == -1);
	CHECK(blob_reseal(r.store, 1, 7, &did, &e) && !did); /* and stays away */
	rig_end_all(&r);
}

int main(void)
{
	static const struct test_case tests[] = {
	    {"of any size, in any pieces", round_trip},
	    {"what was changed, moved or cut off is refused", what_was_changed_is_refused},
	    {"what only looks sealed is sealed", what_looks_sealed},
	    {"sealed anew, under another key, opened", sealed_anew},
	};
	return test_main(tests, sizeof tests / sizeof *tests);
}
