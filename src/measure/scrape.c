/* scrape.c - all metrics as text for Prometheus. */
#include "measure/scrape.h"

#include <stdio.h>

#include "measure/tables.h"

static void put_escaped(struct buf *b, struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];
		if (c == '"' || c == '\\')
			buf_byte(b, '\\');
		buf_byte(b,
			 c < 0x20 || c > 0x7e ? '?' : (char)c); /* values may come from engines: one line, and UTF-8 */
	}
}

/* name_suffix{a="x",le="0.5"}, and a blank */
static void put_series(struct buf *b, enum metric m, const char *suffix, const unsigned labels[METRIC_LABELS],
		       const char *le)
{
	const struct metric_row *row = &metric_rows[m];
	char sep = '{';
	buf_fmt(b, "%s%s", row->text, suffix);
	for (int l = 0; l < METRIC_LABELS; l++) {
		if (row->labels[l] == LABEL_NONE)
			continue;
		buf_fmt(b, "%c%s=\"", sep, label_texts[row->labels[l]]);
		put_escaped(b, label_value(row->labels[l], labels[l]));
		buf_byte(b, '"');
		sep = ',';
	}
	if (le) {
		buf_fmt(b, "%cle=\"%s\"", sep, le);
		sep = ',';
	}
	if (sep == ',')
		buf_byte(b, '}');
	buf_byte(b, ' ');
}

static double scaled(enum metric_kind k, int64_t n)
{
	return k == SECONDS || k == TIME ? (double)n / 1e6 : (double)n;
}

static void put_histogram(struct buf *b, enum metric m, const unsigned labels[METRIC_LABELS])
{
	enum metric_kind k = metric_rows[m].kind;
	size_t n;
	const int64_t *bounds = metric_bounds(m, &n);
	char le[32];
	int64_t count = 0;
	for (size_t i = 0; i < n; i++) {
		count += metric_cell(m, labels, i);
		snprintf(le, sizeof le, "%.15g", scaled(k, bounds[i]));
		put_series(b, m, "_bucket", labels, le);
		buf_fmt(b, "%lld\n", (long long)count);
	}
	count += metric_cell(m, labels, n);
	put_series(b, m, "_bucket", labels, "+Inf");
	buf_fmt(b, "%lld\n", (long long)count);
	put_series(b, m, "_sum", labels, NULL);
	buf_fmt(b, "%.15g\n", scaled(k, metric_cell(m, labels, n + 1)));
	put_series(b, m, "_count", labels, NULL);
	buf_fmt(b, "%lld\n", (long long)count);
}

static bool has_labels(enum metric m)
{
	return metric_rows[m].labels[0] != LABEL_NONE;
}

static bool was_counted(enum metric m, const unsigned labels[METRIC_LABELS])
{
	size_t n;
	metric_bounds(m, &n);
	for (size_t i = 0; i <= n; i++)
		if (metric_cell(m, labels, i))
			return true;
	return metric_is_set(m, labels);
}

static void put_one(struct buf *b, enum metric m, const unsigned labels[METRIC_LABELS])
{
	size_t n;
	if (has_labels(m) && !was_counted(m, labels))
		return;
	if (metric_bounds(m, &n)) {
		put_histogram(b, m, labels);
		return;
	}
	put_series(b, m, "", labels, NULL);
	buf_fmt(b, "%.15g\n", scaled(metric_rows[m].kind, metric_cell(m, labels, 0)));
}

static void put_metric(struct buf *b, enum metric m)
{
	static const char *const types[] = {"counter", "counter", "gauge", "histogram", "histogram", "histogram"};
	const struct metric_row *row = &metric_rows[m];
	unsigned at[METRIC_LABELS], n[METRIC_LABELS];
	for (int l = 0; l < METRIC_LABELS; l++)
		n[l] = row->labels[l] == LABEL_NONE ? 1 : label_count(row->labels[l]);
	buf_fmt(b, "# HELP %s %s\n# TYPE %s %s\n", row->text, row->help, row->text, types[row->kind]);
	for (at[0] = 0; at[0] < n[0]; at[0]++)
		for (at[1] = 0; at[1] < n[1]; at[1]++)
			for (at[2] = 0; at[2] < n[2]; at[2]++)
				put_one(b, m, at);
}

void scrape_write(struct buf *b)
{
	for (int m = 0; m < N_METRICS; m++)
		put_metric(b, (enum metric)m);
}
