/* webhook_sign_test.c - signatures against Standard Webhooks' own example. */
#include "webhooks/webhook_sign.h"

#include <sodium.h>

#include "base/test.h"

static void as_the_standard_has_it(void)
{
	struct arena a = {0};
	struct str secret = S("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
	struct str got = webhook_sign(&a, secret, S("msg_p5jXN8AQM9LWM0D4loKWxJek"), 1614265330, S("{\"test\": 2432232314}"));
	CHECK_STR(got, S("v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="));
	CHECK_STR(webhook_secret_hint(&a, secret), S("whsec_...LaSw"));
	arena_free(&a);
}

static void secrets_differ(void)
{
	struct arena a = {0};
	struct str one = webhook_secret_make(&a), two = webhook_secret_make(&a);
	CHECK(one.n == 6 + 44 && !str_eq(one, two));
	CHECK(webhook_sign(&a, one, S("x"), 1, S("")).n && !str_eq(webhook_sign(&a, one, S("x"), 1, S("")),
								   webhook_sign(&a, two, S("x"), 1, S(""))));
	arena_free(&a);
}

static void what_is_no_secret_signs_nothing(void)
{
	static const struct str odd[] = {STR(""), STR("whsec_"), STR("whsec_!"), STR("sk-MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"),
					 STR("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaS")};
	struct arena a = {0};
	for (size_t i = 0; i < sizeof odd / sizeof *odd; i++)
		CHECK(!webhook_sign(&a, odd[i], S("x"), 1, S("")).p);
	arena_free(&a);
}

int main(void)
{
	static const struct test_case cases[] = {
	    {"as the standard has it", as_the_standard_has_it},
	    {"secrets differ", secrets_differ},
	    {"what is no secret signs nothing", what_is_no_secret_signs_nothing},
	};
	return sodium_init() < 0 || test_main(cases, sizeof cases / sizeof *cases);
}
