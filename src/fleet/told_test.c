/* told_test.c - the load that engines tell. */
#include "base/test.h"
#include "fleet/told.h"

static void each_engine_in_its_words(void)
{
	struct told_load l;
	CHECK(told_read(S("# HELP vllm:num_requests_running Number of requests in model execution batches.\n"
			  "# TYPE vllm:num_requests_running gauge\n"
			  "vllm:num_requests_running{engine=\"0\",model_name=\"a}b c\"} 3.0\n"
			  "vllm:num_requests_running{engine=\"1\",model_name=\"a\"} 2.0\n"
			  "vllm:num_requests_waiting{engine=\"0\",model_name=\"a\"} 7.0\n"
			  "vllm:num_requests_waiting_by_reason{reason=\"capacity\"} 100.0\n"), &l));
	CHECK(l.running == 5 && l.waiting == 7);
	CHECK(told_read(S("llamacpp:requests_processing 1\r\nllamacpp:requests_deferred 4 1700000000000\r\n"), &l));
	CHECK(l.running == 1 && l.waiting == 4);
	CHECK(told_read(S("sglang:num_running_reqs{model_name=\"m\"} 9\nsglang:num_queue_reqs{model_name=\"m\"} 1e1"), &l));
	CHECK(l.running == 9 && l.waiting == 10);
}

static void what_is_no_load(void)
{
	struct told_load l;
	CHECK(!told_read(S(""), &l));
	CHECK(!told_read(S("process_cpu_seconds_total 12\n"), &l));
	CHECK(!told_read(S("vllm:num_requests_running NaN\nvllm:num_requests_running -1\nvllm:num_requests_running 1e300\n"
			   "vllm:num_requests_running2 5\nvllm:num_requests_running{\nvllm:num_requests_running\nvllm:num_requests_running x"), &l));
	CHECK(l.running == 0 && l.waiting == 0);
}

int main(void)
{
	static const struct test_case tests[] = {
	    {"each engine in its words", each_engine_in_its_words},
	    {"what is no load", what_is_no_load},
	};
	return test_main(tests, sizeof tests / sizeof *tests);
}
