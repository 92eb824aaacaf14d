/* check_files.c - `antiphon check`: where the bytes of files lie, tried. */
#include "main/check_files.h"

#include <sodium.h>
#include <string.h>
#include <unistd.h>

#include "main/config_limits.h"
#include "store/blob_options.h"

/* An object of its own is put, read back and removed; then what is there is listed. */
static bool check_files_s3(struct s3 *s, struct str name, struct err *e)
{
	static const struct str text = STR("antiphon check");
	struct s3_piece p = {.most = 64};
	if (!s3_put(s, name, text, e))
		return false;
	bool ok = s3_get(s, name, &p, e) &&
		  (str_eq(buf_str(&p.bytes), text) || fail(e, ERR_STORE, NULL, "other bytes came back"));
	buf_release(&p.bytes);
	return s3_delete(s, name, e) && ok;
}

static void check_files_in_s3(struct check *c)
{
	const struct config *g = &c->args->config;
	struct err why = {0};
	struct s3 *s;
	uint8_t random[8];
	char hex[17];
	randombytes_buf(random, sizeof random);
	struct str name = str_fmt(c->arena, "check-%s", sodium_bin2hex(hex, sizeof hex, random, sizeof random));
	if (!s3_new(&blob_options.s3, &s, &why)) {
		check_say(c, BAD, "files", "docs/blobs.md says what it needs", "%s", why.msg);
		return;
	}
	if (check_files_s3(s, name, &why))
		check_say(c, FINE, "files", NULL, "bucket %.*s at %.*s takes, gives and removes", FMT(g->blobs_bucket),
			  FMT(g->blobs_url));
	else
		check_say(c, BAD, "files", "without it files, skills and batches are refused (503); all else is served",
			  "%s", why.msg);
	s3_free(s);
}

static void check_files_shared(struct check *c)
{
	struct str dir = str_copy(c->arena, blob_options.dir);
	if (dir.n && access(dir.p, R_OK | W_OK | X_OK) == 0)
		check_say(c, FINE, "files", NULL, "the shared folder %s can be written", dir.p);
	else
		check_say(c, BAD, "files", "mount it, or give it to the user who runs antiphon",
			  "blobs.dir: '%s' can't be written by user %d: %m", dir.p, (int)getuid());
}

void check_files(struct check *c)
{
	struct err why = {0};
	if (!config_apply_limits(&c->args->config, &why))
		check_say(c, BAD, "settings", "correct it", "%s", why.msg);
	else if (blob_options.where == BLOBS_S3)
		check_files_in_s3(c);
	else if (blob_options.where == BLOBS_SHARED)
		check_files_shared(c);
}
