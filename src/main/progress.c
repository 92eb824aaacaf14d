/* progress.c - how far a long command is. */
#include "main/progress.h"

#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"

enum { EVERY_MS = 200 };

static int64_t shown_ms;

void progress_say(const char *text)
{
	int64_t now = clock_mono_us() / 1000;
	if (!isatty(STDERR_FILENO) || (shown_ms && now - shown_ms < EVERY_MS))
		return;
	shown_ms = now;
	fprintf(stderr, "\r%s\x1b[K", text);
	fflush(stderr);
}

void progress_end(void)
{
	if (shown_ms)
		fprintf(stderr, "\r\x1b[K");
	shown_ms = 0;
}

const char *progress_bytes(char out[32], int64_t bytes)
{
	static const char *const units[] = {"bytes", "KB", "MB", "GB", "TB"};
	double n = (double)bytes;
	size_t unit = 0;
	while (n >= 1000 && unit < 4) {
		n /= 1000;
		unit++;
	}
	snprintf(out, 32, unit ? "%.1f %s" : "%.0f %s", n, units[unit]);
	return out;
}
