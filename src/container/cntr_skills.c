/* cntr_skills.c - skills are put into containers. */
#include "container/cntr_skills.h"

#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "container/folder.h"
#include "index/skill_archive.h"
#include "index/skill_limits.h"
#include "store/blob.h"
#include "store/skill.h"
#include "wire/fields.h"
#include "wire/jout.h"

enum { HEX = 32, SKILL_FOLDER_MAX = 128 };

/* Which one an element of a request means, for telling whether a container has it: "skill_1@2", or the hash of an inline one. */
static struct str cntr_skills_which(struct cntrs *c, int64_t project, yyjson_val *skill, struct arena *a)
{
	struct skill row;
	struct skill_version v;
	struct err gone = {0};
	struct str id = json_str(json_get(skill, S("skill_id"))), data = json_str(json_get(json_get(skill, S("source")), S("data")));
	unsigned char hash[crypto_hash_sha256_BYTES];
	char hex[2 * sizeof hash + 1];
	if (id.p && skill_version_get(cntrs_store(c), project, id, json_str(json_get(skill, S("version"))), a, &row, &v, &gone))
		return str_fmt(a, "%.*s@%lld", FMT(id), (long long)v.number);
	if (id.p)
		return S("");
	crypto_hash_sha256(hash, (const unsigned char *)data.p, data.n);
	return str_copy(a, str_of(sodium_bin2hex(hex, sizeof hex, hash, sizeof hash)));
}

bool cntr_skills_same(struct cntrs *c, int64_t project, yyjson_val *list, const struct container *of, struct arena *a)
{
	struct err none = {0};
	yyjson_val *there = NULL, *one;
	size_t i, max;
	bool same = true;
	if (!yyjson_arr_size(list))
		return true;
	if (!of->skills.n || !json_parse(a, of->skills, &there, &none) || yyjson_arr_size(there) != yyjson_arr_size(list))
		return false;
	yyjson_arr_foreach(list, i, max, one)
	{
		struct str which = cntr_skills_which(c, project, one, a);
		same &= which.n && str_eq(which, json_str(json_get(yyjson_arr_get(there, i), S("which"))));
	}
	return same;
}

struct putting {
	struct cntrs *cntrs;
	struct arena *a;
	int64_t project, bytes;
	int folder;
	struct jout *told;
	struct str which; /* the one that is being put in */
};

/* --- the archive ------------------------------------------------------------------------------------------------- */

static bool cntr_skills_stored(struct putting *p, yyjson_val *skill, const char *path, struct skill_archive *k,
			       struct buf *zip, struct err *e)
{
	struct skill row;
	struct skill_version v;
	struct err why = {0};
	char place[128];
	struct str version = json_str(json_get(skill, S("version")));
	field_path(place, path, version.p ? "version" : "skill_id");
	if (!skill_version_get(cntrs_store(p->cntrs), p->project, json_str(json_get(skill, S("skill_id"))), version, p->a, &row, &v,
			       &why) ||
	    !blob_read(cntrs_store(p->cntrs), v.id.key, zip, &why))
		return fail(e, why.code, why.code == ERR_NOT_FOUND ? place : NULL, "%s", why.msg);
	k->name = v.name;
	k->description = v.description;
	return true;
}

static bool cntr_skills_inline(struct putting *p, yyjson_val *skill, const char *place, struct skill_archive *k, struct buf *zip,
			       struct err *e)
{
	struct str data = json_str(json_get(json_get(skill, S("source")), S("data")));
	const char *end = NULL;
	size_t n = 0, room = data.n / 4 * 3 + 4;
	char *to = buf_room(zip, room);
	bool ok = to && sodium_base642bin((unsigned char *)to, room, data.p, data.n, " \r\n\t", &n, &end,
					  sodium_base64_VARIANT_ORIGINAL) == 0 &&
		  end == data.p + data.n;
	zip->n += ok ? n : 0;
	k->name = str_copy(p->a, json_str(json_get(skill, S("name"))));
	k->description = str_copy(p->a, json_str(json_get(skill, S("description"))));
	return ok || fail(e, ERR_INVALID_VALUE, place, "Invalid '%s': expected a zip archive in base64.", place);
}

/* --- one --------------------------------------------------------------------------------------------------------- */

static void cntr_skills_tell(struct jout *o, const struct skill_archive *k, const char *folder, struct str which)
{
	char path[SKILL_FOLDER_MAX + sizeof CNTR_SKILLS + 1];
	snprintf(path, sizeof path, CNTR_SKILLS "/%s", folder);
	jo_obj(o);
	jo_kstr(o, "name", k->name);
	jo_kstr(o, "description", k->description);
	jo_kstr(o, "path", str_of(path));
	jo_kstr(o, "which", which);
	jo_obj_end(o);
}

/* As live: NAME and 32 hex digits, so that two of one name have room. */
static bool cntr_skills_unpack(struct putting *p, struct str zip, const char *place, const struct skill_archive *k, struct err *e)
{
	char id[ID_MAX], name[SKILL_FOLDER_MAX];
	struct id fresh = id_mint();
	struct skill_archive found;
	struct str hex = id_text(id, "x", &fresh);
	snprintf(name, sizeof name, "%.*s-%.*s", FMT(k->name), HEX, hex.p + 2);
	int dir = mkdirat(p->folder, name, 0755) ? -1 : openat(p->folder, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	bool ok = dir >= 0 && fchmod(dir, 0755) == 0 ? skill_archive_unpack(zip, dir, place, NULL, p->a, &found, e)
			   : fail(e, ERR_STORE, NULL, "A skill could not be unpacked: %m.");
	if (dir >= 0)
		close(dir);
	if (!ok)
		return false;
	p->bytes += found.bytes;
	cntr_skills_tell(p->told, k, name, p->which);
	return p->bytes <= skill_limits.container_bytes ||
	       fail(e, ERR_FILE_TOO_LARGE, place, "Invalid '%s': the skills of a container may have %lld bytes (skills.container_bytes).",
		    place, (long long)skill_limits.container_bytes);
}

static bool cntr_skills_one(struct putting *p, yyjson_val *skill, const char *path, struct err *e)
{
	bool stored = str_eq(json_str(json_get(skill, S("type"))), S("skill_reference"));
	struct skill_archive k;
	struct buf zip;
	char place[128];
	p->which = cntr_skills_which(p->cntrs, p->project, skill, p->a);
	buf_init(&zip, (size_t)skill_limits.bytes + (1 << 20));
	field_path(place, path, stored ? "skill_id" : "source.data");
	bool ok = (stored ? cntr_skills_stored(p, skill, path, &k, &zip, e) : cntr_skills_inline(p, skill, place, &k, &zip, e)) &&
		  cntr_skills_unpack(p, buf_str(&zip), place, &k, e);
	buf_release(&zip);
	return ok;
}

/* --- all --------------------------------------------------------------------------------------------------------- */

static bool cntr_skills_all(struct putting *p, yyjson_val *list, const char *path, struct err *e)
{
	size_t i, max;
	yyjson_val *one;
	jo_arr(p->told);
	yyjson_arr_foreach(list, i, max, one)
	{
		char place[128];
		field_index(place, path, i);
		if (!cntr_skills_one(p, one, place, e))
			return false;
	}
	jo_arr_end(p->told);
	return syncfs(p->folder) == 0 || fail(e, ERR_STORE, NULL, "A skill could not be kept: %m.");
}

bool cntr_skills_put(struct cntrs *c, int64_t project, int64_t key, yyjson_val *list, const char *path, struct arena *a,
		     struct str *ret, struct err *e)
{
	char at[FOLDER_PATH];
	struct buf told;
	struct jout o = {.b = &told};
	struct putting p = {.cntrs = c, .a = a, .project = project, .told = &o};
	folder_skills_at(cntrs_folders(c), at, key);
	p.folder = mkdir(at, 0755) ? -1 : open(at, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (p.folder < 0 || fchmod(p.folder, 0755)) /* whatever the umask: boxes may run as another user */
		return fail(e, ERR_STORE, NULL, "A skill could not be unpacked: %m.");
	buf_init(&told, 16 << 20);
	bool ok = cntr_skills_all(&p, list, path, e);
	close(p.folder);
	if (ok)
		*ret = str_copy(a, buf_str(&told));
	else
		folder_remove(cntrs_folders(c), key);
	buf_release(&told);
	return ok;
}
