/* nodes_test.c - several nodes on one database (docs/design/nodes.md). */
#include <unistd.h>

#include "store/idem.h"
#include "store/node.h"
#include "store/shared_driver.h"
#include "store/talk_rig.h"

enum { MOST_MS = 20000, NAP_US = 10000 };

static char url[RIG_URL];

/* The second and later nodes have folders of their own, and the first one's database. */
static void join_rig(struct rig *r, const struct rig *first)
{
	*r = (struct rig){0};
	if (rig_on_postgres())
		snprintf(url, sizeof url, "%s", first->url);
	else
		snprintf(url, sizeof url, "sqlite:%s/antiphon.db", first->dir);
	r->options.url = str_of(url);
	rig_open(r);
}

/* Waits for something that comes in a moment. */
static bool soon(bool (*is)(void *ctx), void *ctx)
{
	for (int64_t end = clock_mono_us() + MOST_MS * 1000; clock_mono_us() < end; usleep(NAP_US))
		if (is(ctx))
			return true;
	return false;
}

static bool node_is_led(void *ctx)
{
	return store_leads(((struct rig *)ctx)->store);
}

static void numbers(void)
{
	struct rig a = {0}, b, c;
	struct err e = {0};
	int64_t taken = 1;
	rig_open(&a);
	CHECK(soon(node_is_led, &a));
	join_rig(&b, &a);
	CHECK(a.store->node->number == 0 && b.store->node->number == 1);
	c = (struct rig){.options = {.url = str_of(url), .node = &taken}, .dir = "/tmp/antiphon-store-c"};
	CHECK(!rig_try_open(&c, &e) && e.code == ERR_CONFLICT);
	rig_remove(c.dir);
	CHECK(store_leads(a.store) && !store_leads(b.store));
	rig_shut(&a); /* it leaves: the other leads, and its number is free */
	CHECK(soon(node_is_led, &b));
	rig_open(&a);
	CHECK(a.store->node->number == 0 && store_leads(b.store) && !store_leads(a.store));
	CHECK(node_lives(a.store->node, 1, b.store->node->incarnation));
	rig_end_all(&b);
	CHECK(soon(node_is_led, &a) && !node_lives(a.store->node, 1, 1));
	rig_end_all(&a);
}

/* --- conversations --- */

static void wait_for(const struct rig *r, const bool *got)
{
	while (!*got)
		loop_run(r->loop);
}

static void leases_of_nodes(void)
{
	struct rig a = {0}, b;
	struct held one, two, three;
	static struct talk t;
	rig_open(&a);
	join_rig(&b, &a);
	talk_make(&a, &t, 2);
	talk_hold(&a, &one, &t.key);
	CHECK(rig_number(&a, "SELECT node FROM conversation_lease") == 0);
	talk_take(&b, &two, 1, &t.key);
	struct id guessed = t.key;
	guessed.rnd[0] ^= 1;
	talk_hold(&b, &three, &guessed); /* a guess waits for nobody, and the loop has run: `two` was refused */
	CHECK(!two.got);
	lease_drop(&three.lease);
	lease_drop(&one.lease);
	wait_for(&b, &two.got);
	CHECK(two.got && rig_number(&a, "SELECT node FROM conversation_lease WHERE incarnation > 0") == 1);
	/* Its write takes the row with it. */
	struct turn_item item = {.id = id_mint(), .json = S("{\"x\":1}")};
	struct rig_wait w = rig_wait(&b);
	store_add_items(b.port, &w.op, &two.lease, 1, str_of(t.id), &item, 1);
	CHECK(rig_end(&w) == ERR_NONE);
	talk_hold(&a, &one, &t.key);
	CHECK(rig_number(&a, "SELECT count(*) FROM conversation_lease WHERE node = 0") == 1);
	/* Taken from it meanwhile: what it has made is not written. */
	rig_exec(a.dir, "UPDATE conversation_lease SET node = 1, holder = 77");
	w = rig_wait(&a);
	item.id = id_mint();
	store_add_items(a.port, &w.op, &one.lease, 1, str_of(t.id), &item, 1);
	CHECK(rig_end(&w) == ERR_CONFLICT);
	rig_end_all(&b);
	rig_end_all(&a);
}

/* --- keys --- */

struct key_asked {
	struct store *store;
	const char *secret;
	bool valid;
	struct key_holder who;
};

static bool key_is(void *ctx)
{
	struct key_asked *k = ctx;
	return key_check(k->store, str_of(k->secret), &k->who) == k->valid;
}

static void keys_at_once(void)
{
	struct rig a = {0}, b;
	struct err e = {0};
	struct key_info info;
	struct key_holder who;
	char secret[KEY_TEXT], other[KEY_TEXT];
	rig_open(&a);
	join_rig(&b, &a);
	struct key_making k = {.name = S("n"), .project = S("fresh")};
	CHECK(key_create(a.store, &k, secret, &info, &e));
	struct key_asked there = {.store = b.store, .secret = secret, .valid = true};
	CHECK(soon(key_is, &there) && str_eq(there.who.project_name, S("fresh")));
	struct key_asked gone = {.store = a.store, .secret = secret};
	CHECK(key_revoke(b.store, str_of(info.id), &e) && soon(key_is, &gone));
	if (!rig_on_postgres()) { /* there, tests/test_postgres.py cuts the connection */
		shared_driver_deaf(true);
		CHECK(key_create(a.store, &k, other, &info, &e) && !key_check(b.store, str_of(other), &who));
		shared_driver_deaf(false);
		CHECK(key_check(b.store, str_of(other), &who));
	}
	rig_end_all(&b);
	rig_end_all(&a);
}

/* --- a node that died --- */

static bool run_is_free(void *ctx)
{
	return rig_number(ctx, "SELECT lease_until FROM run") == 0;
}

static enum idem_state claim_again(struct rig *r, struct arena *a)
{
	struct idempotency idem = {.route = S("/v1/responses"), .key = S("k"), .body_hash = {1}};
	struct idem_result ret;
	struct id id = id_mint();
	struct rig_wait w = rig_wait(r);
	store_idem_begin(r->port, &w.op, 1, &idem, &id, a, &ret);
	CHECK(rig_end(&w) == ERR_NONE);
	return ret.state;
}

static void the_dead(void)
{
	struct rig a = {0}, b;
	struct arena mem = {0};
	struct claimed_run got;
	struct held one;
	static struct talk t;
	rig_open(&a);
	join_rig(&b, &a);
	struct run_record run = {.project = 1,
				 .id = id_mint(),
				 .created_at = clock_wall_s(),
				 .kept = true,
				 .request = S("{}"),
				 .body = S("{}"),
				 .first = {0, 1, S("x")},
				 .most_project = 9,
				 .most = 9};
	struct run_place place = {run.id, 1};
	struct rig_wait w = rig_wait(&b);
	store_run_put(b.port, &w.op, &run);
	CHECK(rig_end(&w) == ERR_NONE);
	w = rig_wait(&b);
	store_run_claim(b.port, &w.op, &place, 7, clock_wall_s() + 1000, &mem, &got);
	CHECK(rig_end(&w) == ERR_NONE && claim_again(&b, &mem) == IDEM_FRESH);
	talk_make(&b, &t, 1);
	talk_hold(&b, &one, &t.key);
	CHECK(claim_again(&a, &mem) == IDEM_RUNNING); /* on the other node, which lives */
	/* What node 1 holds is given to a node 9 that nobody will hear of again. */
	rig_exec(a.dir, "INSERT INTO node(number, incarnation, started_at, keys_from, seen_at) VALUES(9, 4, 0, 0, 5);"
			"UPDATE run SET node = 9, incarnation = 4; UPDATE idempotency SET node = 9, incarnation = 4;"
			"UPDATE conversation_lease SET node = 9, incarnation = 4");
	lease_drop(&one.lease);
	CHECK(soon(run_is_free, &a));
	CHECK(claim_again(&a, &mem) == IDEM_CRASHED && claim_again(&b, &mem) == IDEM_CRASHED);
	CHECK(rig_number(&a, "SELECT incarnation FROM node WHERE number = 9") == 5);
	CHECK(rig_number(&a, "SELECT count(*) FROM conversation_lease") == 0);
	talk_hold(&a, &one, &t.key);
	lease_drop(&one.lease);
	arena_free(&mem);
	rig_end_all(&b);
	rig_end_all(&a);
}

int main(void)
{
	static const struct test_case t[] = {{"numbers and the leader", numbers},
					     {"a conversation is worked on by one", leases_of_nodes},
					     {"keys count at once everywhere", keys_at_once},
					     {"what a dead node held", the_dead}};
	shared_driver_use();
	store_limits.node_beat_ms = 50;
	store_limits.node_dead_seconds = 4; /* a busy machine may keep a thread waiting for a second */
	return test_main(t, sizeof t / sizeof *t);
}
