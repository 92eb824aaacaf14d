/* word_share.c - how much of what a query asks for a chunk has, by its words. */
#include "index/word_share.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

#include "base/arena.h"

static const double K1 = 0.9, B = 0.6;

/* Of a query: made at its first row, kept by FTS5 for the others. */
struct word_weights {
	double all, mean; /* the sum of all weights; words of a chunk */
	int phrases;
	double *weight; /* of each phrase */
	int *times;     /* that each is in the chunk at hand */
};

static void word_weights_free(void *p)
{
	struct word_weights *w = p;
	xfree(w->weight);
	xfree(w->times);
	xfree(w);
}

/* The rarer the more; of none that is in every chunk it is nothing, since small stores have such alone. */
static double word_weight(double chunks, double having)
{
	having = having < chunks ? having : chunks;
	return log(1 + (chunks - having + 0.5) / (having + 0.5));
}

static struct word_weights *word_weights_make(const Fts5ExtensionApi *api, Fts5Context *c, sqlite3_value *counts)
{
	const char *p = sqlite3_value_blob(counts);
	int n = sqlite3_value_bytes(counts) / (int)sizeof(int64_t), phrases = api->xPhraseCount(c);
	sqlite3_int64 chunks = 0, words = 0;
	if (n < phrases || api->xRowCount(c, &chunks) != SQLITE_OK || api->xColumnTotalSize(c, -1, &words) != SQLITE_OK)
		return NULL;
	struct word_weights *w = xalloc(sizeof *w);
	*w = (struct word_weights){.phrases = phrases,
				   .mean = chunks && words ? (double)words / (double)chunks : 1,
				   .weight = xalloc((size_t)n * sizeof *w->weight + 1),
				   .times = xalloc((size_t)n * sizeof *w->times + 1)};
	for (int i = 0; i < n; i++) {
		int64_t having;
		memcpy(&having, p + (size_t)i * sizeof having, sizeof having);
		w->weight[i] = word_weight((double)chunks, (double)having);
		w->all += w->weight[i];
	}
	return w;
}

static bool word_times(const Fts5ExtensionApi *api, Fts5Context *c, struct word_weights *w)
{
	int n = 0, phrase, column, at;
	memset(w->times, 0, (size_t)w->phrases * sizeof *w->times);
	if (api->xInstCount(c, &n) != SQLITE_OK)
		return false;
	for (int i = 0; i < n; i++) {
		if (api->xInst(c, i, &phrase, &column, &at) != SQLITE_OK)
			return false;
		w->times[phrase]++;
	}
	return true;
}

static void word_share(const Fts5ExtensionApi *api, Fts5Context *c, sqlite3_context *ret, int n, sqlite3_value **args)
{
	const struct word_filter *filter = n == 2 ? sqlite3_value_pointer(args[1], WORD_FILTER) : NULL;
	if (filter && !filter->passes(filter->ctx, api->xRowid(c)))
		return; /* NULL */
	struct word_weights *w = api->xGetAuxdata(c, 0);
	int words = 0;
	if (!w && n == 2 && (w = word_weights_make(api, c, args[0])))
		api->xSetAuxdata(c, w, word_weights_free);
	if (!w || !word_times(api, c, w) || api->xColumnSize(c, -1, &words) != SQLITE_OK) {
		sqlite3_result_error(ret, "word_share() does not fit its query", -1);
		return;
	}
	double sum = 0, there = 0, slow = K1 * (1 - B + B * words / w->mean);
	for (int i = 0; i < w->phrases; i++) {
		if (!w->times[i])
			continue;
		sum += w->weight[i] * w->times[i] / (w->times[i] + slow);
		there += w->weight[i];
	}
	sqlite3_result_double(ret, w->all > 0 ? sum / w->all * sqrt(there / w->all) : 0);
}

bool word_share_add(sqlite3 *db)
{
	fts5_api *api = NULL;
	sqlite3_stmt *s = NULL;
	if (sqlite3_prepare_v2(db, "SELECT fts5(?1)", -1, &s, NULL) == SQLITE_OK) {
		sqlite3_bind_pointer(s, 1, (void *)&api, "fts5_api_ptr", NULL);
		sqlite3_step(s);
	}
	sqlite3_finalize(s);
	return api && api->xCreateFunction(api, "word_share", NULL, word_share, NULL) == SQLITE_OK;
}
