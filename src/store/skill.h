/* skill.h - skills and their versions: what is known of them. A version's bytes, a zip, are the blob of its key (blob.h).
 *
 * A skill has versions 1, 2, 3 ..., each of which never changes; one of them is the default. A number is never given
 * twice. Versions count among their project's files (store.project_files, store.project_bytes). Deleting a skill hides
 * it at once; its versions go in slices. All functions block: worker threads, any. An unknown id, or one of another
 * project, is ERR_NOT_FOUND: "Skill with id 'x' not found." */
#pragma once
#include "base/arena.h"
#include "store/store.h"

struct skill {
	struct id id; /* "skill" */
	int64_t created_at, version, latest; /* version: the default one */
	struct str name, description;        /* of the default version */
};
struct skill_version {
	struct id id; /* "skillver"; id.key is its blob's key */
	int64_t number, created_at, bytes;
	struct str name, description;
};
struct skill_bounds {
	int64_t skills, versions; /* of a project, of a skill; more is ERR_BAD_REQUEST */
};

/* The blob of `first` is kept; its number is 1. ERR_STORAGE_LIMIT: the project's files are full; then the blob is still the
 * caller's. */
bool skill_put(struct store *s, int64_t project, const struct skill *k, const struct skill_version *first,
	       const struct skill_bounds *most, struct err *e);
/* The next version; v->number is set. becomes_default: in the same transaction. Errors as skill_put(). */
bool skill_version_put(struct store *s, int64_t project, const struct id *skill, struct skill_version *v,
		       bool becomes_default, const struct skill_bounds *most, struct err *e);
bool skill_get(struct store *s, int64_t project, struct str id, struct arena *a, struct skill *ret, struct err *e);
/* `which`: its number, "latest", or {0}: the default one. ERR_NOT_FOUND: there is no such version. */
bool skill_version_get(struct store *s, int64_t project, struct str id, struct str which, struct arena *a,
		       struct skill *ret, struct skill_version *version, struct err *e);
struct skill_page {
	struct skill *list; /* of skills ... */
	struct skill_version *versions; /* ... or of versions */
	size_t n;
	bool has_more;
};
/* `after` is an id; of versions, a version's. ERR_INVALID_VALUE at "after". */
bool skill_list(struct store *s, int64_t project, const struct page_query *q, struct arena *a, struct skill_page *ret,
		struct err *e);
bool skill_version_list(struct store *s, const struct skill *k, const struct page_query *q, struct arena *a,
			struct skill_page *ret, struct err *e);
/* ERR_INVALID_VALUE at "default_version": there is no such version. */
bool skill_set_default(struct store *s, const struct skill *k, int64_t number, struct err *e);
bool skill_delete(struct store *s, const struct skill *k, struct err *e);
/* ERR_BAD_REQUEST: it is the default one. */
bool skill_version_delete(struct store *s, int64_t project, const struct skill *k, const struct skill_version *v,
			  struct err *e);
