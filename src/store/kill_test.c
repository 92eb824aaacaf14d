/* kill_test.c - kill -9 at any moment: what was acknowledged is there, whole, and the file is sound.
 *
 * A child writes turns and deletes some; each acknowledgement goes through a pipe. Killed and opened again,
 * the store must hold every fact that came through. (The page cache survives: power_test.c is about that.) */
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "store/check.h"
#include "store/rig_sql.h"

enum { ROUNDS = 20, LANES = 8, FACTS = 100000 };

enum what { PUT, DELETE_STARTED, DELETED };
struct fact {
	char id[ID_MAX];
	int64_t key; /* of the response */
	enum what what;
};

struct child;
struct lane {
	struct store_op op;
	struct child *child;
	struct rig_turn turn;
	bool deleting, have;
};

struct child {
	struct rig rig;
	struct lane lanes[LANES];
	int pipe, n;
};

static void lane_go(struct lane *l);

static void tell(struct lane *l, enum what what)
{
	struct fact f = {.key = l->turn.t.id.key, .what = what};
	memcpy(f.id, l->turn.id, sizeof f.id);
	if (write(l->child->pipe, &f, sizeof f) != (ssize_t)sizeof f)
		_exit(4);
}

static void on_done(struct store_op *op, const struct err *e)
{
	struct lane *l = OWNER(op, struct lane, op);
	if (e->code != ERR_NONE)
		_exit(3);
	tell(l, l->deleting ? DELETED : PUT);
	l->have = !l->deleting;
	lane_go(l);
}

static void lane_go(struct lane *l)
{
	struct child *c = l->child;
	l->op.done = on_done;
	l->deleting = l->have && ++c->n % 6 == 0;
	if (l->deleting) {
		tell(l, DELETE_STARTED);
		store_delete_response(c->rig.port, &l->op, 1, str_of(l->turn.id));
		return;
	}
	rig_turn(&l->turn, l->have ? l->turn.t.id.key : 0, 1, 1);
	store_put_turn(c->rig.port, &l->op, &l->turn.t);
}

static void child_main(const char *dir, int out)
{
	static struct child c;
	store_limits.linger_seconds = 0; /* the clean-up runs as well */
	store_limits.sweep_seconds = 1;
	c.pipe = out;
	snprintf(c.rig.dir, sizeof c.rig.dir, "%s", dir);
	rig_open(&c.rig);
	for (int i = 0; i < LANES; i++) {
		c.lanes[i].child = &c;
		lane_go(&c.lanes[i]);
	}
	loop_run(c.rig.loop);
	_exit(0);
}

/* Runs a child until `stop_at` facts came, kills it, and takes the facts still in the pipe. */
static size_t run_child(const char *dir, struct fact *facts, size_t n, size_t stop_at)
{
	int fds[2];
	struct fact f;
	size_t got = 0;
	if (pipe(fds))
		abort();
	pid_t pid = fork();
	if (pid == 0) {
		close(fds[0]);
		child_main(dir, fds[1]);
	}
	close(fds[1]);
	while (read(fds[0], &f, sizeof f) == (ssize_t)sizeof f && n + got < FACTS) {
		facts[n + got++] = f;
		if (got == stop_at)
			kill(pid, SIGKILL);
	}
	close(fds[0]);
	int status = 0;
	waitpid(pid, &status, 0);
	CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	return got;
}

static int by_key(const void *a, const void *b)
{
	const struct fact *x = a, *y = b;
	if (x->key != y->key)
		return x->key < y->key ? -1 : 1;
	return (int)x->what - (int)y->what;
}

static void on_line(void *ctx, const char *line)
{
	printf("# %s\n", line);
}

static int lost(const char *dir, struct fact *facts, size_t n)
{
	struct rig r = {0};
	struct arena a = {0};
	int bad = 0;
	qsort(facts, n, sizeof *facts, by_key);
	snprintf(r.dir, sizeof r.dir, "%s", dir);
	rig_open(&r);
	for (size_t i = 0; i < n; i++) {
		struct stored_response got;
		char want[256];
		if (i + 1 < n && facts[i + 1].key == facts[i].key)
			continue; /* its deletion comes next */
		enum err_code code = rig_get(&r, 1, facts[i].id, &a, &got);
		snprintf(want, sizeof want, "{\"object\":\"response\",\"output\":[{\"of\":%lld,\"at\":1}],\"x\":1}",
			 (long long)facts[i].key);
		bool there = code == ERR_NONE && str_eq(got.json, str_of(want)), gone = code == ERR_NOT_FOUND;
		bad += facts[i].what == PUT ? !there : facts[i].what == DELETED ? !gone : !there && !gone;
		arena_reset(&a);
	}
	arena_free(&a);
	rig_shut(&r);
	return bad;
}

static void kills(void)
{
	static struct fact facts[FACTS];
	size_t n = 0;
	char dir[] = "/tmp/antiphon-kill-XXXXXX";
	CHECK(mkdtemp(dir) != NULL);
	for (size_t i = 0; i < ROUNDS; i++) {
		struct err e = {0};
		bool sound = false;
		size_t got = run_child(dir, facts, n, 1 + i * i * 3);
		CHECK(got > 0);
		n += got;
		/* First as the kill left it, then opened. */
		CHECK(store_inspect(dir, on_line, NULL, &sound, &e) && sound);
		CHECK(lost(dir, facts, n) == 0);
	}
	printf("# %zu facts\n", n);
	rig_remove(dir);
}

int main(void)
{
	static const struct test_case t[] = {
	    {"twenty kills", kills},
	};
	return test_main(t, sizeof t / sizeof *t);
}
