/* request_echo.h - what of a request is only repeated, and the list of what was not applied. Inside model/ alone. */
#pragma once
#include "model/request_parts.h"

void echo_take(struct reader *r);
