/* log.c - one line a fact, on stderr. */
#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static enum log_level least_level = LOG_INFO;
static bool as_json;

void log_setup(enum log_level least, bool json)
{
	least_level = least;
	as_json = json;
}

bool log_on(enum log_level level)
{
	return level >= least_level;
}

static size_t log_put_escaped(char *out, size_t room, const char *s)
{
	size_t n = 0;
	for (; *s && n + 7 < room; s++) {
		unsigned char c = (unsigned char)*s;
		if (c == '"' || c == '\\') {
			out[n++] = '\\';
			out[n++] = (char)c;
		} else if (c < 0x20) {
			n += (size_t)snprintf(out + n, room - n, "\\u%04x", c);
		} else {
			out[n++] = (char)c;
		}
	}
	return n;
}

void log_at(enum log_level level, const char *message, const char *fields, ...)
{
	static const char *const names[] = {"debug", "info", "warn", "error"};
	if (!log_on(level))
		return;
	char extra[1024], line[2600], when[32];
	va_list ap;
	va_start(ap, fields);
	vsnprintf(extra, sizeof extra, fields, ap);
	va_end(ap);
	struct timespec ts;
	struct tm tm;
	clock_gettime(CLOCK_REALTIME, &ts);
	gmtime_r(&ts.tv_sec, &tm);
	strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%S", &tm);
	size_t n;
	if (as_json) {
		n = (size_t)snprintf(line, sizeof line, "{\"time\":\"%s.%03ldZ\",\"level\":\"%s\",\"message\":\"", when,
		                     ts.tv_nsec / 1000000, names[level]);
		n += log_put_escaped(line + n, 600, message);
		n += (size_t)snprintf(line + n, sizeof line - n, "\",\"fields\":\"");
		n += log_put_escaped(line + n, sizeof line - n - 8, extra);
		n += (size_t)snprintf(line + n, sizeof line - n, "\"}\n");
	} else {
		for (char *c = extra; *c; c++)
			if ((unsigned char)*c < 0x20)
				*c = ' '; /* a log line is one line, whatever a peer sent */
		n = (size_t)snprintf(line, sizeof line, "%s.%03ldZ %-5s %s%s%s\n", when, ts.tv_nsec / 1000000,
		                     names[level], message, *extra ? "  " : "", extra);
	}
	if (write(STDERR_FILENO, line, n) < 0)
		return; /* nowhere left to say it */
}
