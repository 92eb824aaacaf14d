/* quota_text.c - limits in words. */
#include "quota/quota_text.h"

#include <stdio.h>

struct str duration_text(char out[DURATION_TEXT], int64_t ms)
{
	int64_t hours = ms / 3600000, minutes = ms / 60000 % 60, seconds = ms / 1000 % 60, rest = ms % 1000;
	size_t n = 0, room = DURATION_TEXT;
	if (ms > 0 && ms < 1000)
		return (struct str){out, (size_t)snprintf(out, room, "%lldms", (long long)ms)};
	if (hours)
		n = (size_t)snprintf(out, room, "%lldh", (long long)hours);
	if (hours || minutes)
		n += (size_t)snprintf(out + n, room - n, "%lldm", (long long)minutes);
	n += (size_t)snprintf(out + n, room - n, "%lld", (long long)seconds);
	if (rest) {
		n += (size_t)snprintf(out + n, room - n, ".%03lld", (long long)rest);
		while (out[n - 1] == '0')
			n--;
	}
	n += (size_t)snprintf(out + n, room - n, "s");
	return (struct str){out, n};
}

bool quota_refuse(const struct quota_refusal *r, struct err *e)
{
	static const char *const names[N_QUOTAS] = {
	    [QUOTA_REQUESTS_MINUTE] = "requests per min (RPM)", [QUOTA_TOKENS_MINUTE] = "tokens per min (TPM)",
	    [QUOTA_TOKENS_DAY] = "tokens per day (TPD)",        [QUOTA_TURNS] = "requests at once",
	    [QUOTA_BACKGROUND] = "background responses",
	};
	enum err_code code =
	    r->which == QUOTA_TOKENS_MINUTE || r->which == QUOTA_TOKENS_DAY ? ERR_RATE_TOKENS : ERR_RATE_REQUESTS;
	const char *whose = r->key ? "API key" : "project";
	char text[DURATION_TEXT];
	if (r->wait_ms < 0) {
		e->no_retry = true;
		return fail(e, code, NULL,
			    "Request too large for this %s on %s: Limit %lld, Requested %lld. The input or output "
			    "tokens must be "
			    "reduced in order to run successfully.",
			    whose, names[r->which], (long long)r->most, (long long)r->wanted);
	}
	e->retry_after_ms = r->wait_ms < INT32_MAX ? (int)r->wait_ms : INT32_MAX;
	return fail(
	    e, code, NULL,
	    "Rate limit reached for this %s on %s: Limit %lld, Used %lld, Requested %lld. Please try again in %.*s.",
	    whose, names[r->which], (long long)r->most, (long long)r->used, (long long)r->wanted,
	    FMT(duration_text(text, r->wait_ms)));
}
