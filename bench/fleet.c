/* fleet.c - which engine of a fleet should answer? The choice of fleet/choose.h, as the server makes it, over simulated engines.
 *
 *   bench-fleet [--members 8] [--seconds 900] [--rate CHATS_A_SECOND] [--seed 1]
 *
 * Time is simulated, the choice is not: prompts are real bytes, whose marks are made and looked up. An engine does what vLLM
 * does on one large GPU with a model of 8 billion parameters: in one step up to 2,048 tokens of prompts are read and each answer that
 * runs gets a token; a step takes 8 ms, 0.1 ms a token of a prompt (10,000 a second) and 0.15 ms an answer. What it has read it keeps, 64 tokens a block, 350,000 tokens, the
 * oldest go first. At most 48 calls at once; the rest wait in our queue, first come first served.
 *
 * Who asks: tenants by Zipf's law, each with a system prompt of its own (300 to 3,000 tokens). Four of five talks are chats (six turns
 * on average, 20 s between them), one of five an agent (4,000 to 8,000 tokens of tools, 16 steps on average, 2 s between
 * them, 200 to 1,500 tokens of results each). All policies get the same talks. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fleet/choose.h"
#include "fleet/limits.h"

enum {
	BYTES = 4,   /* a token */
	BLOCK = 64,  /* tokens */
	CACHE = 350000 / BLOCK,
	CHUNK = 2048, /* tokens of prompts in a step */
	SLOTS = 48,
	TENANTS = 300,
	TURNS = 64,
	CONTEXT = 32000,
	MEMBERS = PREFIX_MEMBERS,
};

/* --- what is asked for, the same for all --- */

static uint64_t rng = 1;

static double uniform(void)
{
	rng ^= rng << 13;
	rng ^= rng >> 7;
	rng ^= rng << 17;
	return (double)(rng >> 11) / 9007199254740992.0;
}

static double expo(double mean)
{
	return -mean * log(1 - uniform());
}

static int between(int least, int most)
{
	return least + (int)(uniform() * (most - least + 1));
}

struct message {
	uint64_t seed; /* equal seeds, equal texts */
	int tokens;
};
struct talk {
	struct message messages[2 * TURNS + 1];
	int answers[TURNS];    /* tokens */
	double pauses[TURNS];  /* before each turn */
	int turns, turn;
	uint64_t id;
};
struct call {
	struct talk *talk;
	double asked, first;
	int prompt, cached, left, output; /* tokens; left: of the prompt, still to be read */
	uint64_t *blocks;
	int n_blocks, member;
	struct prefix_marks marks;
	struct call *next;
};

static double weights[TENANTS];

static int tenant_pick(void)
{
	double at = uniform() * weights[TENANTS - 1];
	int i = 0;
	while (weights[i] < at)
		i++;
	return i;
}

static void talk_make(struct talk *t, uint64_t id)
{
	bool agent = uniform() < 0.2;
	int tenant = tenant_pick(), most = agent ? 16 : 6;
	uint64_t own = (uint64_t)tenant * 2 + agent + 1;
	t->id = id;
	t->turn = 0;
	t->messages[0] = (struct message){own, agent ? 4000 + (int)(own * 2654435761u % 4000) : 300 + (int)(own * 2654435761u % 2700)};
	int all = t->messages[0].tokens;
	for (t->turns = 0; t->turns < TURNS && (!t->turns || uniform() > 1.0 / most); t->turns++) {
		int i = t->turns, said = !agent || !i ? between(20, 300) : between(200, 1500), answer = agent ? between(30, 250) : between(80, 500);
		if (all + said + answer > CONTEXT)
			break;
		all += said + answer;
		t->messages[2 * i + 1] = (struct message){id * 1000 + (uint64_t)(2 * i + 1000000), said};
		t->messages[2 * i + 2] = (struct message){id * 1000 + (uint64_t)(2 * i + 1000001), answer};
		t->answers[i] = answer;
		t->pauses[i] = i ? expo(agent ? 2 : 20) : 0;
	}
}

/* --- an engine --- */

struct block { /* of the cache: a chained hash table and a list by age */
	uint64_t id;
	int next, older, newer; /* -1: none */
};
struct member {
	struct block blocks[CACHE];
	int heads[CACHE], used, oldest, newest;
	struct call *running; /* in order of their start */
	int busy;
	double free_at; /* end of its step */
	bool stepping;
	int64_t calls, read; /* read: tokens of prompts that it worked on */
};

static struct member *members;

static int *head_of(struct member *m, uint64_t id)
{
	return &m->heads[id % CACHE];
}

static int block_find(struct member *m, uint64_t id)
{
	int i = *head_of(m, id);
	while (i >= 0 && m->blocks[i].id != id)
		i = m->blocks[i].next;
	return i;
}

static void block_unlink(struct member *m, int i)
{
	struct block *b = &m->blocks[i];
	*(b->older >= 0 ? &m->blocks[b->older].newer : &m->oldest) = b->newer;
	*(b->newer >= 0 ? &m->blocks[b->newer].older : &m->newest) = b->older;
}

static void block_newest(struct member *m, int i)
{
	struct block *b = &m->blocks[i];
	b->older = m->newest;
	b->newer = -1;
	*(m->newest >= 0 ? &m->blocks[m->newest].newer : &m->oldest) = i;
	m->newest = i;
}

static void block_use(struct member *m, uint64_t id)
{
	int i = block_find(m, id);
	if (i >= 0) {
		block_unlink(m, i);
	} else if (m->used < CACHE) {
		i = m->used++;
		m->blocks[i] = (struct block){.id = id, .next = *head_of(m, id)};
		*head_of(m, id) = i;
	} else {
		i = m->oldest;
		block_unlink(m, i);
		int *at = head_of(m, m->blocks[i].id);
		while (*at != i)
			at = &m->blocks[*at].next;
		*at = m->blocks[i].next;
		m->blocks[i].id = id;
		m->blocks[i].next = *head_of(m, id);
		*head_of(m, id) = i;
	}
	block_newest(m, i);
}

/* The last blocks first, so that the front of a prompt is younger than its end, as engines evict. */
static void blocks_use(struct member *m, const struct call *c)
{
	for (int i = c->n_blocks - 1; i >= 0; i--)
		block_use(m, c->blocks[i]);
}

static int blocks_cached(struct member *m, const struct call *c)
{
	int n = 0;
	while (n < c->n_blocks && block_find(m, c->blocks[n]) >= 0)
		n++;
	return n * BLOCK < c->prompt ? n * BLOCK : c->prompt - 1;
}

/* --- a call --- */

static uint64_t mix(uint64_t h)
{
	h ^= h >> 31;
	h *= 0x9e3779b97f4a7c15u;
	return h ^ h >> 29;
}

static void call_make(struct call *c, struct talk *t, double now, struct arena *a)
{
	static char text[CONTEXT * BYTES];
	static struct prefix_maker maker;
	uint64_t h = 7;
	int n = 0;
	*c = (struct call){.talk = t, .asked = now, .first = -1, .output = t->answers[t->turn]};
	for (int i = 0; i <= 2 * t->turn + 1; i++)
		c->prompt += t->messages[i].tokens;
	c->blocks = malloc(sizeof *c->blocks * (size_t)(c->prompt / BLOCK + 1));
	prefix_begin(&maker, S("model"));
	for (int i = 0; i <= 2 * t->turn + 1; i++) {
		const struct message *m = &t->messages[i];
		uint64_t word = m->seed;
		for (int k = 0; k < m->tokens; k++) {
			word = mix(word + 1);
			memcpy(text + k * BYTES, &word, BYTES);
			h = mix(h ^ word);
			if (++n % BLOCK == 0)
				c->blocks[c->n_blocks++] = h;
		}
		prefix_add(&maker, (struct str){text, (size_t)m->tokens * BYTES});
		prefix_border(&maker);
	}
	c->left = c->prompt;
	c->marks = prefix_end(&maker, a);
}

/* --- the policies --- */

enum policy { ROUND_ROBIN, LEAST_LOAD, CACHE_KEY, PREFIX, POLICIES };
static const char *const policies[] = {"round robin", "least load", "prompt_cache_key", "prefix-aware"};

struct sum {
	double *first, *whole;
	size_t n;
	int64_t prompt, cached, waited;
	double most_busy;
};
struct run {
	enum policy policy;
	struct prefixes *prefixes;
	unsigned turn;
	struct call *waiting, **last;
	int n_members;
	struct sum sum;
};

/* As engine/slots.c does it: the candidates, the choice, and what is remembered of it. */
static int member_choose(struct run *r, struct call *c)
{
	struct candidate list[MEMBERS];
	enum choice_reason why;
	unsigned turn = r->turn++;
	for (int i = 0; i < r->n_members; i++)
		list[i] = (struct candidate){members[i].busy < SLOTS, members[i].busy, (uint64_t)i * 7919 + 1};
	if (r->policy == ROUND_ROBIN) {
		for (int i = 0; i < r->n_members; i++)
			if (list[(turn + (unsigned)i) % (unsigned)r->n_members].able)
				return (int)((turn + (unsigned)i) % (unsigned)r->n_members);
		return -1;
	}
	struct choosing how = {.turn = turn};
	if (r->policy == PREFIX)
		how.prefixes = r->prefixes, how.marks = &c->marks;
	if (r->policy == CACHE_KEY)
		how.key = c->talk->id + 1;
	int at = fleet_choose(&how, list, (size_t)r->n_members, &why);
	if (at >= 0 && r->policy == PREFIX)
		prefixes_touch(r->prefixes, &c->marks, (unsigned)at);
	return at;
}

static void queue_pump(struct run *r)
{
	while (r->waiting) {
		struct call *c = r->waiting;
		int at = member_choose(r, c);
		if (at < 0)
			return;
		r->waiting = c->next;
		if (!r->waiting)
			r->last = &r->waiting;
		struct member *m = &members[at];
		struct call **end = &m->running;
		while (*end)
			end = &(*end)->next;
		*end = c;
		c->next = NULL;
		c->member = at;
		c->cached = blocks_cached(m, c);
		c->left = c->prompt - c->cached;
		blocks_use(m, c);
		m->busy++;
		m->calls++;
		m->read += c->left;
	}
}

/* One step of an engine from `now`: how long it takes. What ends in it has its times set to the step's end. */
static double member_step(struct member *m, double now)
{
	int room = CHUNK, read = 0, answers = 0;
	for (struct call *c = m->running; c; c = c->next) {
		if (c->left > 0) {
			int n = c->left < room ? c->left : room;
			c->left -= n;
			room -= n;
			read += n;
		} else {
			answers++;
		}
	}
	double ms = 8 + 0.1 * read + 0.15 * answers, end = now + ms / 1000;
	for (struct call *c = m->running; c; c = c->next) {
		if (c->left > 0)
			continue;
		if (c->first < 0)
			c->first = end; /* the step that has read the last of the prompt says the first token */
		c->output--;
	}
	return end;
}

static void call_done(struct run *r, struct call *c, double now)
{
	struct sum *s = &r->sum;
	s->first = realloc(s->first, (s->n + 1) * sizeof *s->first);
	s->whole = realloc(s->whole, (s->n + 1) * sizeof *s->whole);
	s->first[s->n] = c->first - c->asked;
	s->whole[s->n++] = now - c->asked;
	s->prompt += c->prompt;
	s->cached += c->cached;
}

/* --- the run: arrivals in a heap, steps in order --- */

struct arrival {
	double at;
	struct talk *talk;
};
static struct arrival *heap;
static size_t n_heap, cap_heap;

static void arrival_add(double at, struct talk *t)
{
	if (n_heap == cap_heap)
		heap = realloc(heap, (cap_heap = cap_heap * 2 + 64) * sizeof *heap);
	size_t i = n_heap++;
	for (; i && heap[(i - 1) / 2].at > at; i = (i - 1) / 2)
		heap[i] = heap[(i - 1) / 2];
	heap[i] = (struct arrival){at, t};
}

static struct talk *arrival_take(void)
{
	struct talk *t = heap[0].talk;
	struct arrival last = heap[--n_heap];
	size_t i = 0;
	for (size_t k; (k = 2 * i + 1) < n_heap; i = k) {
		k += k + 1 < n_heap && heap[k + 1].at < heap[k].at;
		if (heap[k].at >= last.at)
			break;
		heap[i] = heap[k];
	}
	heap[i] = last;
	return t;
}

static void member_end_step(struct run *r, struct member *m, double now)
{
	for (struct call **at = &m->running; *at;) {
		struct call *c = *at;
		if (c->left > 0 || c->output > 0) {
			at = &c->next;
			continue;
		}
		*at = c->next;
		m->busy--;
		call_done(r, c, now);
		blocks_use(m, c);
		struct talk *t = c->talk;
		if (++t->turn < t->turns)
			arrival_add(now + t->pauses[t->turn], t);
		free(c->blocks);
		free(c);
	}
	m->stepping = false;
}

static void run_all(struct run *r, const struct talk *talks, const double *starts, size_t n)
{
	struct arena a = {0};
	struct talk *mine = malloc(n * sizeof *mine);
	memcpy(mine, talks, n * sizeof *mine);
	for (int i = 0; i < r->n_members; i++) {
		members[i] = (struct member){.oldest = -1, .newest = -1};
		for (int k = 0; k < CACHE; k++)
			members[i].heads[k] = -1;
	}
	n_heap = 0;
	for (size_t i = 0; i < n; i++)
		if (mine[i].turns)
			arrival_add(starts[i], &mine[i]);
	r->last = &r->waiting;
	for (;;) {
		struct member *next = NULL;
		for (int i = 0; i < r->n_members; i++)
			if (members[i].stepping && (!next || members[i].free_at < next->free_at))
				next = &members[i];
		if (!next && !n_heap)
			break;
		double now;
		if (!next || (n_heap && heap[0].at <= next->free_at)) {
			now = heap[0].at;
			struct call *c = malloc(sizeof *c);
			call_make(c, arrival_take(), now, &a);
			*r->last = c;
			r->last = &c->next;
		} else {
			now = next->free_at;
			member_end_step(r, next, now);
		}
		queue_pump(r);
		for (int i = 0; i < r->n_members; i++)
			if (!members[i].stepping && members[i].running) {
				members[i].stepping = true;
				members[i].free_at = member_step(&members[i], now);
			}
	}
	arena_free(&a);
	free(mine);
}

static int by_size(const void *x, const void *y)
{
	double a = *(const double *)x, b = *(const double *)y;
	return (a > b) - (a < b);
}

static void tell(const struct run *r)
{
	const struct sum *s = &r->sum;
	int64_t most = 0, all = 0;
	qsort(s->first, s->n, sizeof *s->first, by_size);
	qsort(s->whole, s->n, sizeof *s->whole, by_size);
	for (int i = 0; i < r->n_members; i++) {
		all += members[i].read;
		most = members[i].read > most ? members[i].read : most;
	}
	printf("| %s | %.1f %% | %.0f | %.0f | %.0f | %.1f | %.2f |\n", policies[r->policy], 100.0 * (double)s->cached / (double)s->prompt,
	       1000 * s->first[s->n / 2], 1000 * s->first[s->n * 95 / 100], 1000 * s->first[s->n * 99 / 100],
	       s->whole[s->n * 99 / 100], (double)most * r->n_members / (double)all);
	fflush(stdout);
}

int main(int argc, char **argv)
{
	int n_members = 8;
	double seconds = 900, rate = 2.4;
	for (int i = 1; i + 1 < argc; i += 2) {
		double v = strtod(argv[i + 1], NULL);
		if (!strcmp(argv[i], "--members"))
			n_members = (int)v;
		else if (!strcmp(argv[i], "--seconds"))
			seconds = v;
		else if (!strcmp(argv[i], "--rate"))
			rate = v;
		else if (!strcmp(argv[i], "--seed"))
			rng = (uint64_t)v * 7919 + 1;
#define LIMIT(name, ...) else if (!strcmp(argv[i], "--" #name)) fleet_limits.name = (int64_t)v;
#include "fleet/limits.def"
#undef LIMIT
	}
	if (n_members < 1 || n_members > MEMBERS)
		return fprintf(stderr, "1 to %d members\n", MEMBERS), 2;
	for (int i = 0; i < TENANTS; i++)
		weights[i] = (i ? weights[i - 1] : 0) + 1.0 / (i + 1);
	size_t n = (size_t)(seconds * rate), turns = 0;
	struct talk *talks = malloc(n * sizeof *talks);
	double *starts = malloc(n * sizeof *starts), at = 0;
	members = malloc((size_t)n_members * sizeof *members);
	for (size_t i = 0; i < n; i++) {
		talk_make(&talks[i], i + 1);
		turns += (size_t)talks[i].turns;
		starts[i] = at += expo(1 / rate);
	}
	printf("%d engines, %zu talks, %zu calls, %.1f talks a second\n\n", n_members, n, turns, rate);
	printf("| choice | cached | first token p50, ms | p95 | p99 | answer p99, s | busiest engine / mean |\n|---|---|---|---|---|---|---|\n");
	for (enum policy p = 0; p < POLICIES; p++) {
		struct run r = {.policy = p, .prefixes = prefixes_new((size_t)fleet_limits.prefix_blocks), .n_members = n_members};
		run_all(&r, talks, starts, n);
		tell(&r);
		prefixes_free(r.prefixes);
		free(r.sum.first);
		free(r.sum.whole);
	}
	return 0;
}
