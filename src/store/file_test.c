/* file_test.c - files: bounds, pages, who may see them; bytes come before rows and go after them; uploads. */
#include "store/file.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "store/sweep.h"
#include "store/upload.h"

#include "store/blob.h"
#include "store/blob_place.h"
#include "store/rig_sql.h"

enum { DAY = 86400 };

static void text_of(char out[ID_MAX], const char *prefix, const struct id *id)
{
	id_text(out, prefix, id);
}

static bool keep(struct rig *r, int64_t key, struct str bytes)
{
	struct blob b;
	struct err e = {0};
	return blob_begin(r->store, &b, key, &e) && blob_write(&b, bytes, &e) && blob_keep(&b, &e);
}

static bool there(struct rig *r, int64_t key)
{
	struct err e = {0};
	struct blob_in *in = blob_open(r->store, key, &e);
	blob_close(in);
	return in != NULL;
}

static enum err_code put(struct rig *r, int64_t project, struct stored_file *f, int64_t bytes, const char *purpose)
{
	struct rig_wait w = rig_wait(r);
	*f = (struct stored_file){.id = id_mint(), .created_at = clock_wall_s(), .bytes = bytes, .purpose = str_of(purpose),
				  .filename = S("a.txt")};
	store_put_file(r->port, &w.op, project, f);
	return rig_end(&w);
}

static enum err_code get(struct rig *r, int64_t project, const struct id *id, struct arena *a, struct stored_file *ret)
{
	char text[ID_MAX];
	struct rig_wait w = rig_wait(r);
	text_of(text, "file-", id);
	store_get_file(r->port, &w.op, project, str_of(text), a, ret);
	return rig_end(&w);
}

static enum err_code del(struct rig *r, int64_t project, const struct id *id)
{
	char text[ID_MAX];
	struct rig_wait w = rig_wait(r);
	text_of(text, "file-", id);
	store_delete_file(r->port, &w.op, project, str_of(text));
	return rig_end(&w);
}

static void sweep(struct rig *r)
{
	struct err e = {0};
	for (size_t n = 1; n;)
		CHECK(sweep_slice(r->store, &n, &e));
}

static void one_file(void)
{
	struct rig r = {0};
	struct arena a = {0};
	struct stored_file f, got;
	rig_open(&r);
	CHECK(put(&r, 1, &f, 5, "user_data") == ERR_NONE);
	CHECK(get(&r, 1, &f.id, &a, &got) == ERR_NONE && got.bytes == 5 && got.id.key == f.id.key);
	CHECK_STR(got.purpose, S("user_data"));
	CHECK_STR(got.filename, S("a.txt"));
	CHECK(get(&r, 2, &f.id, &a, &got) == ERR_NOT_FOUND); /* of another project */
	struct id guess = f.id;
	guess.rnd[0] ^= 1;
	CHECK(get(&r, 1, &guess, &a, &got) == ERR_NOT_FOUND);
	CHECK(del(&r, 2, &f.id) == ERR_NOT_FOUND && del(&r, 1, &guess) == ERR_NOT_FOUND);
	CHECK(rig_sound(&r));
	CHECK(del(&r, 1, &f.id) == ERR_NONE && del(&r, 1, &f.id) == ERR_NOT_FOUND);
	CHECK(get(&r, 1, &f.id, &a, &got) == ERR_NOT_FOUND);
	CHECK(rig_sound(&r));
	arena_free(&a);
	rig_end_all(&r);
}

static void bounds(void)
{
	struct rig r = {0};
	struct stored_file f, g, h;
	int64_t files = store_limits.project_files, bytes = store_limits.project_bytes;
	rig_open(&r);
	store_limits.project_files = 2;
	CHECK(put(&r, 1, &f, 1, "a") == ERR_NONE && put(&r, 1, &g, 1, "a") == ERR_NONE);
	CHECK(put(&r, 1, &h, 1, "a") == ERR_STORAGE_LIMIT);
	CHECK(put(&r, 3, &h, 1, "a") == ERR_NONE); /* each project its own */
	CHECK(del(&r, 1, &f.id) == ERR_NONE && put(&r, 1, &f, 1, "a") == ERR_NONE);
	store_limits.project_files = 10;
	store_limits.project_bytes = 10;
	CHECK(put(&r, 1, &h, 9, "a") == ERR_STORAGE_LIMIT && put(&r, 1, &h, 8, "a") == ERR_NONE);
	CHECK(put(&r, 2, &h, 11, "a") == ERR_STORAGE_LIMIT); /* the first of a project, too */
	store_limits.project_files = files;
	store_limits.project_bytes = bytes;
	rig_end_all(&r);
}

static void pages(void)
{
	enum { N = 7 };
	struct rig r = {0};
	struct arena a = {0};
	struct stored_file f[N];
	struct file_page page;
	char after[ID_MAX];
	rig_open(&r);
	for (int i = 0; i < N; i++)
		CHECK(put(&r, 1, &f[i], i, i % 2 ? "odd" : "even") == ERR_NONE);
	for (int up = 0; up < 2; up++) {
		struct file_query q = {.limit = 3, .ascending = up};
		int seen = 0;
		do {
			struct rig_wait w = rig_wait(&r);
			store_list_files(r.port, &w.op, 1, &q, &a, &page);
			CHECK(rig_end(&w) == ERR_NONE && page.n && page.has_more == (seen + 3 < N));
			for (size_t i = 0; i < page.n; i++, seen++)
				CHECK(page.files[i].bytes == (up ? seen : N - 1 - seen));
			text_of(after, "file-", &page.files[page.n - 1].id);
			q.after = str_of(after);
		} while (page.has_more && !test_failed);
		CHECK(seen == N);
	}
	struct file_query odd = {.limit = 10, .purpose = S("odd")}, lost = {.limit = 10, .after = S("file-x")};
	struct rig_wait w = rig_wait(&r);
	store_list_files(r.port, &w.op, 1, &odd, &a, &page);
	CHECK(rig_end(&w) == ERR_NONE && page.n == 3 && !page.has_more);
	w = rig_wait(&r);
	store_list_files(r.port, &w.op, 1, &lost, &a, &page);
	CHECK(rig_end(&w) == ERR_NOT_FOUND);
	w = rig_wait(&r);
	store_list_files(r.port, &w.op, 2, &(struct file_query){.limit = 10}, &a, &page);
	CHECK(rig_end(&w) == ERR_NONE && page.n == 0);
	arena_free(&a);
	rig_end_all(&r);
}

/* Bytes with a row stay over a restart; without one, or half written, they go. */
static void orphans(void)
{
	struct rig r = {0};
	struct stored_file f;
	struct blob half, again;
	struct err e = {0};
	char path[128];
	rig_open(&r);
	CHECK(put(&r, 1, &f, 5, "a") == ERR_NONE && keep(&r, f.id.key, S("hello")));
	int64_t orphan = id_mint().key;
	CHECK(keep(&r, orphan, S("lost")));
	CHECK(blob_begin(r.store, &half, id_mint().key, &e) && blob_write(&half, S("ha"), &e));
	CHECK(!blob_begin(r.store, &again, half.key, &e)); /* a key is used once */
	half.out->place->kind->abandon(half.out); /* as a crash leaves it */
	snprintf(path, sizeof path, "%s/files/README", r.dir);
	close(open(path, O_CREAT | O_WRONLY, 0600));
	rig_shut(&r);
	rig_open(&r);
	CHECK(there(&r, f.id.key) && !there(&r, orphan));
	CHECK(access(path, F_OK) == 0); /* what is not ours */
	snprintf(path, sizeof path, "%s/files/new-%016llx", r.dir, (unsigned long long)half.key);
	CHECK(access(path, F_OK) != 0);
	CHECK(del(&r, 1, &f.id) == ERR_NONE);
	rig_shut(&r);
	rig_open(&r);
	CHECK(!there(&r, f.id.key));
	rig_end_all(&r);
}

static void expiry(void)
{
	struct rig r = {0};
	struct arena a = {0};
	struct stored_file f = {.id = id_mint(), .bytes = 3, .purpose = S("a"), .filename = S("b")}, stays, got;
	rig_open(&r);
	f.created_at = clock_wall_s() - DAY;
	f.expires_at = clock_wall_s() - 1;
	struct rig_wait w = rig_wait(&r);
	CHECK(keep(&r, f.id.key, S("abc")));
	store_put_file(r.port, &w.op, 1, &f);
	CHECK(rig_end(&w) == ERR_NONE && put(&r, 1, &stays, 1, "a") == ERR_NONE);
	CHECK(get(&r, 1, &f.id, &a, &got) == ERR_NOT_FOUND); /* at once */
	CHECK(del(&r, 1, &f.id) == ERR_NOT_FOUND);
	sweep(&r);
	CHECK(get(&r, 1, &stays.id, &a, &got) == ERR_NONE && rig_sound(&r));
	rig_shut(&r); /* what is dropped goes before the end */
	rig_open(&r);
	CHECK(!there(&r, f.id.key));
	arena_free(&a);
	rig_end_all(&r);
}

/* --- uploads --- */

static void put_upload(struct rig *r, struct stored_upload *u, int64_t bytes, int64_t expires_at)
{
	struct rig_wait w = rig_wait(r);
	*u = (struct stored_upload){.id = id_mint(), .created_at = clock_wall_s(), .expires_at = expires_at, .bytes = bytes,
				    .purpose = S("batch"), .filename = S("x"), .mime_type = S("text/plain")};
	store_put_upload(r->port, &w.op, 1, u);
	CHECK(rig_end(&w) == ERR_NONE);
}

static enum err_code put_part(struct rig *r, const struct stored_upload *u, int64_t bytes, struct id *part)
{
	struct rig_wait w = rig_wait(r);
	*part = id_mint();
	store_put_part(r->port, &w.op, 1, &u->id, part, bytes);
	return rig_end(&w);
}

static enum err_code get_parts(struct rig *r, const struct stored_upload *u, struct upload_parts *parts, struct arena *a,
			       struct stored_upload *got)
{
	char text[ID_MAX];
	struct rig_wait w = rig_wait(r);
	text_of(text, "upload", &u->id);
	store_get_upload_parts(r->port, &w.op, 1, str_of(text), a, got, parts);
	return rig_end(&w);
}

static enum err_code end(struct rig *r, const struct stored_upload *u, const struct stored_file *f)
{
	struct rig_wait w = rig_wait(r);
	store_end_upload(r->port, &w.op, 1, u, f);
	return rig_end(&w);
}

static void uploads(void)
{
	struct rig r = {0};
	struct arena a = {0};
	struct stored_upload u, got;
	struct id part[3], other;
	char text[3][ID_MAX];
	struct str ids[3];
	rig_open(&r);
	put_upload(&r, &u, 4, clock_wall_s() + 60);
	for (int i = 0; i < 3; i++) {
		CHECK(put_part(&r, &u, 2, &part[i]) == ERR_NONE && keep(&r, part[i].key, S("ab")));
		text_of(text[i], "part", &part[i]);
		ids[i] = str_of(text[i]);
	}
	CHECK(put_part(&r, &u, 3, &other) == ERR_BAD_REQUEST); /* 9 of 2 * 4 bytes */
	struct upload_parts parts = {.ids = (struct str[]){ids[2], ids[0]}, .n = 2};
	CHECK(get_parts(&r, &u, &parts, &a, &got) == ERR_NONE && got.status == UPLOAD_PENDING);
	CHECK(parts.bytes == 4 && parts.keys[0] == part[2].key && parts.keys[1] == part[0].key);
	parts.ids = (struct str[]){ids[1], ids[1]};
	CHECK(get_parts(&r, &u, &parts, &a, &got) == ERR_INVALID_VALUE);
	text_of(text[0], "part", &other);
	parts.ids = (struct str[]){ids[1], str_of(text[0])};
	CHECK(get_parts(&r, &u, &parts, &a, &got) == ERR_INVALID_VALUE);
	CHECK(rig_sound(&r));
	struct stored_file f = {.id = id_mint(), .bytes = 4, .purpose = S("batch"), .filename = S("x")};
	CHECK(end(&r, &u, &f) == ERR_NONE && end(&r, &u, NULL) == ERR_BAD_REQUEST && end(&r, &u, &f) == ERR_BAD_REQUEST);
	CHECK(put_part(&r, &u, 1, &other) == ERR_BAD_REQUEST);
	CHECK(get_parts(&r, &u, &parts, &a, &got) == ERR_NONE && got.status == UPLOAD_COMPLETED && got.file.key == f.id.key);
	sweep(&r);
	CHECK(rig_sound(&r));
	rig_shut(&r);
	rig_open(&r);
	CHECK(!there(&r, part[0].key)); /* parts of what is over go */
	arena_free(&a);
	rig_end_all(&r);
}

static void late_uploads(void)
{
	struct rig r = {0};
	struct arena a = {0};
	struct stored_upload u, v, got;
	struct upload_parts none = {0};
	struct id part;
	struct stored_file f;
	int64_t bytes = store_limits.project_bytes, keep_s = store_limits.upload_keep_seconds;
	rig_open(&r);
	store_limits.project_bytes = 10;
	put_upload(&r, &u, 6, clock_wall_s() - 1);
	CHECK(get_parts(&r, &u, &none, &a, &got) == ERR_NONE && got.status == UPLOAD_EXPIRED);
	CHECK(put_part(&r, &u, 1, &part) == ERR_BAD_REQUEST && end(&r, &u, NULL) == ERR_BAD_REQUEST);
	CHECK(put(&r, 1, &f, 5, "a") == ERR_STORAGE_LIMIT); /* what is announced counts ... */
	sweep(&r);
	CHECK(put(&r, 1, &f, 5, "a") == ERR_NONE); /* ... as long as it may come */
	put_upload(&r, &v, 5, clock_wall_s() + 60);
	CHECK(end(&r, &v, NULL) == ERR_NONE);
	put_upload(&r, &v, 5, clock_wall_s() + 60);
	store_limits.upload_keep_seconds = 0;
	sweep(&r);
	CHECK(get_parts(&r, &u, &none, &a, &got) == ERR_NOT_FOUND && get_parts(&r, &v, &none, &a, &got) == ERR_NONE);
	CHECK(rig_sound(&r));
	store_limits.project_bytes = bytes;
	store_limits.upload_keep_seconds = keep_s;
	arena_free(&a);
	rig_end_all(&r);
}

int main(void)
{
	static const struct test_case cases[] = {
	    {"one file", one_file}, {"bounds", bounds},   {"pages", pages},		{"orphans", orphans},
	    {"expiry", expiry},	    {"uploads", uploads}, {"late uploads", late_uploads},
	};
	return test_main(cases, sizeof cases / sizeof *cases);
}
