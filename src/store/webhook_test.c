/* webhook_test.c - webhook endpoints, and what goes into and out of their outbox. */
#include "store/past_delivery.h"
#include "store/rig_sql.h"

enum { HOLDER = 7, MOST = 3 };

struct made {
	struct id id;
	char text[ID_MAX];
};

static enum err_code put(struct rig *r, int64_t project, const char *types, struct made *m)
{
	m->id = id_mint();
	struct stored_webhook w = {.id = m->id,
				   .created_at = 100,
				   .name = S("name"),
				   .url = S("https://host.example/hook"),
				   .types = str_of(types),
				   .secret = S("sealed one"),
				   .hint = S("whsec_...1111")};
	struct rig_wait wait = rig_wait(r);
	store_put_webhook(r->port, &wait.op, project, &w, MOST);
	id_text(m->text, "whe", &m->id);
	return rig_end(&wait);
}

static enum err_code get(struct rig *r, int64_t project, const char *id, struct arena *a, struct stored_webhook *ret)
{
	struct rig_wait w = rig_wait(r);
	store_get_webhook(r->port, &w.op, project, str_of(id), a, ret);
	return rig_end(&w);
}

static struct webhook_page list(struct rig *r, int64_t project, const char *after, int64_t limit, struct arena *a)
{
	struct rig_wait w = rig_wait(r);
	struct webhook_page page;
	store_list_webhooks(r->port, &w.op, project, str_of(after), limit, a, &page);
	CHECK(rig_end(&w) == ERR_NONE);
	return page;
}

static enum err_code set(struct rig *r, int64_t project, const char *id, struct stored_webhook w)
{
	struct rig_wait wait = rig_wait(r);
	store_set_webhook(r->port, &wait.op, project, str_of(id), &w);
	return rig_end(&wait);
}

static enum err_code rotate(struct rig *r, int64_t project, const char *id, const char *secret, int64_t until)
{
	struct rig_wait w = rig_wait(r);
	store_rotate_webhook(r->port, &w.op, project, str_of(id), str_of(secret), S("whsec_...2222"), until);
	return rig_end(&w);
}

static enum err_code drop(struct rig *r, int64_t project, const char *id)
{
	struct rig_wait w = rig_wait(r);
	store_delete_webhook(r->port, &w.op, project, str_of(id));
	return rig_end(&w);
}

/* A background run of that project that ends with an event, if `holder` is its worker. */
static struct id tell_as(struct rig *r, int64_t project, const char *type, struct id *response, int64_t holder)
{
	static struct rig_turn x;
	struct arena a = {0};
	struct claimed_run got;
	struct run_record run = {.project = project, .id = id_mint(), .created_at = clock_wall_s(), .kept = true,
				 .request = S("{}"), .body = S("{}"), .first = {0, 1, S("a")}, .most_project = 9, .most = 9};
	struct run_place place = {run.id, project};
	struct webhook_event event = {id_mint(), str_of(type), MOST};
	struct run_end end = {.holder = holder, .expires_at = clock_wall_s() + 600, .last = {1, 1, S("z")},
			      .event = *type ? &event : NULL};
	struct rig_wait w = rig_wait(r);
	store_run_put(r->port, &w.op, &run);
	CHECK(rig_end(&w) == ERR_NONE);
	w = rig_wait(r);
	store_run_claim(r->port, &w.op, &place, HOLDER, clock_wall_s() + 60, &a, &got);
	CHECK(rig_end(&w) == ERR_NONE);
	rig_turn(&x, 0, 1, 1);
	x.t.id = run.id;
	x.t.project = project;
	w = rig_wait(r);
	store_run_end(r->port, &w.op, &end, &x.t);
	CHECK(rig_end(&w) == (holder == HOLDER ? ERR_NONE : ERR_CONFLICT));
	if (response)
		*response = run.id;
	arena_free(&a);
	return event.id;
}

static struct id tell(struct rig *r, int64_t project, const char *type, struct id *response)
{
	return tell_as(r, project, type, response, HOLDER);
}

struct under_way {
	size_t room; /* of each endpoint, that one included */
	int64_t endpoint, event; /* being delivered */
};

static struct delivery_list due_at(struct rig *r, int64_t now_ms, int64_t after, size_t most, struct under_way u,
				   struct arena *a)
{
	struct delivery_place place = {u.endpoint, u.event};
	struct delivery_query q = {.now_ms = now_ms, .after = after, .most = most, .most_endpoint = u.room,
				   .under_way = &place, .n_under_way = u.event != 0};
	struct delivery_list l;
	struct rig_wait w = rig_wait(r);
	store_find_deliveries(r->port, &w.op, &q, a, &l);
	CHECK(rig_end(&w) == ERR_NONE);
	return l;
}

static struct delivery_list due(struct rig *r, struct arena *a)
{
	return due_at(r, clock_wall_us() / 1000, 0, 10, (struct under_way){10, 0, 0}, a);
}

static void end(struct rig *r, const struct delivery *d, int64_t due_ms)
{
	struct rig_wait w = rig_wait(r);
	struct delivery_end how = {.due_ms = due_ms, .delivered = !due_ms, .answer = due_ms ? 500 : 204,
				   .fault = due_ms ? S("status: it said no") : (struct str){0}};
	store_end_delivery(r->port, &w.op, d, &how);
	CHECK(rig_end(&w) == ERR_NONE);
}

static void made_changed_gone(void)
{
	struct rig r = {0};
	struct arena a = {0};
	struct stored_webhook w;
	struct made m;
	rig_open(&r);
	CHECK(put(&r, 1, "[\"a.done\"]", &m) == ERR_NONE);
	CHECK(get(&r, 1, m.text, &a, &w) == ERR_NONE);
	CHECK_STR(w.name, S("name"));
	CHECK_STR(w.url, S("https://host.example/hook"));
	CHECK_STR(w.types, S("[\"a.done\"]"));
	CHECK_STR(w.secret, S("sealed one"));
	CHECK_STR(w.hint, S("whsec_...1111"));
	CHECK(w.created_at == 100 && w.updated_at == 100);
	/* What is equal changes nothing. */
	CHECK(set(&r, 1, m.text, (struct stored_webhook){.name = S("name")}) == ERR_NONE);
	CHECK(get(&r, 1, m.text, &a, &w) == ERR_NONE && w.updated_at == 100);
	CHECK(set(&r, 1, m.text, (struct stored_webhook){.name = S("new"), .types = S("[\"b.done\"]")}) == ERR_NONE);
	CHECK(get(&r, 1, m.text, &a, &w) == ERR_NONE && w.updated_at > 100);
	CHECK_STR(w.name, S("new"));
	CHECK_STR(w.url, S("https://host.example/hook"));
	CHECK_STR(w.types, S("[\"b.done\"]"));
	rig_shut(&r);
	rig_open(&r);
	CHECK(get(&r, 1, m.text, &a, &w) == ERR_NONE);
	CHECK(drop(&r, 1, m.text) == ERR_NONE);
	CHECK(drop(&r, 1, m.text) == ERR_NOT_FOUND && get(&r, 1, m.text, &a, &w) == ERR_NOT_FOUND);
	CHECK(set(&r, 1, m.text, w) == ERR_NOT_FOUND && rotate(&r, 1, m.text, "x", 0) == ERR_NOT_FOUND);
	CHECK(get(&r, 1, "whe_nonsense", &a, &w) == ERR_NOT_FOUND && drop(&r, 1, "") == ERR_NOT_FOUND);
	arena_free(&a);
	CHECK(rig_sound(&r));
	rig_end_all(&r);
}

static void foreign_is_not_there(void)
{
	struct rig r = {0};
	struct arena a = {0};
	struct stored_webhook w = {.name = S("stolen")};
	struct made m;
	rig_open(&r);
	CHECK(put(&r, 1, "[\"a.done\"]", &m) == ERR_NONE);
	CHECK(get(&r, 2, m.text, &a, &w) == ERR_NOT_FOUND && set(&r, 2, m.text, w) == ERR_NOT_FOUND);
	CHECK(rotate(&r, 2, m.text, "x", 0) == ERR_NOT_FOUND && drop(&r, 2, m.text) == ERR_NOT_FOUND);
	m.text[strlen(m.text) - 1] ^= 1; /* another random part */
	CHECK(get(&r, 1, m.text, &a, &w) == ERR_NOT_FOUND && drop(&r, 1, m.text) == ERR_NOT_FOUND);
	CHECK(list(&r, 2, NULL, 5, &a).n == 0 && list(&r, 1, NULL, 5, &a).n == 1);
	arena_free(&a);
	rig_end_all(&r);
}

static void listed_and_bounded(void)
{
	struct rig r = {0};
	struct arena a = {0};
	struct made m[MOST], more;
	rig_open(&r);
	for (int i = 0; i < MOST; i++)
		CHECK(put(&r, 1, "[]", &m[i]) == ERR_NONE);
	CHECK(put(&r, 1, "[]", &more) == ERR_BAD_REQUEST);
	CHECK(list(&r, 2, NULL, 5, &a).n == 0);
	struct webhook_page p = list(&r, 1, NULL, 2, &a);
	CHECK(p.n == 2 && p.has_more && p.list[0].id.key == m[2].id.key && p.list[1].id.key == m[1].id.key);
	CHECK(drop(&r, 1, m[1].text) == ERR_NONE);
	p = list(&r, 1, m[1].text, 2, &a); /* also behind one that is gone */
	CHECK(p.n == 1 && !p.has_more && p.list[0].id.key == m[0].id.key);
	CHECK(put(&r, 1, "[]", &more) == ERR_NONE);
	arena_free(&a);
	rig_end_all(&r);
}

static void who_wants_it_is_told(void)
{
	struct rig r = {0};
	struct arena a = {0};
	struct made one, both, other;
	struct id response;
	char id[ID_MAX];
	rig_open(&r);
	CHECK(put(&r, 1, "[\"a.done\"]", &one) == ERR_NONE);
	CHECK(put(&r, 1, "[\"a.done\",\"a.failed\"]", &both) == ERR_NONE);
	CHECK(put(&r, 1, "[\"a.done.more\"]", &other) == ERR_NONE);
	struct id done = tell(&r, 1, "a.done", &response);
	struct delivery_list l = due(&r, &a);
	CHECK(l.n == 2 && l.at[0].endpoint.key == one.id.key && l.at[1].endpoint.key == both.id.key);
	CHECK(l.at[0].event.key == done.key && !memcmp(l.at[0].event.rnd, done.rnd, ID_RND) && l.at[0].tries == 0);
	CHECK_STR(l.at[0].type, S("a.done"));
	CHECK_STR(l.at[0].subject, id_text(id, "resp", &response));
	CHECK_STR(l.at[0].url, S("https://host.example/hook"));
	CHECK_STR(l.at[0].secret, S("sealed one"));
	CHECK_STR(l.at[0].old_secret, S(""));
	CHECK(!memcmp(l.at[0].endpoint.rnd, one.id.rnd, ID_RND) && l.at[0].project == 1 && l.at[0].created_at > 0);
	end(&r, &l.at[0], 0);
	end(&r, &l.at[1], 0);
	tell(&r, 1, "a.failed", NULL);
	rig_shut(&r);
	rig_open(&r);
	l = due(&r, &a);
	CHECK(l.n == 1 && l.at[0].endpoint.key == both.id.key);
	tell(&r, 1, "", NULL); /* nothing to tell */
	CHECK(due(&r, &a).n == 1);
	/* With the endpoint goes what it was to be told. */
	CHECK(drop(&r, 1, both.text) == ERR_NONE);
	l = due(&r, &a);
	CHECK(l.n == 0 && l.next_ms == 0);
	end(&r, &(struct delivery){.endpoint = both.id, .event = done}, 5);
	CHECK(due(&r, &a).n == 0);
	arena_free(&a);
	CHECK(rig_sound(&r));
	rig_end_all(&r);
}

/* The event and what it tells of are written together or not at all. */
static void no_end_no_event(void)
{
	struct rig r = {0};
	struct arena a = {0};
	struct made m;
	rig_open(&r);
	CHECK(put(&r, 1, "[\"a.done\"]", &m) == ERR_NONE);
	tell_as(&r, 1, "a.done", NULL, HOLDER + 1);
	CHECK(due(&r, &a).n == 0);
	tell(&r, 1, "a.done", NULL);
	CHECK(due(&r, &a).n == 1);
	arena_free(&a);
	rig_end_all(&r);
}

static void due_in_turn(void)
{
	struct rig r = {0};
	struct arena a = {0};
	struct made one, two;
	rig_open(&r);
	CHECK(put(&r, 1, "[\"a.done\"]", &one) == ERR_NONE && put(&r, 1, "[\"a.done\"]", &two) == ERR_NONE);
	struct id ev[2] = {tell(&r, 1, "a.done", NULL), tell(&r, 1, "a.done", NULL)};
	int64_t now = clock_wall_us() / 1000;
	struct delivery_list l = due_at(&r, now, 0, 10, (struct under_way){1, 0, 0}, &a);
	CHECK(l.n == 2 && l.at[0].endpoint.key == one.id.key && l.at[1].endpoint.key == two.id.key);
	l = due_at(&r, now, one.id.key, 10, (struct under_way){1, 0, 0}, &a);
	CHECK(l.n == 2 && l.at[0].endpoint.key == two.id.key && l.at[1].endpoint.key == one.id.key);
	l = due_at(&r, now, 0, 10, (struct under_way){2, one.id.key, ev[0].key}, &a);
	CHECK(l.n == 3 && l.at[0].endpoint.key == one.id.key && l.at[0].event.key == ev[1].key);
	l = due_at(&r, now, 0, 10, (struct under_way){1, one.id.key, ev[0].key}, &a);
	CHECK(l.n == 1 && l.at[0].endpoint.key == two.id.key);
	CHECK(due_at(&r, now, 0, 1, (struct under_way){1, 0, 0}, &a).n == 1);
	CHECK(due_at(&r, now, 0, 10, (struct under_way){0, 0, 0}, &a).n == 0);
	/* Put off. */
	l = due_at(&r, now, 0, 10, (struct under_way){1, 0, 0}, &a);
	end(&r, &l.at[0], now + 5000);
	l = due(&r, &a);
	CHECK(l.n == 3 && l.next_ms == now + 5000);
	l = due_at(&r, now + 5000, 0, 10, (struct under_way){5, 0, 0}, &a);
	CHECK(l.n == 4 && l.at[1].tries == 1 && l.next_ms == 0);
	arena_free(&a);
	rig_end_all(&r);
}

static void one_endpoint_cannot_fill_it(void)
{
	struct rig r = {0};
	struct arena a = {0};
	struct made m;
	rig_open(&r);
	CHECK(put(&r, 1, "[\"a.done\"]", &m) == ERR_NONE);
	for (int i = 0; i < MOST + 2; i++)
		tell(&r, 1, "a.done", NULL);
	struct delivery_list l = due(&r, &a);
	CHECK(l.n == MOST && l.at[0].dropped == 2);
	end(&r, &l.at[0], 0);
	tell(&r, 1, "a.done", NULL);
	CHECK(due(&r, &a).n == MOST);
	arena_free(&a);
	rig_end_all(&r);
}

static void secrets_rotate(void)
{
	struct rig r = {0};
	struct arena a = {0};
	struct stored_webhook w;
	struct made m;
	rig_open(&r);
	CHECK(put(&r, 1, "[\"a.done\"]", &m) == ERR_NONE);
	tell(&r, 1, "a.done", NULL);
	CHECK(rotate(&r, 1, m.text, "sealed two", clock_wall_s() + 60) == ERR_NONE);
	CHECK(get(&r, 1, m.text, &a, &w) == ERR_NONE && w.updated_at > 100);
	CHECK_STR(w.secret, S("sealed two"));
	CHECK_STR(w.hint, S("whsec_...2222"));
	struct delivery_list l = due(&r, &a);
	CHECK_STR(l.at[0].secret, S("sealed two"));
	CHECK_STR(l.at[0].old_secret, S("sealed one"));
	l = due_at(&r, (clock_wall_s() + 61) * 1000, 0, 10, (struct under_way){10, 0, 0}, &a);
	CHECK_STR(l.at[0].old_secret, S(""));
	CHECK(rotate(&r, 1, m.text, "sealed three", 0) == ERR_NONE);
	l = due(&r, &a);
	CHECK_STR(l.at[0].secret, S("sealed three"));
	CHECK_STR(l.at[0].old_secret, S(""));
	arena_free(&a);
	rig_end_all(&r);
}

static struct past_deliveries past(struct rig *r, const struct made *m, int64_t before, int64_t limit, struct arena *a)
{
	struct past_deliveries all;
	struct err e = {0};
	CHECK(past_delivery_list(r->store, 1, str_of(m->text), before, limit, a, &all, &e));
	return all;
}

static enum err_code again(struct rig *r, int64_t project, const char *endpoint, const struct id *event)
{
	char text[ID_MAX];
	struct err e = {0};
	return past_delivery_again(r->store, project, str_of(endpoint), id_text(text, "evt", event), &e) ? ERR_NONE : e.code;
}

static void what_is_over_is_kept(void)
{
	struct rig r = {0};
	struct arena a = {0};
	struct made m, other;
	rig_open(&r);
	CHECK(put(&r, 1, "[\"a.done\"]", &m) == ERR_NONE && put(&r, 1, "[]", &other) == ERR_NONE);
	struct id ev[3] = {tell(&r, 1, "a.done", NULL), tell(&r, 1, "a.done", NULL), tell(&r, 1, "a.done", NULL)};
	struct delivery_list l = due(&r, &a);
	int64_t later = clock_wall_us() / 1000 + 60000;
	end(&r, &l.at[0], 0);
	end(&r, &l.at[1], later);
	rig_shut(&r);
	rig_open(&r);
	/* Newest first: untried, failed once, delivered. */
	struct past_deliveries p = past(&r, &m, 0, 10, &a);
	CHECK(p.n == 3 && !p.next && p.list[0].event.key == ev[2].key && p.list[2].event.key == ev[0].key);
	CHECK(p.list[0].tries == 0 && p.list[0].due_ms > 0 && !p.list[0].delivered && !p.list[0].ended_at && !p.list[0].answer);
	CHECK(p.list[1].tries == 1 && p.list[1].due_ms == later && p.list[1].answer == 500 && !p.list[1].ended_at);
	CHECK_STR(p.list[1].fault, S("status: it said no"));
	CHECK(p.list[2].tries == 1 && !p.list[2].due_ms && p.list[2].delivered && p.list[2].answer == 204 && p.list[2].ended_at);
	CHECK_STR(p.list[2].fault, S(""));
	CHECK_STR(p.list[2].type, S("a.done"));
	CHECK(!memcmp(p.list[2].event.rnd, ev[0].rnd, ID_RND));
	p = past(&r, &m, 0, 2, &a);
	CHECK(p.n == 2 && p.next == ev[1].key);
	p = past(&r, &m, p.next, 2, &a);
	CHECK(p.n == 1 && !p.next && p.list[0].event.key == ev[0].key);
	CHECK(past(&r, &other, 0, 2, &a).n == 0);
	/* Once more: the same event, as if it had just come; what waits, at once. */
	CHECK(again(&r, 1, m.text, &ev[0]) == ERR_NONE && again(&r, 1, m.text, &ev[1]) == ERR_NONE);
	l = due(&r, &a);
	CHECK(l.n == 3 && past(&r, &m, 0, 10, &a).n == 3);
	for (size_t i = 0; i < l.n; i++) {
		CHECK(l.at[i].event.key != ev[0].key || (l.at[i].tries == 0 && l.at[i].since >= l.at[i].created_at));
		CHECK(l.at[i].event.key != ev[1].key || l.at[i].tries == 1);
	}
	CHECK(again(&r, 2, m.text, &ev[0]) == ERR_NOT_FOUND && again(&r, 1, other.text, &ev[0]) == ERR_NOT_FOUND);
	ev[0].rnd[0] ^= 1;
	CHECK(again(&r, 1, m.text, &ev[0]) == ERR_NOT_FOUND && again(&r, 1, "whe_x", &ev[1]) == ERR_NOT_FOUND);
	struct past_deliveries none;
	struct err e = {0};
	CHECK(!past_delivery_list(r.store, 2, str_of(m.text), 0, 9, &a, &none, &e) && e.code == ERR_NOT_FOUND);
	/* With the endpoint goes what it was told. */
	end(&r, &l.at[0], 0);
	CHECK(drop(&r, 1, m.text) == ERR_NONE && rig_number(&r, "SELECT count(*) FROM webhook_past") == 0);
	arena_free(&a);
	CHECK(rig_sound(&r));
	rig_end_all(&r);
}

static void what_is_kept_is_bounded(void)
{
	struct rig r = {0};
	struct arena a = {0};
	struct made m;
	int64_t most = store_limits.past_deliveries;
	store_limits.past_deliveries = 2;
	rig_open(&r);
	CHECK(put(&r, 1, "[\"a.done\"]", &m) == ERR_NONE);
	for (int i = 0; i < 4; i++) {
		tell(&r, 1, "a.done", NULL);
		end(&r, &due(&r, &a).at[0], 0);
	}
	CHECK(past(&r, &m, 0, 10, &a).n == 2);
	rig_shut(&r);
	rig_exec(r.dir, "UPDATE webhook_past SET ended_at = 5 WHERE event = (SELECT min(event) FROM webhook_past)");
	rig_open(&r);
	rig_sweep(&r);
	CHECK(past(&r, &m, 0, 10, &a).n == 1);
	store_limits.past_deliveries = 0;
	tell(&r, 1, "a.done", NULL);
	end(&r, &due(&r, &a).at[0], 0);
	CHECK(past(&r, &m, 0, 10, &a).n == 0);
	store_limits.past_deliveries = most;
	arena_free(&a);
	rig_end_all(&r);
}

int main(void)
{
	static const struct test_case cases[] = {
	    {"made, changed, gone", made_changed_gone},
	    {"another project's is not there", foreign_is_not_there},
	    {"listed and bounded", listed_and_bounded},
	    {"who wants it is told", who_wants_it_is_told},
	    {"no end, no event", no_end_no_event},
	    {"due in turn", due_in_turn},
	    {"one endpoint cannot fill it", one_endpoint_cannot_fill_it},
	    {"secrets rotate", secrets_rotate},
	    {"what is over is kept", what_is_over_is_kept},
	    {"what is kept is bounded", what_is_kept_is_bounded},
	};
	return test_main(cases, sizeof cases / sizeof *cases);
}
