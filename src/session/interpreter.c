/* interpreter.c - the end of an interpreter in a session. */
#include <stdio.h>
#include <unistd.h>

#include "session/table.h"

void interpreter_forget(struct session *at, const char *why)
{
	if (!at->python.box)
		return;
	box_drop(at->python.box);
	close(at->python.control);
	close(at->python.output);
	close(at->python.program.status);
	talk_release(&at->python.talk);
	at->python = (struct session_python){0};
	snprintf(at->lost, sizeof at->lost, "%s", why);
}
