/* open_test.c - opening: who owns the folder, which schema, whose secret; keys and projects; checks. */
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "store/check.h"
#include "store/rig_sql.h"

static int mode_of(const char *dir, const char *name)
{
	char path[256];
	struct stat st;
	snprintf(path, sizeof path, "%s%s", dir, name);
	return stat(path, &st) ? -1 : (int)(st.st_mode & 0777);
}

static void private_files(void)
{
	struct rig r = {0};
	struct rig_turn x;
	char base[] = "/tmp/antiphon-open-XXXXXX";
	mode_t before = umask(0);
	CHECK(mkdtemp(base) != NULL);
	snprintf(r.dir, sizeof r.dir, "%s/a/b", base);
	rig_open(&r);
	rig_turn(&x, 0, 1, 1);
	CHECK(rig_put(&r, &x) == ERR_NONE);
	CHECK(mode_of(r.dir, "") == 0700);
	CHECK(mode_of(r.dir, "/antiphon.db") == 0600);
	CHECK(mode_of(r.dir, "/antiphon.db-wal") == 0600);
	CHECK(mode_of(r.dir, "/antiphon.db-shm") == 0600);
	CHECK(mode_of(r.dir, "/antiphon.lock") == 0600);
	umask(before);
	rig_end_all(&r);
	snprintf(r.dir, sizeof r.dir, "%s/a", base);
	rmdir(r.dir);
	rmdir(base);
}

static void one_owner(void)
{
	struct rig r = {0}, other = {0};
	struct err e = {0};
	char pid[32];
	rig_open(&r);
	memcpy(other.dir, r.dir, sizeof r.dir);
	CHECK(!rig_try_open(&other, &e));
	CHECK(e.code == ERR_CONFIG);
	snprintf(pid, sizeof pid, "process %d", (int)getpid());
	CHECK(strstr(e.msg, pid) != NULL);
	rig_shut(&r);
	rig_open(&r);
	rig_end_all(&r);
}

static void on_line(void *ctx, const char *line)
{
	int *n = ctx;
	printf("# %s\n", line);
	++*n;
}

static void schema(void)
{
	struct rig r = {0};
	int lines = 0;
	bool sound = false;
	struct err e = {0};
	struct rig_turn x;
	struct arena a = {0};
	struct stored_response got;
	rig_open(&r);
	rig_turn(&x, 0, 1, 1);
	CHECK(rig_put(&r, &x) == ERR_NONE);
	int64_t newest = rig_number(&r, "PRAGMA user_version");
	CHECK(newest >= 2);
	rig_shut(&r);
	/* As the first version left it: opens, and what it held is there. */
	rig_exec(r.dir, "DROP TABLE idempotency; DROP TABLE seal_key; DROP TABLE conversation;"
			"DROP TABLE conversation_item; DROP TABLE completion; DROP TABLE completion_text; DROP TABLE "
			"completion_pair; DROP TABLE template; DROP TABLE template_version; DROP TABLE run; DROP TABLE "
			"run_text; DROP TABLE run_event;"
			"DROP TABLE webhook; DROP TABLE webhook_delivery; DROP TABLE webhook_past; ALTER TABLE api_key DROP COLUMN used_at;"
			"DROP TABLE node; DROP TABLE file; DROP TABLE file_usage; DROP TABLE upload; DROP TABLE upload_part;"
			"DROP TABLE skill; DROP TABLE skill_version; DROP TABLE vector_store; DROP TABLE vector_file; DROP TABLE vector_batch; DROP TABLE vector_gone; DROP TABLE approval; DROP TABLE batch; DROP TABLE batch_line; DROP TABLE dead_inlay; "
			"DROP TABLE conversation_lease; DROP TABLE used; DROP TABLE spent; DROP TABLE quota; DROP TABLE quota_level; ALTER TABLE api_key DROP COLUMN admin; "
			"DROP TABLE container; DROP TABLE container_file; DROP TABLE container_call; "
			"ALTER TABLE response DROP COLUMN phases; DROP INDEX context_parent; DROP INDEX item_inlay; ALTER TABLE item DROP COLUMN inlay;"
			"ALTER TABLE item DROP COLUMN places;"
			"PRAGMA user_version=1");
	CHECK(store_inspect(r.dir, on_line, &lines, &sound, &e) && sound && lines == 0);
	rig_open(&r);
	CHECK(rig_number(&r, "PRAGMA user_version") == newest);
	CHECK(rig_number(&r, "SELECT count(*) FROM idempotency") == 0);
	CHECK(rig_number(&r, "SELECT count(*) FROM conversation") == 0);
	CHECK(rig_number(&r, "SELECT count(*) FROM conversation_item") == 0);
	CHECK(rig_get(&r, 1, x.id, &a, &got) == ERR_NONE);
	rig_shut(&r);
	/* A newer one is refused and left alone. */
	rig_exec(r.dir, "PRAGMA user_version=99");
	CHECK(!rig_try_open(&r, &e));
	CHECK(strstr(e.msg, "newer") && strstr(e.msg, "99") && strstr(e.msg, r.dir));
	CHECK(rig_number(&r, "PRAGMA user_version") == 99);
	/* So is the database of somebody else, and a file that is none. */
	e = (struct err){0};
	rig_exec(r.dir, "PRAGMA user_version=2; PRAGMA application_id=7");
	CHECK(!rig_try_open(&r, &e));
	CHECK(strstr(e.msg, "another program") != NULL);
	char path[128];
	snprintf(path, sizeof path, "%s/antiphon.db", r.dir);
	int fd = open(path, O_WRONLY | O_TRUNC);
	CHECK(write(fd, "this is not a database at all, but long enough to be asked", 58) == 58);
	close(fd);
	e = (struct err){0};
	CHECK(!rig_try_open(&r, &e) && strstr(e.msg, path) && strstr(e.msg, "--data"));
	arena_free(&a);
	rig_end_all(&r);
}

static void bad_places(void)
{
	struct store *s;
	struct err e = {0};
	struct store_options o = {.dir = S("/proc/antiphon")};
	CHECK(!store_open(&o, &s, &e) && e.code == ERR_CONFIG && strstr(e.msg, "/proc/antiphon"));
	e = (struct err){0};
	o = (struct store_options){.dir = S("/tmp"), .url = S("mysql://x")};
	CHECK(!store_open(&o, &s, &e) && e.code == ERR_CONFIG && strstr(e.msg, "mysql"));
}

static void secrets(void)
{
	struct rig r = {0};
	uint8_t a[32], b[32], c[32];
	char before[ID_MAX], after[ID_MAX];
	rig_open(&r);
	struct id id = id_mint();
	id_text(before, "resp", &id);
	store_secret(r.store, "id", a);
	store_secret(r.store, "obfuscation", b);
	CHECK(memcmp(a, b, 32) != 0);
	rig_shut(&r);
	rig_open(&r);
	store_secret(r.store, "id", c);
	CHECK(memcmp(a, c, 32) == 0);
	CHECK_STR(id_text(after, "resp", &id), str_of(before));
	rig_end_all(&r);
	rig_open(&r);
	store_secret(r.store, "id", c);
	CHECK(memcmp(a, c, 32) != 0);
	rig_end_all(&r);
}

/* Keys never go back, not even when the clock did. */
static void floor_of_keys(void)
{
	struct rig r = {0};
	struct rig_turn x;
	rig_open(&r);
	rig_turn(&x, 0, 1, 1);
	x.t.id.key += 1LL << 50;
	CHECK(rig_put(&r, &x) == ERR_NONE);
	rig_shut(&r);
	rig_open(&r);
	CHECK(id_mint().key > x.t.id.key);
	struct id later = {.key = x.t.id.key + (1LL << 50)};
	struct completion_record c = {
	    .project = 1, .id = later, .model = S("m"), .metadata = S("{}"), .body = S("{"), .messages = S("[]")};
	struct rig_wait w = rig_wait(&r);
	store_put_completion(r.port, &w.op, &c);
	CHECK(rig_end(&w) == ERR_NONE);
	rig_shut(&r);
	rig_open(&r);
	CHECK(id_mint().key > later.key);
	rig_end_all(&r);
}

struct seen {
	int n;
	struct key_info last;
};

static void see(void *ctx, const struct key_info *k)
{
	struct seen *s = ctx;
	s->last = *k;
	s->n++;
}

static void keys(void)
{
	struct rig r = {0};
	struct err e = {0};
	char one[KEY_TEXT], two[KEY_TEXT];
	struct key_info k1, k2;
	struct seen seen = {0};
	int64_t again = 0;
	struct key_holder who = {0};
	rig_open(&r);
	CHECK(!key_any(r.store));
	CHECK(key_create(r.store, &(struct key_making){.name = S("laptop")}, one, &k1, &e));
	CHECK(key_create(r.store, &(struct key_making){.name = S("ci"), .project = S("team-a")}, two, &k2, &e));
	CHECK(key_any(r.store) && strcmp(one, two) != 0 && strlen(one) == 51 && !strncmp(one, "sk-", 3));
	CHECK(key_check(r.store, str_of(one), &who) && who.project == 1 && who.id.key);
	CHECK_STR(who.project_name, S("default"));
	CHECK(key_list(r.store, see, &seen, &e) && seen.last.used_at > 0 && seen.last.used_at >= k1.created_at);
	seen.n = 0;
	CHECK(key_check(r.store, str_of(two), &who) && who.project == 2);
	CHECK_STR(who.project_name, S("team-a"));
	CHECK(!key_check(r.store, S("sk-nobody"), &who));
	CHECK(project_find(r.store, S("team-a"), false, &again, &e) && again == 2);
	CHECK(!project_find(r.store, S("team-b"), false, &again, &e) && e.code == ERR_NOT_FOUND);
	e = (struct err){0};
	CHECK(!project_find(r.store, S("no spaces"), true, &again, &e) && e.code == ERR_INVALID_VALUE);
	e = (struct err){0};
	CHECK(project_find(r.store, S("team-b"), true, &again, &e) && again == 3);
	CHECK(key_list(r.store, see, &seen, &e) && seen.n == 2);
	CHECK_STR(str_of(seen.last.name), S("laptop")); /* newest first */
	CHECK(strstr(seen.last.hint, "...") && !strncmp(seen.last.hint, one, 6));
	CHECK(key_revoke(r.store, str_of(k1.id), &e));
	CHECK(!key_check(r.store, str_of(one), &who));
	CHECK(key_check(r.store, str_of(two), &who));
	CHECK(!key_revoke(r.store, S("key_0"), &e) && e.code == ERR_NOT_FOUND);
	e = (struct err){0};
	key_add_fixed(r.store, S("sk-of-the-environment"));
	CHECK(key_check(r.store, S("sk-of-the-environment"), &who) && who.project == 1 && !who.id.key);
	rig_shut(&r);
	/* All of it is on disk, but the secrets and the fixed key. */
	rig_open(&r);
	CHECK(key_check(r.store, str_of(two), &who) && who.project == 2);
	CHECK(!key_check(r.store, str_of(one), &who));
	CHECK(!key_check(r.store, S("sk-of-the-environment"), &who));
	seen.n = 0;
	CHECK(key_list(r.store, see, &seen, &e) && seen.n == 2 && seen.last.revoked_at > 0 && seen.last.used_at > 0);
	CHECK(key_revoke(r.store, str_of(k2.id), &e) && key_any(r.store));
	rig_shut(&r);
	char path[128];
	static char bytes[1 << 20];
	snprintf(path, sizeof path, "%s/antiphon.db", r.dir);
	int fd = open(path, O_RDONLY);
	ssize_t n = read(fd, bytes, sizeof bytes);
	close(fd);
	CHECK(n > 0 && !memmem(bytes, (size_t)n, two + 8, 30));
	rig_end_all(&r);
}

static void checks(void)
{
	struct rig r = {0};
	struct err e = {0};
	struct rig_turn x, y;
	bool sound = false;
	int lines = 0;
	rig_open(&r);
	rig_turn(&x, 0, 2, 1);
	x.items[0].foreign_id = S("theirs");
	CHECK(rig_put(&r, &x) == ERR_NONE);
	rig_turn(&y, x.t.id.key, 1, 1);
	CHECK(rig_put(&r, &y) == ERR_NONE);
	CHECK(rig_delete(&r, 1, x.id) == ERR_NONE);
	CHECK(store_inspect(r.dir, on_line, &lines, &sound, &e) && sound && lines == 0); /* beside the owner */
	CHECK(mode_of(r.dir, "/antiphon.check.db") == -1);
	rig_shut(&r);
	CHECK(store_inspect(r.dir, on_line, &lines, &sound, &e) && sound && lines == 0);
	rig_exec(r.dir,
		 "DELETE FROM context WHERE parent = 0; DELETE FROM item WHERE key = (SELECT min(key) FROM item)");
	CHECK(store_inspect(r.dir, on_line, &lines, &sound, &e) && !sound && lines == 4);
	CHECK(!store_inspect("/tmp/antiphon-none", on_line, &lines, &sound, &e) && e.code == ERR_NOT_FOUND);
	rig_end_all(&r);
}

int main(void)
{
	static const struct test_case t[] = {
	    {"files are private", private_files}, {"one process owns the folder", one_owner},
	    {"older and newer schemas", schema},  {"places that cannot be", bad_places},
	    {"the store's secret", secrets},      {"keys never go back", floor_of_keys},
	    {"API keys and projects", keys},      {"checks", checks},
	};
	return test_main(t, sizeof t / sizeof *t);
}
