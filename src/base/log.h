/* log.h - one line a fact, on stderr, as text or JSON.
 *
 * Fields are printf-like "key=%s" pairs after a fixed message, so that the message can be searched.
 * Any thread. Prompts, answers and keys are never logged. */
#pragma once
#include "base/str.h"

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };

/* Call once before threads start. */
void log_setup(enum log_level least, bool json);
/* log_at(LOG_WARN, "engine died", "pid=%d code=%d", pid, code); fields may be "". */
void log_at(enum log_level level, const char *message, const char *fields, ...)
	__attribute__((format(printf, 3, 4)));
bool log_on(enum log_level level);
