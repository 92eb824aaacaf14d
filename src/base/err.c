/* err.c - failures that a client or an operator may see. */
#include "base/err.h"

#include <stdarg.h>
#include <stdio.h>

const struct err_row err_rows[ERR_COUNT] = {
	[ERR_NONE] = {"none", 200, "", NULL},
#define ERR(name, status, type, code) [ERR_##name] = {#name, status, type, code},
#include "base/err.def"
#undef ERR
};

bool fail(struct err *e, enum err_code code, const char *param, const char *fmt, ...)
{
	if (e->code != ERR_NONE)
		return false;
	e->code = code;
	snprintf(e->param, sizeof e->param, "%s", param ? param : "");
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(e->msg, sizeof e->msg, fmt, ap);
	va_end(ap);
	return false;
}
