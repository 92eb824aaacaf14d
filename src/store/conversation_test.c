/* conversation_test.c - conversations: verbs, pages, ids, leases. */
#include "store/sweep.h"
#include "store/talk_rig.h"
#include "store/rig_sql.h"

static void verbs(void)
{
	static struct talk t;
	struct rig r = {0};
	struct arena a = {0};
	struct stored_conversation c;
	struct stored_item it;
	struct rig_wait w;
	char item[ID_MAX];
	store_limits.linger_seconds = 0;
	rig_open(&r);
	talk_make(&r, &t, 3);
	w = rig_wait(&r);
	store_get_conversation(r.port, &w.op, 1, str_of(t.id), &a, &c);
	CHECK(rig_end(&w) == ERR_NONE && c.created_at == 7 && c.tip == 0);
	CHECK_STR(c.metadata, S("{\"a\":\"b\"}"));
	CHECK(talk_same(&r, &t));
	CHECK(talk_add(&r, &t, 2) == ERR_NONE);
	CHECK(talk_same(&r, &t));
	id_text(item, "msg", &t.ids[3]);
	w = rig_wait(&r);
	store_get_conversation_item(r.port, &w.op, 1, str_of(t.id), str_of(item), &a, &it);
	CHECK(rig_end(&w) == ERR_NONE);
	CHECK_STR(it.json, str_of(t.list[3]));
	CHECK(talk_remove(&r, &t, 3) == ERR_NONE);
	CHECK(talk_same(&r, &t));
	w = rig_wait(&r);
	store_get_conversation_item(r.port, &w.op, 1, str_of(t.id), str_of(item), &a, &it);
	CHECK(rig_end(&w) == ERR_NOT_FOUND && strstr(w.err.msg, item));
	w = rig_wait(&r);
	store_set_metadata(r.port, &w.op, 1, str_of(t.id), S("{\"c\":\"d\"}"));
	CHECK(rig_end(&w) == ERR_NONE);
	w = rig_wait(&r);
	store_get_conversation(r.port, &w.op, 1, str_of(t.id), &a, &c);
	CHECK(rig_end(&w) == ERR_NONE);
	CHECK_STR(c.metadata, S("{\"c\":\"d\"}"));
	CHECK(rig_sound(&r));
	CHECK(talk_delete(&r, &t) == ERR_NONE);
	CHECK(talk_delete(&r, &t) == ERR_NOT_FOUND);
	CHECK(talk_add(&r, &t, 1) == ERR_NOT_FOUND);
	CHECK(talk_same(&r, &t));
	CHECK(talk_nothing_left(&r));
	arena_free(&a);
	rig_end_all(&r);
}

static enum err_code foreign_verb(struct rig *r, int which, int64_t project, struct str id, const struct talk *t)
{
	struct arena a = {0};
	struct stored_conversation c;
	struct stored_context s;
	struct stored_item it;
	struct stored_page page;
	struct page_query q = {.limit = 5};
	struct turn_item added = {.id = id_mint(), .json = S("{}")};
	char item[ID_MAX];
	struct held h;
	struct rig_wait w = rig_wait(r);
	struct str first = id_text(item, "msg", &t->ids[0]);
	if (which >= 6)
		talk_hold(r, &h, &t->key);
	if (which == 0)
		store_get_conversation(r->port, &w.op, project, id, &a, &c);
	else if (which == 1)
		store_get_conversation_context(r->port, &w.op, project, id, &a, &c, &s);
	else if (which == 2)
		store_list_conversation(r->port, &w.op, project, id, &q, &a, &page);
	else if (which == 3)
		store_get_conversation_item(r->port, &w.op, project, id, first, &a, &it);
	else if (which == 4)
		store_set_metadata(r->port, &w.op, project, id, S("{}"));
	else if (which == 5)
		store_delete_conversation(r->port, &w.op, project, id);
	else if (which == 6)
		store_add_items(r->port, &w.op, &h.lease, project, id, &added, 1);
	else
		store_remove_item(r->port, &w.op, &h.lease, project, id, first, &a, &c);
	enum err_code code = rig_end(&w);
	arena_free(&a);
	return code;
}

static void not_found_elsewhere(void)
{
	static struct talk t;
	struct rig r = {0};
	char guess[ID_MAX];
	rig_open(&r);
	talk_make(&r, &t, 2);
	memcpy(guess, t.id, sizeof guess);
	guess[strlen(guess) - 1] ^= 1; /* another random part */
	for (int verb = 0; verb < 8; verb++) {
		CHECK(foreign_verb(&r, verb, 2, str_of(t.id), &t) == ERR_NOT_FOUND);
		CHECK(foreign_verb(&r, verb, 1, str_of(guess), &t) == ERR_NOT_FOUND);
		CHECK(foreign_verb(&r, verb, 1, S("conv_1"), &t) == ERR_NOT_FOUND);
	}
	CHECK(talk_same(&r, &t));
	rig_end_all(&r);
}

/* What can never go is put off, not tried without end. */
static void a_lasting_conflict_is_put_off(void)
{
	static struct talk t;
	struct rig r = {0};
	struct err e = {0};
	int slices = 0;
	rig_open(&r);
	store_limits.linger_seconds = 600; /* the sweeper's own thread keeps off */
	talk_make(&r, &t, 2);
	struct rig_wait w = rig_wait(&r);
	store_delete_conversation(r.port, &w.op, 1, str_of(t.id));
	CHECK(rig_end(&w) == ERR_NONE);
	rig_exec(r.dir, rig_on_postgres() ? "CREATE FUNCTION stay() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';"
					    "CREATE TRIGGER stay BEFORE DELETE ON conversation_item FOR EACH ROW EXECUTE FUNCTION stay()"
					  : "CREATE TRIGGER stay BEFORE DELETE ON conversation_item BEGIN SELECT RAISE(IGNORE); END");
	store_limits.linger_seconds = 0;
	for (size_t n = 1; n && slices < 100 && sweep_slice(r.store, &n, &e);)
		slices++;
	CHECK(slices > 0 && slices < 100 && e.code == ERR_CONFLICT);
	rig_exec(r.dir, rig_on_postgres() ? "DROP TRIGGER stay ON conversation_item" : "DROP TRIGGER stay");
	rig_sweep(&r);
	CHECK(rig_number(&r, "SELECT count(*) FROM conversation_item") == 0);
	rig_end_all(&r);
}

static void page_of(struct rig *r, const struct talk *t, struct str after, int64_t limit, bool ascending, size_t first,
		    size_t n, bool more)
{
	struct arena a = {0};
	struct stored_page p;
	struct page_query q = {.after = after, .limit = limit, .ascending = ascending};
	struct rig_wait w = rig_wait(r);
	store_list_conversation(r->port, &w.op, 1, str_of(t->id), &q, &a, &p);
	CHECK(rig_end(&w) == ERR_NONE && p.n == n && p.has_more == more);
	for (size_t i = 0; i < n && i < p.n; i++)
		CHECK_STR(p.items[i].json, str_of(t->list[ascending ? first + i : first - i]));
	arena_free(&a);
}

static void pages(void)
{
	static struct talk t;
	struct rig r = {0};
	char id[ID_MAX];
	rig_open(&r);
	talk_make(&r, &t, 10);
	page_of(&r, &t, (struct str){0}, 4, true, 0, 4, true);
	page_of(&r, &t, (struct str){0}, 4, false, 9, 4, true);
	page_of(&r, &t, (struct str){0}, 10, true, 0, 10, false);
	page_of(&r, &t, id_text(id, "msg", &t.ids[3]), 6, true, 4, 6, false);
	page_of(&r, &t, id_text(id, "msg", &t.ids[3]), 5, true, 4, 5, true);
	page_of(&r, &t, id_text(id, "msg", &t.ids[3]), 20, false, 2, 3, false);
	page_of(&r, &t, id_text(id, "msg", &t.ids[9]), 20, true, 0, 0, false);
	page_of(&r, &t, id_text(id, "msg", &t.ids[0]), 20, false, 0, 0, false);
	struct arena a = {0};
	struct stored_page p;
	struct page_query q = {.after = S("msg_gone"), .limit = 5};
	struct rig_wait w = rig_wait(&r);
	store_list_conversation(r.port, &w.op, 1, str_of(t.id), &q, &a, &p);
	CHECK(rig_end(&w) == ERR_INVALID_VALUE && !strcmp(w.err.param, "after"));
	arena_free(&a);
	rig_end_all(&r);
}

/* A client's own ids are found in the conversation that has them, and come once in each. */
static void foreign_ids(void)
{
	static struct talk x, y;
	struct rig r = {0};
	struct arena a = {0};
	struct stored_item it;
	store_limits.linger_seconds = 0;
	rig_open(&r);
	talk_make(&r, &x, 0);
	talk_make(&r, &y, 0);
	struct turn_item items[] = {{.id = id_mint(), .json = S("{\"of\":\"x\"}"), .foreign_id = S("mine")},
				    {.id = id_mint(), .json = S("{\"of\":\"y\"}"), .foreign_id = S("mine")}};
	struct talk *talks[] = {&x, &y};
	struct held h;
	for (int i = 0; i < 2; i++) {
		struct rig_wait w = rig_wait(&r);
		talk_hold(&r, &h, &talks[i]->key);
		store_add_items(r.port, &w.op, &h.lease, 1, str_of(talks[i]->id), &items[i], 1);
		CHECK(rig_end(&w) == ERR_NONE);
	}
	for (int i = 0; i < 2; i++) {
		struct rig_wait w = rig_wait(&r);
		store_get_conversation_item(r.port, &w.op, 1, str_of(talks[i]->id), S("mine"), &a, &it);
		CHECK(rig_end(&w) == ERR_NONE);
		CHECK_STR(it.json, items[i].json);
	}
	struct turn_item again = {.id = id_mint(), .json = S("{}"), .foreign_id = S("mine")};
	struct rig_wait w = rig_wait(&r);
	talk_hold(&r, &h, &x.key);
	store_add_items(r.port, &w.op, &h.lease, 1, str_of(x.id), &again, 1);
	CHECK(rig_end(&w) == ERR_BAD_REQUEST && strstr(w.err.msg, "mine"));
	struct stored_conversation c;
	w = rig_wait(&r);
	talk_hold(&r, &h, &x.key);
	store_remove_item(r.port, &w.op, &h.lease, 1, str_of(x.id), S("mine"), &a, &c);
	CHECK(rig_end(&w) == ERR_NONE);
	CHECK(talk_same(&r, &x));
	CHECK(talk_delete(&r, &x) == ERR_NONE && talk_delete(&r, &y) == ERR_NONE);
	CHECK(talk_nothing_left(&r));
	arena_free(&a);
	rig_end_all(&r);
}

static void leases(void)
{
	struct rig r = {0};
	struct id one = id_mint(), other = id_mint();
	struct held h[4], elsewhere;
	rig_open(&r);
	talk_hold(&r, &h[0], &one);
	for (int i = 1; i < 4; i++)
		talk_take(&r, &h[i], 1, &one);
	talk_hold(&r, &elsewhere, &other); /* nobody waits for another conversation */
	CHECK(!h[1].got && !h[2].got && !h[3].got);
	lease_drop(&h[2].lease); /* gave up */
	lease_drop(&h[0].lease);
	while (!h[1].got)
		loop_run(r.loop);
	CHECK(!h[2].got && !h[3].got);
	lease_drop(&h[1].lease);
	lease_drop(&h[3].lease); /* granted, but it has not heard of it */
	lease_drop(&h[3].lease);
	CHECK(!h[3].got);
	talk_hold(&r, &h[0], &one);
	/* Another project waits for nobody. */
	struct held alien;
	talk_take(&r, &alien, 2, &one);
	while (!alien.got)
		loop_run(r.loop);
	lease_drop(&alien.lease);
	lease_drop(&elsewhere.lease);
	lease_drop(&h[0].lease);
	CHECK(!h[2].got && !h[3].got);
	rig_end_all(&r);
}

/* A write that nobody waits for any more keeps the lease until it is committed. */
static void lease_of_a_cancelled_write(void)
{
	static struct talk t;
	static struct turn_item item[1];
	static char text[1][TEXT_ROOM];
	struct rig r = {0};
	struct held h;
	rig_open(&r);
	for (int i = 0; i < 50; i++) {
		talk_make(&r, &t, 1);
		struct rig_wait w = rig_wait(&r);
		talk_items(item, text, 1);
		talk_hold(&r, &h, &t.key);
		store_add_items(r.port, &w.op, &h.lease, 1, str_of(t.id), item, 1);
		store_cancel(&w.op);
		talk_learn(&t, &item[0].id, text[0]);
		talk_hold(&r, &h, &t.key);
		CHECK(talk_same(&r, &t));
		lease_drop(&h.lease);
	}
	rig_end_all(&r);
}

/* --- several loops --- */

struct lane {
	struct rig *rig;
	struct talk *talk;
	struct store_port *port;
	struct held held;
	struct store_op op;
	struct turn_item item;
	struct stored_conversation head;
	struct stored_context context;
	struct arena arena;
	char text[TEXT_ROOM];
	int left, bad, added;
};

static void next_round(struct lane *l)
{
	arena_reset(&l->arena);
	if (l->left-- == 0)
		loop_stop(l->held.loop);
	else
		lease_take(l->port, &l->held.lease, 1, &l->talk->key);
}

static void lane_added(struct store_op *op, const struct err *e)
{
	struct lane *l = OWNER(op, struct lane, op);
	l->bad += e->code != ERR_NONE;
	l->added++;
	next_round(l);
}

static void lane_read(struct store_op *op, const struct err *e)
{
	struct lane *l = OWNER(op, struct lane, op);
	l->bad += e->code != ERR_NONE;
	snprintf(l->text, sizeof l->text, "{\"after\":%zu}", l->context.n);
	l->item = (struct turn_item){.id = id_mint(), .json = str_of(l->text)};
	l->op.done = lane_added;
	store_add_items(l->port, &l->op, &l->held.lease, 1, str_of(l->talk->id), &l->item, 1);
}

static void lane_granted(struct conversation_lease *lease)
{
	struct lane *l = OWNER(lease, struct lane, held.lease);
	if (l->left % 7 == 3) { /* one that gives up */
		lease_drop(lease);
		next_round(l);
		return;
	}
	l->op.done = lane_read;
	store_get_conversation_context(l->port, &l->op, 1, str_of(l->talk->id), &l->arena, &l->head, &l->context);
}

static void *lane_main(void *arg)
{
	struct lane *l = arg;
	struct err e = {0};
	if (!loop_open(&l->held.loop, &e))
		abort();
	l->port = store_attach(l->rig->store, l->held.loop);
	l->held.lease.granted = lane_granted;
	next_round(l);
	loop_run(l->held.loop);
	store_detach(l->port);
	loop_close(l->held.loop);
	arena_free(&l->arena);
	return NULL;
}

/* Each adds how many it read: who reads under the lease overlooks nobody, on whatever loop. */
static void several_loops(void)
{
	static struct talk t;
	static struct lane lanes[4];
	pthread_t thread[4];
	struct rig r = {0};
	struct arena a = {0};
	struct stored_conversation c;
	struct stored_context s;
	int added = 0;
	rig_open(&r);
	talk_make(&r, &t, 0);
	for (int i = 0; i < 4; i++) {
		lanes[i] = (struct lane){.rig = &r, .talk = &t, .left = 60};
		pthread_create(&thread[i], NULL, lane_main, &lanes[i]);
	}
	for (int i = 0; i < 4; i++) {
		pthread_join(thread[i], NULL);
		CHECK(lanes[i].bad == 0);
		added += lanes[i].added;
	}
	CHECK(talk_load(&r, 1, &t, &a, &c, &s) == ERR_NONE && s.n == (size_t)added && added > 150);
	for (size_t i = 0; i < s.n; i++) {
		char want[TEXT_ROOM];
		snprintf(want, sizeof want, "{\"after\":%zu}", i);
		CHECK_STR(s.items[i].json, str_of(want));
	}
	arena_free(&a);
	rig_end_all(&r);
}

int main(void)
{
	static const struct test_case t[] = {
	    {"made, read, changed, deleted", verbs},
	    {"other projects and guessed ids find nothing", not_found_elsewhere},
	    {"a lasting conflict is put off", a_lasting_conflict_is_put_off},
	    {"items are listed in pages", pages},
	    {"foreign ids", foreign_ids},
	    {"leases go from one to the next", leases},
	    {"a cancelled write keeps its lease", lease_of_a_cancelled_write},
	    {"several loops", several_loops},
	};
	return test_main(t, sizeof t / sizeof *t);
}
