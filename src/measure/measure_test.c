/* measure_test.c - counting by several threads, labels that run full, and the text of it. */
#include <pthread.h>
#include <string.h>

#include "base/test.h"
#include "measure/measure.h"
#include "measure/scrape.h"

static bool says(const char *line)
{
	struct buf b;
	buf_init(&b, 1 << 24);
	scrape_write(&b);
	buf_byte(&b, 0);
	bool found = strstr(b.p, line) != NULL;
	buf_release(&b);
	return found;
}

static void *count_some(void *arg)
{
	for (int i = 0; i < 1000; i++)
		MEASURE(HTTP_REQUESTS, 1, measure_label(LABEL_ROUTE, S("/x")), measure_label(LABEL_CODE, S("200")));
	return arg;
}

static void threads_are_summed(void)
{
	pthread_t t[4];
	for (int round = 0; round < 2; round++) { /* the second round's threads go on in the blocks of the first */
		for (int i = 0; i < 4; i++)
			pthread_create(&t[i], NULL, count_some, NULL);
		for (int i = 0; i < 4; i++)
			pthread_join(t[i], NULL);
	}
	CHECK(says("antiphon_http_requests_total{route=\"/x\",code=\"200\"} 8000\n"));
}

static void labels_are_bounded(void)
{
	measure_limits.models = 3; /* before the first use of a model */
	CHECK(measure_label(LABEL_MODEL, S("a")) == 1 && measure_label(LABEL_MODEL, S("b")) == 2);
	CHECK(measure_label(LABEL_MODEL, S("c")) == 3 && measure_label(LABEL_MODEL, S("a")) == 1);
	CHECK(measure_label(LABEL_MODEL, S("d")) == 0 && measure_label(LABEL_MODEL, S("")) == 0);
	MEASURE(FIRST_TOKEN, 3000, measure_label(LABEL_MODEL, S("d")));
	MEASURE(FIRST_TOKEN, 900000000, measure_label(LABEL_MODEL, S("e")));
	CHECK(says("antiphon_time_to_first_token_seconds_bucket{model=\"other\",le=\"0.0025\"} 0\n"));
	CHECK(says("antiphon_time_to_first_token_seconds_bucket{model=\"other\",le=\"0.005\"} 1\n"));
	CHECK(says("antiphon_time_to_first_token_seconds_bucket{model=\"other\",le=\"600\"} 1\n"));
	CHECK(says("antiphon_time_to_first_token_seconds_bucket{model=\"other\",le=\"+Inf\"} 2\n"));
	CHECK(says("antiphon_time_to_first_token_seconds_sum{model=\"other\"} 900.003\n"));
	CHECK(says("antiphon_time_to_first_token_seconds_count{model=\"other\"} 2\n"));
	CHECK(!says("antiphon_time_to_first_token_seconds_count{model=\"a\"}"));
}

static void gauges_and_escapes(void)
{
	unsigned odd = measure_label(LABEL_ENGINE, S("a\"b\\c\nd"));
	measure_set(METRIC_ENGINE_BUSY, 7, (const unsigned[METRIC_LABELS]){odd});
	measure_set(METRIC_ENGINE_BUSY, 0, (const unsigned[METRIC_LABELS]){odd});
	CHECK(says("antiphon_engine_slots_busy{engine=\"a\\\"b\\\\c?d\"} 0\n"));
	MEASURE(TURNS_RUNNING, 1, 0);
	MEASURE(TURNS_RUNNING, -1, 0);
	CHECK(says("antiphon_turns_running 0\n"));
	MEASURE(PHASE_TIME, 1500000, measure_label(LABEL_TYPE, S("load")));
	CHECK(says("antiphon_turn_phase_seconds_total{type=\"load\"} 1.5\n"));
}

int main(void)
{
	static const struct test_case cases[] = {
	    {"labels are bounded", labels_are_bounded},
	    {"threads are summed", threads_are_summed},
	    {"gauges, and what a value may say", gauges_and_escapes},
	};
	return test_main(cases, 3);
}
