/* request_choice.h - `tool_choice`: its shape and then its meaning. Inside model/ alone. */
#pragma once
#include "model/request_parts.h"

field_check tool_choice_check;
bool choice_take(struct reader *r, struct err *e);
