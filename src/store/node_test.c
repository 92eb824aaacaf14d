/* node_test.c - who holds something, and what becomes of it when its node opens the store anew. */
#include "store/idem.h"
#include "store/node.h"
#include "store/rig_sql.h"

static struct idempotency key_of(const char *text)
{
	return (struct idempotency){.route = S("/v1/responses"), .key = str_of(text), .body_hash = {1}};
}

static enum idem_state begin(struct rig *r, const char *text, struct arena *a)
{
	struct idempotency idem = key_of(text);
	struct idem_result ret;
	struct id id = id_mint();
	struct rig_wait w = rig_wait(r);
	store_idem_begin(r->port, &w.op, 1, &idem, &id, a, &ret);
	CHECK(rig_end(&w) == ERR_NONE);
	return ret.state;
}

static void queue_and_claim(struct rig *r, struct arena *a, struct claimed_run *got)
{
	struct run_record run = {.project = 1, .id = id_mint(), .created_at = clock_wall_s(), .kept = true,
				 .request = S("{}"), .body = S("{}"), .first = {0, 1, S("x")}, .most_project = 9, .most = 9};
	struct run_place place = {run.id, 1};
	struct rig_wait w = rig_wait(r);
	store_run_put(r->port, &w.op, &run);
	CHECK(rig_end(&w) == ERR_NONE);
	w = rig_wait(r);
	store_run_claim(r->port, &w.op, &place, 7, clock_wall_s() + 1000, a, got);
	CHECK(rig_end(&w) == ERR_NONE);
}

/* An opening lets go of what its own earlier incarnations held, and of nothing else. */
static void incarnations(void)
{
	struct rig r = {0};
	struct arena a = {0};
	struct claimed_run got;
	if (rig_on_postgres())
		return; /* a node among others gives its incarnation up when it ends: nodes_test.c */
	rig_open(&r);
	int64_t first = r.store->node->incarnation;
	CHECK(first >= 1 && r.store->node->number == 0);
	CHECK(begin(&r, "mine", &a) == IDEM_FRESH && begin(&r, "theirs", &a) == IDEM_FRESH);
	CHECK(begin(&r, "mine", &a) == IDEM_RUNNING);
	queue_and_claim(&r, &a, &got);
	queue_and_claim(&r, &a, &got);
	CHECK(rig_number(&r, "SELECT count(*) FROM run WHERE node = 0 AND incarnation > 0 AND lease_until > 0") == 2);
	rig_shut(&r);
	rig_exec(r.dir, "UPDATE idempotency SET node = 5 WHERE key = 'theirs';"
			"UPDATE run SET node = 5 WHERE key = (SELECT max(key) FROM run)");
	rig_open(&r);
	CHECK(r.store->node->incarnation == first + 1);
	CHECK(rig_number(&r, "SELECT state FROM idempotency WHERE key = 'mine'") == 3);
	CHECK(rig_number(&r, "SELECT state FROM idempotency WHERE key = 'theirs'") == 1);
	CHECK(rig_number(&r, "SELECT lease_until FROM run WHERE node = 0") == 0);
	CHECK(rig_number(&r, "SELECT lease_until FROM run WHERE node = 5") > 0);
	/* A holder of which nobody knows that it lives is not waited for. */
	CHECK(begin(&r, "mine", &a) == IDEM_CRASHED && begin(&r, "theirs", &a) == IDEM_CRASHED);
	CHECK(node_is_me(r.store->node, 0, first + 1) && !node_is_me(r.store->node, 0, first));
	CHECK(!node_lives(r.store->node, 0, first) && !node_lives(r.store->node, 5, first + 1));
	arena_free(&a);
	rig_end_all(&r);
}

/* A store that was left running by a version without nodes. */
static void older_store(void)
{
	struct rig r = {0};
	struct arena a = {0};
	struct claimed_run got;
	struct rig_turn x;
	struct stored_response read;
	rig_open(&r);
	rig_turn(&x, 0, 1, 1);
	x.t.id.key |= 0x5a; /* anything, in keys of that time */
	id_text(x.id, "resp", &x.t.id);
	CHECK(rig_put(&r, &x) == ERR_NONE);
	CHECK(begin(&r, "old", &a) == IDEM_FRESH);
	queue_and_claim(&r, &a, &got);
	if (rig_on_postgres()) { /* its first store is newer than nodes are */
		arena_free(&a);
		rig_end_all(&r);
		return;
	}
	struct id old = x.t.id, newest = id_mint();
	rig_shut(&r);
	rig_exec(r.dir, "DROP TABLE node; ALTER TABLE run DROP COLUMN node; ALTER TABLE run DROP COLUMN incarnation;"
			"DROP INDEX run_due; DROP INDEX run_continuation; ALTER TABLE run DROP COLUMN due_at;"
			"ALTER TABLE run DROP COLUMN continuation; ALTER TABLE run DROP COLUMN asker;"
			"ALTER TABLE idempotency DROP COLUMN node; ALTER TABLE idempotency DROP COLUMN incarnation;"
			"DROP TABLE skill; DROP TABLE skill_version; DROP TABLE vector_store; DROP TABLE vector_file; DROP TABLE vector_batch; DROP TABLE vector_gone; DROP TABLE approval; "
			"DROP TABLE container; DROP TABLE container_file; DROP TABLE container_call; DROP TABLE batch; DROP TABLE batch_line; DROP TABLE dead_inlay; "
			"DROP TABLE conversation_lease; DROP TABLE used; DROP TABLE spent; DROP TABLE quota; DROP TABLE quota_level; ALTER TABLE api_key DROP COLUMN admin; "
			"ALTER TABLE response DROP COLUMN phases; DROP INDEX context_parent; DROP INDEX item_inlay; ALTER TABLE item DROP COLUMN inlay;"
			"ALTER TABLE item DROP COLUMN places; ALTER TABLE api_key DROP COLUMN used_at; DROP TABLE webhook_past;"
			"ALTER TABLE webhook_delivery DROP COLUMN since; ALTER TABLE webhook_delivery DROP COLUMN answer;"
			"ALTER TABLE webhook_delivery DROP COLUMN fault;"
			"PRAGMA user_version=9");
	rig_open(&r);
	CHECK(rig_number(&r, "SELECT state FROM idempotency WHERE key = 'old'") == 3);
	CHECK(rig_number(&r, "SELECT lease_until FROM run") == 0);
	CHECK(rig_get(&r, 1, x.id, &a, &read) == ERR_NONE);
	CHECK(id_node(&old) == -1 && newest.key > old.key);
	struct id fresh = id_mint();
	CHECK(fresh.key > newest.key && id_node(&fresh) == 0);
	rig_shut(&r);
	rig_open(&r); /* what was made before nodes stays known as such */
	CHECK(id_node(&old) == -1 && id_node(&fresh) == 0);
	arena_free(&a);
	rig_end_all(&r);
}

/* Keys of two nodes never meet, and each node's never go back. */
static void keys_of_nodes(void)
{
	int64_t last = 0;
	id_node_set(3, 0);
	for (int i = 0; i < 100000; i++) {
		struct id id = id_mint();
		CHECK(id.key > last && id_node(&id) == 3);
		last = id.key;
	}
	id_node_set(ID_NODES - 1, last);
	struct id other = id_mint(), before = {.key = last};
	CHECK(other.key > last && id_node(&other) == ID_NODES - 1 && id_node(&before) == -1);
	id_node_set(0, 0);
}

int main(void)
{
	static const struct test_case t[] = {
	    {"incarnations", incarnations}, {"an older store", older_store}, {"keys of nodes", keys_of_nodes}};
	return test_main(t, sizeof t / sizeof *t);
}
