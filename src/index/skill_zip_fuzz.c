/* skill_zip_fuzz.c - any bytes as a skill's archive: what is taken keeps the bounds, and can be unpacked and packed again. */
#include <assert.h>

#include "index/skill_zip.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct skill_zip_bounds bounds = {.files = 20, .file_bytes = 100000, .bytes = 300000};

static bool skill_zip_fuzz_one(void *ctx, struct str path, bool runs, struct str bytes)
{
	assert(skill_path_good(path) && (int64_t)bytes.n <= bounds.file_bytes);
	skill_file_add(ctx, path, runs, bytes);
	return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena a = {0};
	struct buf files, zip;
	struct skill_zip z = {.a = &a, .bounds = &bounds, .zip = {(const char *)data, size}};
	buf_init(&files, 1 << 20);
	buf_init(&zip, 1 << 20);
	if (skill_zip_check(&z) == SKILL_SOUND) {
		assert(z.n <= bounds.files && z.bytes <= bounds.bytes);
		if (skill_zip_each(&z, skill_zip_fuzz_one, &files) && skill_zip_pack(buf_str(&files), &zip)) {
			struct skill_zip again = {.a = &a, .bounds = &bounds, .zip = buf_str(&zip)};
			assert(skill_zip_check(&again) == SKILL_SOUND && again.n <= z.n);
		}
	}
	buf_release(&files);
	buf_release(&zip);
	arena_free(&a);
	return 0;
}
