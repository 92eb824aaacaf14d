/* inlay_test.c - bytes inside of items: cut out, whole again, gone with their item; what a crash and a bad disk leave.
 */
#include "store/inlay.h"

#include <dirent.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "store/blob.h"
#include "store/blob_dead.h"
#include "store/conversation.h"
#include "store/node.h"
#include "store/rig_sql.h"

enum { LEAST = 1024, LARGE = 4 << 20 };

/* `n` letters of base64, not all alike. */
static struct str inlay_test_b64(struct arena *a, size_t n, const char *end)
{
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	size_t more = strlen(end);
	char *to = arena_bytes(a, n + more);
	for (size_t i = 0; i < n; i++)
		to[i] = letters[(i * 7 + i / 64) % 64];
	memcpy(to + n, end, more);
	return (struct str){to, n + more};
}

static struct str inlay_test_item(struct arena *a, struct str b64)
{
	return str_fmt(a, "{\"type\":\"image_generation_call\",\"result\":\"%.*s\",\"size\":\"\xc3\xa4\"}", FMT(b64));
}

/* Bytes of all blobs; their number goes to *n. */
static int64_t inlay_test_files(struct rig *r, int *n)
{
	char path[400];
	struct stat st;
	int64_t bytes = 0;
	snprintf(path, sizeof path, "%s/files", r->dir);
	DIR *d = opendir(path);
	struct dirent *at;
	*n = 0;
	while (d && (at = readdir(d))) {
		snprintf(path, sizeof path, "%s/files/%s", r->dir, at->d_name);
		if (stat(path, &st) || !S_ISREG(st.st_mode))
			continue;
		bytes += st.st_size;
		++*n;
	}
	closedir(d);
	return bytes;
}

static int inlay_test_blobs(struct rig *r)
{
	int n;
	inlay_test_files(r, &n);
	return n;
}

static void inlay_test_turn(struct rig_turn *x, int64_t parent, struct str json)
{
	rig_turn(x, parent, 1, 1);
	x->items[1].json = json;
}

/* Is the response's one output item that? */
static bool inlay_test_has(struct rig *r, const struct rig_turn *x, struct str json)
{
	struct arena a = {0};
	struct stored_response got;
	struct stored_context context;
	bool ok = rig_get(r, 1, x->id, &a, &got) == ERR_NONE &&
		  str_eq(got.json, str_fmt(&a, "{\"object\":\"response\",\"output\":[%.*s],\"x\":1}", FMT(json))) &&
		  rig_context(r, 1, x->id, &a, &context) == ERR_NONE && str_eq(context.items[context.n - 1].json, json);
	arena_free(&a);
	return ok;
}

static void inlay_test_settle(struct rig *r)
{
	rig_sweep(r);
	rig_shut(r); /* what was dropped goes before the end */
	CHECK(rig_sound(r));
	rig_open(r);
}

/* --- texts ------------------------------------------------------------------------------------------------------- */

/* Each comes back to the byte, whether it was cut or not. */
static void texts(void)
{
	static const struct {
		const char *before, *end, *after;
		size_t n;
		bool cut;
	} rows[] = {
	    {"{\"result\":\"", "", "\"}", LEAST, true},
	    {"{\"result\":\"", "", "\"}", LEAST - 4, false}, /* too short */
	    {"{\"result\":\"", "==", "\"}", LEAST + 1, false},
	    {"{\"result\":\"", "AQ==", "\"}", LEAST, true},
	    {"{\"result\":\"", "AR==", "\"}", LEAST, false}, /* bits that no byte has */
	    {"{\"result\":\"", "AAE=", "\"}", LEAST, true},
	    {"{\"result\":\"", "AAF=", "\"}", LEAST, false},
	    {"{\"result\":\"", "A===", "\"}", LEAST, false},
	    {"{\"result\":\"", "", "\"}", LEAST + 2, false},
	    {"{\"result\":\"", "\\n", "\"}", LEAST, false},
	    {"{\"result\":\"", "-_", "\"}", LEAST, false}, /* the alphabet of URLs */
	    {"{\"image_url\":\"data:image/png;base64,", "", "\",\"a\":1}", LEAST, true},
	    {"{\"image_url\":\"data:image/png;base64 ", "", "\"}", LEAST, false},
	    {"{\"text\":\"see ", "", "\"}", LEAST, false}, /* within a text */
	    {"{\"arguments\":\"{\\\"a\\\":\\\"", "", "\\\"}\"}", LEAST, false},
	    {"{\"result\":\"", "", "", LEAST, false}, /* no JSON at all */
	};
	int64_t least = store_limits.inlay_bytes;
	struct arena a = {0};
	store_limits.inlay_bytes = LEAST;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct str b64 = inlay_test_b64(&a, rows[i].n, rows[i].end),
			   text = str_fmt(&a, "%s%.*s%s", rows[i].before, FMT(b64), rows[i].after);
		struct store_request *r = request_new(NULL, NULL, 0, 0, text.n);
		struct inlaid in = inlay_cut(r, text);
		CHECK((in.blob != 0) == rows[i].cut && r->n_blobs == rows[i].cut);
		struct cell cells[3] = {{.s = in.text}, {.i = in.blob}, {.s = in.places}};
		CHECK(inlay_size(cells) == text.n);
		if (in.blob)
			CHECK(in.text.n < 200 && r->blobs[0].bytes.n <= text.n * 3 / 4);
		inlay_release(&in);
		request_free(r);
	}
	store_limits.inlay_bytes = least;
	arena_free(&a);
}

/* Several in one item, and more than are looked for. */
static void several(void)
{
	int64_t least = store_limits.inlay_bytes;
	struct rig r = {0};
	struct arena a = {0};
	struct rig_turn *x = new (&a, struct rig_turn);
	struct buf b;
	rig_open(&r);
	store_limits.inlay_bytes = LEAST;
	for (size_t n = 2; n < 100; n += 90) {
		buf_init(&b, 1 << 20);
		buf_add(&b, S("{\"content\":["));
		for (size_t i = 0; i < n; i++) {
			static const char *const ends[] = {"", "AQ==", "AAE="};
			struct str b64 = inlay_test_b64(&a, LEAST + 4 * i, ends[i % 3]);
			buf_fmt(&b, "%s{\"image_url\":\"data:image/png;base64,%.*s\"}", i ? "," : "", FMT(b64));
		}
		buf_add(&b, S("]}"));
		struct str json = str_copy(&a, buf_str(&b));
		buf_release(&b);
		inlay_test_turn(x, 0, json);
		CHECK(rig_put(&r, x) == ERR_NONE && inlay_test_has(&r, x, json));
	}
	CHECK(rig_number(&r, "SELECT count(*) FROM item WHERE inlay > 0") == 2 && inlay_test_blobs(&r) == 2);
	store_limits.inlay_bytes = least;
	arena_free(&a);
	rig_end_all(&r);
}

/* --- life -------------------------------------------------------------------------------------------------------- */

static void a_picture(void)
{
	struct rig r = {0};
	struct arena a = {0};
	struct rig_turn *x = new (&a, struct rig_turn), *fork = new (&a, struct rig_turn);
	struct stored_item one;
	struct str json = inlay_test_item(&a, inlay_test_b64(&a, LARGE, "AQ=="));
	int n;
	char id[ID_MAX];
	int64_t linger = store_limits.linger_seconds;
	rig_open(&r);
	inlay_test_turn(x, 0, json);
	CHECK(rig_put(&r, x) == ERR_NONE && inlay_test_has(&r, x, json));
	CHECK(rig_number(&r, "SELECT max(length(json) + length(places)) FROM item") < 200);
	CHECK(inlay_test_files(&r, &n) == LARGE / 4 * 3 + 1 && n == 1);
	struct rig_wait w = rig_wait(&r);
	struct str want = str_of(id_text(id, "ig", &x->items[1].id).p);
	store_get_items(r.port, &w.op, 1, &want, 1, &a, &one);
	CHECK(rig_end(&w) == ERR_NONE && str_eq(one.json, json));
	/* a turn that goes on from it stands on the same item */
	rig_turn(fork, x->t.id.key, 1, 1);
	CHECK(rig_put(&r, fork) == ERR_NONE && inlay_test_blobs(&r) == 1);
	store_limits.linger_seconds = 0;
	CHECK(rig_delete(&r, 1, x->id) == ERR_NONE);
	inlay_test_settle(&r);
	CHECK(inlay_test_blobs(&r) == 1);
	CHECK(rig_delete(&r, 1, fork->id) == ERR_NONE);
	inlay_test_settle(&r);
	CHECK(inlay_test_blobs(&r) == 0 && rig_number(&r, "SELECT count(*) FROM item") == 0);
	CHECK(rig_number(&r, "SELECT count(*) FROM dead_inlay") == 0);
	store_limits.linger_seconds = linger;
	arena_free(&a);
	rig_end_all(&r);
}

static void in_a_conversation(void)
{
	struct rig r = {0};
	struct arena a = {0};
	struct str json = inlay_test_item(&a, inlay_test_b64(&a, LARGE / 4, ""));
	struct turn_item item = {.id = id_mint(), .json = json};
	struct conversation_record c = {
	    .id = id_mint(), .project = 1, .created_at = 1, .metadata = S("{}"), .items = &item, .n_items = 1};
	struct stored_conversation got;
	struct stored_context items;
	struct stored_item one;
	char id[ID_MAX], at[ID_MAX];
	rig_open(&r);
	id_text(id, "conv", &c.id);
	id_text(at, "ig", &item.id);
	struct rig_wait w = rig_wait(&r);
	store_put_conversation(r.port, &w.op, &c);
	CHECK(rig_end(&w) == ERR_NONE && inlay_test_blobs(&r) == 1);
	w = rig_wait(&r);
	store_get_conversation_context(r.port, &w.op, 1, str_of(id), &a, &got, &items);
	CHECK(rig_end(&w) == ERR_NONE && items.n == 1 && str_eq(items.items[0].json, json));
	w = rig_wait(&r);
	store_get_conversation_item(r.port, &w.op, 1, str_of(id), str_of(at), &a, &one);
	CHECK(rig_end(&w) == ERR_NONE && str_eq(one.json, json));
	/* more than may be read at once is known before it is read */
	int64_t most = store_limits.context_bytes;
	store_limits.context_bytes = LARGE / 8;
	w = rig_wait(&r);
	store_get_conversation_context(r.port, &w.op, 1, str_of(id), &a, &got, &items);
	CHECK(rig_end(&w) == ERR_TOO_LARGE);
	store_limits.context_bytes = most;
	int64_t linger = store_limits.linger_seconds;
	store_limits.linger_seconds = 0;
	w = rig_wait(&r);
	store_delete_conversation(r.port, &w.op, 1, str_of(id));
	CHECK(rig_end(&w) == ERR_NONE);
	inlay_test_settle(&r);
	CHECK(inlay_test_blobs(&r) == 0);
	store_limits.linger_seconds = linger;
	arena_free(&a);
	rig_end_all(&r);
}

/* An item that is given although it is stored keeps its first blob; the second goes. */
static void given_twice(void)
{
	struct rig r = {0};
	struct arena a = {0};
	struct rig_turn *x = new (&a, struct rig_turn), *y = new (&a, struct rig_turn);
	struct str json = inlay_test_item(&a, inlay_test_b64(&a, LARGE / 4, ""));
	rig_open(&r);
	inlay_test_turn(x, 0, json);
	CHECK(rig_put(&r, x) == ERR_NONE);
	inlay_test_turn(y, 0, json);
	y->items[1].id = x->items[1].id;
	CHECK(rig_put(&r, y) == ERR_NONE && inlay_test_has(&r, x, json) && inlay_test_has(&r, y, json));
	CHECK(rig_number(&r, "SELECT count(*) FROM item WHERE inlay > 0") == 1);
	blob_dead_judge(r.store);
	inlay_test_settle(&r);
	CHECK(inlay_test_blobs(&r) == 1 && inlay_test_has(&r, x, json));
	arena_free(&a);
	rig_end_all(&r);
}

/* --- a bad end --------------------------------------------------------------------------------------------------- */

static void orphans(void)
{
	struct rig r = {0};
	struct arena a = {0};
	struct blob b;
	struct err e = {0};
	struct rig_turn *x = new (&a, struct rig_turn);
	struct str json = inlay_test_item(&a, inlay_test_b64(&a, LARGE / 4, ""));
	rig_open(&r);
	inlay_test_turn(x, 0, json);
	CHECK(rig_put(&r, x) == ERR_NONE);
	/* as a crash between the bytes and their row leaves it */
	CHECK(blob_begin(r.store, &b, id_mint().key, &e) && blob_write(&b, S("lost"), &e) && blob_keep(&b, &e));
	CHECK(inlay_test_blobs(&r) == 2);
	rig_shut(&r);
	rig_open(&r);
	CHECK(inlay_test_blobs(&r) == 1 && inlay_test_has(&r, x, json));
	/* and bytes that somebody took away: the item is missed, not made up */
	struct stored_response got;
	blob_drop(r.store, rig_number(&r, "SELECT inlay FROM item WHERE inlay > 0"));
	blob_dead_bury(r.store);
	CHECK(rig_get(&r, 1, x->id, &a, &got) == ERR_STORE);
	arena_free(&a);
	rig_end_all(&r);
}

/* Bytes that cannot be written fail their turn, and nothing of it stays. */
static void no_room(void)
{
	struct rig r = {0};
	struct arena a = {0};
	struct rig_turn *x = new (&a, struct rig_turn), *y = new (&a, struct rig_turn);
	struct stored_response got;
	struct rlimit was, tight;
	struct str json = inlay_test_item(&a, inlay_test_b64(&a, LARGE, ""));
	rig_open(&r);
	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &was);
	tight = (struct rlimit){LARGE / 2, was.rlim_max};
	setrlimit(RLIMIT_FSIZE, &tight);
	inlay_test_turn(x, 0, json);
	CHECK(rig_put(&r, x) == ERR_STORE && rig_get(&r, 1, x->id, &a, &got) == ERR_NOT_FOUND);
	rig_turn(y, 0, 1, 1);
	CHECK(rig_put(&r, y) == ERR_NONE); /* others are not held up */
	setrlimit(RLIMIT_FSIZE, &was);
	CHECK(rig_put(&r, x) == ERR_NONE && inlay_test_has(&r, x, json));
	blob_dead_judge(r.store);
	inlay_test_settle(&r);
	CHECK(inlay_test_blobs(&r) == 1);
	arena_free(&a);
	rig_end_all(&r);
}

int main(void)
{
	static const struct test_case cases[] = {
	    {"texts", texts},
	    {"several", several},
	    {"a picture", a_picture},
	    {"in a conversation", in_a_conversation},
	    {"given twice", given_twice},
	    {"orphans", orphans},
	    {"no room", no_room},
	};
	return test_main(cases, sizeof cases / sizeof *cases);
}
