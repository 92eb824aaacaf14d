/* skill_reader.c - what antiphon-reader says of skills. */
#include "index/skill_reader.h"

#include <locale.h>
#include <stdio.h>

#include "index/reader.h"
#include "index/skill_zip.h"

static const char *const skill_reader_words[SKILL_FAULTS] = {
    "",
#define FAULT(NAME, word, text) word,
#include "index/skill_faults.def"
#undef FAULT
};

static void skill_reader_put(struct str s)
{
	fwrite(s.p ? s.p : "", 1, s.n, stdout);
}

static bool skill_reader_one(void *ctx, struct str path, bool runs, struct str bytes)
{
	struct buf *out = ctx;
	buf_clear(out);
	skill_file_add(out, path, runs, bytes);
	skill_reader_put(buf_str(out));
	return !out->over && !ferror(stdout);
}

static int skill_reader_pack(struct str in, size_t max)
{
	struct buf zip;
	buf_init(&zip, max);
	if (!skill_zip_pack(in, &zip))
		return 1;
	printf("ok 0 0 0 0\n");
	skill_reader_put(buf_str(&zip));
	return fflush(stdout) != 0;
}

static int skill_reader_zip(int mode, struct skill_zip *z)
{
	struct buf one;
	enum skill_fault fault = skill_zip_check(z);
	if (fault) {
		printf("no %s\n", skill_reader_words[fault]);
		skill_reader_put(z->detail);
		return fflush(stdout) != 0;
	}
	printf("ok %zu %zu %lld %lld\n", z->matter.name.n, z->matter.description.n, (long long)z->n, (long long)z->bytes);
	skill_reader_put(z->matter.name);
	skill_reader_put(z->matter.description);
	buf_init(&one, SIZE_MAX / 2);
	if (mode == READER_SKILL_FILES && !skill_zip_each(z, skill_reader_one, &one))
		return 1;
	return fflush(stdout) != 0;
}

int skill_reader(int mode, struct str in, size_t max, struct str bounds)
{
	struct arena a = {0};
	struct skill_zip_bounds b;
	struct skill_zip z = {.a = &a, .bounds = &b, .zip = in};
	setlocale(LC_CTYPE, "C.UTF-8");
	if (!str_int(str_cut(&bounds, ','), &b.files) || !str_int(str_cut(&bounds, ','), &b.file_bytes) ||
	    !str_int(bounds, &b.bytes))
		return 2;
	return mode == READER_SKILL_PACK ? skill_reader_pack(in, max) : skill_reader_zip(mode, &z);
}
