/* skill_zip.h - a skill's zip archive, checked, unpacked, packed (libarchive). Bytes of strangers: runs in a box
 * (reader.h). Pure, but for the locale, which has to be one of UTF-8 for names outside of ASCII. */
#pragma once
#include "index/skill_file.h"
#include "index/skill_matter.h"

struct skill_zip_bounds {
	int64_t files, file_bytes, bytes; /* of all together, unpacked */
};
struct skill_zip {
	struct arena *a;
	const struct skill_zip_bounds *bounds;
	struct str zip;
	/* found by skill_zip_check() */
	struct skill_matter matter;
	struct str top;       /* the folder of SKILL.md with a '/' behind it; "": the archive's own */
	struct str *paths;    /* of files */
	int64_t n, bytes;
	struct str detail;    /* of a fault */
};
/* Reads all of it, and believes none of the sizes that it tells. */
enum skill_fault skill_zip_check(struct skill_zip *z);
/* Of a sound one: calls one() for each file, path without the top folder. false: one() said so, or it is damaged. */
bool skill_zip_each(struct skill_zip *z, bool (*one)(void *ctx, struct str path, bool runs, struct str bytes), void *ctx);

/* Files in the form of skill_file.h as a zip: stored, without times, owners, modes; equal files give equal bytes. */
bool skill_zip_pack(struct str files, struct buf *zip);
