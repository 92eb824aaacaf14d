/* container_place.c - which container a request means, and what lies in it. */
#include "tools/container_place.h"

#include <sodium.h>
#include <unistd.h>

#include "container/folder_name.h"
#include "tools/toolrun.h"

#include "container/cntr.h"
#include "container/cntr_skills.h"
#include "container/folder.h"
#include "container/limits.h"
#include "container/memory.h"
#include "container/network.h"
#include "model/file.h"
#include "model/skill_words.h"
#include "sandbox/process.h"
#include "tools/foreign.h"
#include "tools/internal.h"

enum { TOLD_FILES = 100, TOLD_HOSTS = 50, LISTED = 40 };

bool container_serves(const struct tools_options *o, const char *type, const struct container_ask *ask, const char *where,
		      struct err *e)
{
	char place[128];
	int64_t memory;
	if (!o->containers || !o->sessions)
		return fail(e, ERR_UNSUPPORTED_VALUE, where, "Unsupported value: '%s'. This server keeps no containers.", type);
	field_path(place, ask->path, "memory_limit");
	if (!cntr_memory(json_str(json_get(ask->container, S("memory_limit"))), place, &memory, e))
		return false;
	field_path(place, ask->path, "network_policy");
	return network_fits(json_get(ask->container, S("network_policy")), place, e);
}

/* --- settling ---------------------------------------------------------------------------------------------------- */

struct place {
	struct str id;
	bool make, made; /* it is to be made by the first call; it was made for this turn */
	int64_t memory;
	struct container row; /* unless it is to be made */
};

/* That one, while it lives and has what is asked for: these skills, and it reaches that, no more and no less. */
static bool place_again(const struct tools *t, struct settling *s, const struct container_ask *ask, struct str id, struct place *p)
{
	struct cntrs *c = t->options.containers;
	struct err gone = {0};
	p->id = id;
	return id.n && container_get(cntrs_store(c), s->project, id, s->arena, &p->row, &gone) && container_living(&p->row, &gone) &&
	       network_is(c, &p->row, json_get(ask->container, S("network_policy")), s->arena) &&
	       cntr_skills_same(c, s->project, json_get(ask->container, S("skills")), &p->row, s->arena);
}

/* Made now, it is under the id of the turn's own: a run that is taken up again finds it. */
static bool place_new(const struct tools *t, struct settling *s, const struct container_ask *ask, struct place *p, struct err *e)
{
	struct cntrs *c = t->options.containers;
	char place[128];
	struct err none = {0};
	struct id id = ask->now ? s->id : id_mint();
	struct str text = id_text(arena_bytes(s->arena, ID_MAX), "cntr", &id);
	if (ask->now && place_again(t, s, ask, text, p)) {
		p->made = true;
		return true;
	}
	if (ask->now && container_get(cntrs_store(c), s->project, text, s->arena, &p->row, &none)) { /* its time is over, or it is another */
		id = id_mint();
		text = id_text(arena_bytes(s->arena, ID_MAX), "cntr", &id);
	}
	p->id = text;
	p->row = (struct container){0};
	p->make = !ask->now || s->counts;
	field_path(place, ask->path, "skills");
	struct cntr_want w = {.id = id,
			      .name = S("auto"),
			      .memory = p->memory,
			      .network = json_get(ask->container, S("network_policy")),
			      .skills = json_get(ask->container, S("skills")),
			      .skills_path = place};
	p->made = !p->make && cntr_make(c, s->project, &w, s->arena, &p->row, e);
	return p->make || p->made;
}

static bool place_find(const struct tools *t, struct settling *s, const struct container_ask *ask, struct place *p,
		       struct err *e)
{
	struct store *store = cntrs_store(t->options.containers);
	struct err why = {0};
	p->id = json_str(ask->container);
	if (p->id.p) {
		if (container_get(store, s->project, p->id, s->arena, &p->row, &why) && container_living(&p->row, &why))
			return true;
		return fail(e, why.code, NULL, "%s", why.msg);
	}
	if (place_again(t, s, ask, s->last, p))
		return true;
	return place_new(t, s, ask, p, e);
}

static void place_file(struct settling *s, struct jout *o, struct jout *names, const struct stored_file *f, struct str id)
{
	jo_str(o, id);
	jo_str(names, folder_name(s->arena, id, f->filename));
}

/* Files that were asked for by the tool must be there; those of the input are the input's own affair. */
static bool place_files(const struct tools *t, struct settling *s, const struct container_ask *ask, struct jout *o,
			struct jout *names, struct err *e)
{
	struct store *store = cntrs_store(t->options.containers);
	yyjson_val *ids = json_get(ask->container, S("file_ids")), *one;
	struct stored_file f;
	size_t i, max;
	char list[128], place[128];
	field_path(list, ask->path, "file_ids");
	yyjson_arr_foreach(ids, i, max, one)
	{
		struct err why = {0};
		field_index(place, list, i);
		if (!container_file_source(store, s->project, json_str(one), s->arena, &f, &why))
			return fail(e, why.code, place, "%s", why.msg);
		place_file(s, o, names, &f, json_str(one));
	}
	for (i = 0; i < s->n_files; i++) {
		struct err ignored = {0};
		if (container_file_source(store, s->project, s->files[i], s->arena, &f, &ignored))
			place_file(s, o, names, &f, s->files[i]);
	}
	return true;
}

/* Files that the input carries are named after what is in them, so that the same one is put in once. */
static bool place_data(struct settling *s, struct jout *o, struct jout *names, struct err *e)
{
	unsigned char hash[16];
	char hex[2 * sizeof hash + 1];
	int64_t bytes = 0;
	jo_key(o, S("data"));
	jo_arr(o);
	for (size_t i = 0; i < s->n_data; i++) {
		struct str url = s->data[i].url, name;
		struct err unfit = {0};
		if (!file_name_read(s->data[i].name, "filename", &name, &unfit))
			name = S("file");
		bytes += (int64_t)url.n;
		if (bytes > container_limits.input_bytes)
			break;
		crypto_generichash(hash, sizeof hash, (const unsigned char *)url.p, url.n, NULL, 0);
		sodium_bin2hex(hex, sizeof hex, hash, sizeof hash);
		name = folder_name(s->arena, str_of(hex), name);
		jo_obj(o);
		jo_kstr(o, "name", name);
		jo_kstr(o, "url", url);
		jo_obj_end(o);
		jo_str(names, name);
	}
	jo_arr_end(o);
	return bytes <= container_limits.input_bytes ||
	       fail(e, ERR_TOO_LARGE, "input",
		    "The files in the input (file_data) are more than %lld bytes (containers.input_bytes), which is as many as are put into "
		    "a container. Send them by POST /v1/files, and name them by file_id.",
		    (long long)container_limits.input_bytes);
}

static bool place_there(const struct tools *t, struct settling *s, const struct place *p, struct jout *names,
			struct err *e)
{
	struct container_file_page page;
	if (p->make)
		return true;
	if (!container_file_all(cntrs_store(t->options.containers), p->row.id.key, TOLD_FILES, s->arena, &page, e))
		return false;
	for (size_t i = 0; i < page.n; i++)
		jo_str(names, page.list[i].path);
	return true;
}

static void place_network(const struct tools *t, struct settling *s, const struct container_ask *ask, const struct place *p,
			  struct jout *o)
{
	yyjson_val *policy = p->make ? json_get(ask->container, S("network_policy")) : NULL;
	if (p->make)
		jo_member(o, ask->container, S("network_policy"));
	jo_kraw(o, "reach", network_told(t->options.containers, &p->row, policy, s->arena));
}

bool container_settle(const struct tools *t, struct settling *s, const struct container_ask *ask, struct err *e)
{
	struct place p = {0};
	struct buf b, names;
	struct err none = {0};
	char place[128];
	field_path(place, ask->path, "memory_limit");
	if (!cntr_memory(json_str(json_get(ask->container, S("memory_limit"))), place, &p.memory, e) || !place_find(t, s, ask, &p, e))
		return false;
	buf_init(&b, (1 << 20) + 6 * (size_t)container_limits.input_bytes); /* as JSON a byte may take six */
	buf_init(&names, 1 << 20);
	struct jout o = {.b = &b}, n = {.b = &names};
	jo_arr(&n);
	jo_obj(&o);
	jo_kstr(&o, "container_id", p.id);
	jo_kbool(&o, "make", p.make);
	jo_kbool(&o, "made", p.made);
	jo_kbool(&o, "another", s->last.n && !json_str(ask->container).p && !str_eq(s->last, p.id));
	jo_kint(&o, "memory", p.memory);
	place_network(t, s, ask, &p, &o);
	jo_key(&o, S("files"));
	jo_arr(&o);
	bool ok = place_files(t, s, ask, &o, &n, e) && place_there(t, s, &p, &n, e);
	jo_arr_end(&o);
	ok = ok && place_data(s, &o, &n, e);
	jo_arr_end(&n);
	jo_kraw(&o, "there", buf_str(&names));
	jo_kraw(&o, "skills", p.row.skills.n ? p.row.skills : (struct str){0});
	jo_obj_end(&o);
	if (ok)
		json_parse(s->arena, str_copy(s->arena, buf_str(&b)), &s->settled, &none);
	else if (p.made)
		cntr_drop_unused(t->options.containers, p.row.id.key);
	buf_release(&b);
	buf_release(&names);
	return ok;
}

void container_unsettle(const struct tools *t, yyjson_val *settled)
{
	struct id id;
	if (yyjson_is_true(json_get(settled, S("made"))) && id_parse(json_str(json_get(settled, S("container_id"))), "cntr", &id))
		cntr_drop_unused(t->options.containers, id.key);
}

/* Hosts are words of the client's: bounded, and made harmless. */
static void place_describe_reach(struct buf *b, yyjson_val *settled)
{
	yyjson_val *reach = json_get(settled, S("reach")), *hosts = json_get(reach, S("hosts")),
		   *secrets = json_get(reach, S("secrets")), *one;
	size_t i, max;
	if (settled && !hosts)
		buf_add(b, S(" There is no network."));
	yyjson_arr_foreach(hosts, i, max, one)
	{
		if (i == TOLD_HOSTS)
			break;
		buf_add(b, i ? S(", ") : S(" Of the network programs reach these hosts, by the proxy that their environment names: "));
		foreign_add(b, json_str(one), HOST_MOST);
	}
	if (hosts)
		buf_byte(b, '.');
	yyjson_arr_foreach(secrets, i, max, one)
	{
		buf_add(b, S(" The environment variable "));
		foreign_add(b, json_str(json_get(one, S("name"))), HOST_MOST);
		buf_add(b, S(" stands for a secret: in headers of requests to "));
		foreign_add(b, json_str(json_get(one, S("domain"))), HOST_MOST);
		buf_add(b, S(" it is put in on the way."));
	}
}

void container_describe(struct buf *b, yyjson_val *settled)
{
	yyjson_val *there = json_get(settled, S("there")), *one;
	size_t i, max, told = 0;
	if (yyjson_is_true(json_get(settled, S("another"))))
		buf_add(b, S(" Earlier calls ran in another container, whose files and variables are not here."));
	yyjson_arr_foreach(there, i, max, one)
	{
		if (told++ == TOLD_FILES)
			break;
		buf_add(b, i ? S(", ") : S(" Files that are there: "));
		buf_add(b, S("/mnt/data/"));
		foreign_add(b, json_str(one), 512);
	}
	if (told)
		buf_byte(b, '.');
	place_describe_reach(b, settled);
	skill_words(b, json_get(settled, S("skills")));
}

/* An object without the member that `path` leads to. */
static void place_leave_out(struct jout *o, yyjson_val *from, const struct str *path, size_t n)
{
	yyjson_val *key, *val;
	size_t i, max;
	jo_obj(o);
	yyjson_obj_foreach(from, i, max, key, val)
	{
		bool on_path = str_eq(json_str(key), *path);
		if (on_path && n > 1 && yyjson_is_obj(val)) {
			jo_key(o, *path);
			place_leave_out(o, val, path + 1, n - 1);
		} else if (!on_path || n > 1) {
			jo_member(o, from, json_str(key));
		}
	}
	jo_obj_end(o);
}

void container_echo(struct jout *o, yyjson_val *tool, struct str member)
{
	const struct str path[] = {member, S("network_policy"), S("domain_secrets")};
	place_leave_out(o, tool, path, sizeof path / sizeof *path);
}

/* --- a run ------------------------------------------------------------------------------------------------------- */

/* Calls of one answer run side by side: the first of them makes it. */
static bool place_make(struct toolrun *run, struct str text, struct container *ret, struct err *e)
{
	struct cntrs *c = run->tools->options.containers;
	struct err missing = {0}, why = {0};
	if (container_get(cntrs_store(c), run->project, text, &run->arena, ret, &missing))
		return container_living(ret, e);
	struct cntr_want w = {.name = S("auto"),
			      .network = json_get(run->settled, S("network_policy")),
			      .memory = yyjson_get_sint(json_get(run->settled, S("memory")))};
	if (!id_parse(text, "cntr", &w.id))
		return fail(e, ERR_INTERNAL, NULL, "No container can be made.");
	if (cntr_make(c, run->project, &w, &run->arena, ret, &why))
		return true;
	return container_get(cntrs_store(c), run->project, text, &run->arena, ret, &missing) ||
	       fail(e, why.code, NULL, "%s", why.msg);
}

/* What the input carried was checked when it was read by the model (attach/): what is no base64 has been refused. */
static bool place_put(struct toolrun *run, const struct container *to, yyjson_val *one, struct err *e)
{
	struct str data = json_str(json_get(one, S("url")));
	struct container_file f;
	const char *end = NULL;
	size_t n = 0;
	str_cut(&data, ',');
	char *bytes = arena_bytes(&run->arena, data.n + 1);
	for (int padded = 1; padded >= 0 && end != data.p + data.n; padded--) /* some leave the padding out */
		if (sodium_base642bin((unsigned char *)bytes, data.n, data.p, data.n, " \r\n\t", &n, &end,
				      padded ? sodium_base64_VARIANT_ORIGINAL : sodium_base64_VARIANT_ORIGINAL_NO_PADDING))
			end = NULL;
	if (end != data.p + data.n)
		return fail(e, ERR_INVALID_VALUE, NULL, "A file of the input is no base64.");
	int fd = process_memory((struct str){bytes, n});
	bool ok = fd >= 0 && cntr_put_named(run->tools->options.containers, to, json_str(json_get(one, S("name"))), fd, (int64_t)n,
					    &run->arena, &f, e);
	if (fd >= 0)
		close(fd);
	if (fd < 0)
		fail(e, ERR_UNAVAILABLE, NULL, "A file of the input could not be put in: %m");
	return ok;
}

bool container_enter(struct toolrun *run, struct container *ret, struct err *e)
{
	struct cntrs *c = run->tools->options.containers;
	struct str id = json_str(json_get(run->settled, S("container_id")));
	yyjson_val *files = json_get(run->settled, S("files")), *one;
	size_t i, max;
	if (!id.p)
		return fail(e, ERR_INTERNAL, NULL, "The container that was asked for is not at hand.");
	if (yyjson_is_true(json_get(run->settled, S("make"))) ? !place_make(run, id, ret, e)
							       : !cntr_use(c, run->project, id, &run->arena, ret, e))
		return false;
	yyjson_arr_foreach(files, i, max, one)
	{
		struct container_file f;
		if (!cntr_copy(c, run->project, ret, json_str(one), &run->arena, &f, e))
			return false;
	}
	yyjson_arr_foreach(json_get(run->settled, S("data")), i, max, one) if (!place_put(run, ret, one, e)) return false;
	return true;
}

void container_sources(struct toolrun *run, const struct container *of, const struct cntr_found *found)
{
	struct tool_result *r = &run->result;
	struct str container = id_text(arena_bytes(&run->arena, ID_MAX), "cntr", &of->id);
	r->sources = new_array(&run->arena, struct tool_source, found->n + 1);
	for (r->n_sources = 0; r->n_sources < found->n; r->n_sources++) {
		const struct cntr_made *m = &found->at[r->n_sources];
		r->sources[r->n_sources] =
		    (struct tool_source){.kind = CITE_CONTAINER,
					 .url = id_text(arena_bytes(&run->arena, ID_MAX), "cfile", &m->file.id),
					 .title = m->file.path,
					 .part = container,
					 .shown = m->shown};
	}
}

void container_tell_files(struct buf *b, const struct cntr_found *found)
{
	size_t told = 0;
	for (size_t i = 0; i < found->n && told < LISTED; i++) {
		if (found->at[i].shown)
			continue;
		buf_add(b, told++ ? S(", ") : S("\nFiles made or changed: "));
		buf_add(b, S("/mnt/data/"));
		foreign_add(b, found->at[i].file.path, 512);
	}
	if (told)
		buf_add(b, S(". To give the user one, link to it as [name](sandbox:/mnt/data/name)."));
	if (found->cut)
		buf_add(b, S("\nThere are more files in /mnt/data than are kept count of."));
}

void container_tell_cut(struct buf *b)
{
	if (b->n)
		buf_byte(b, '\n');
	buf_add(b, S("The server stopped while an earlier call ran here: it may have run in part, and was not run again.\n"));
}
