/* turn_withheld.h - which thoughts of the request's input the model is not shown: the response's input_transformations.
 *
 * Reasoning goes back to an engine within one loop of tools only, unless reasoning.context says more (engine/prompt_tidy.c). What
 * the input has of earlier turns is named, by the client's own ids and in its order; what a response or a conversation
 * brings along is not, for that grows with each turn. Loop thread. */
#pragma once
#include "turn/turn.h"

/* Sets t->response.withheld. Once the input is what it will be. */
void turn_withheld_find(struct turn *t);
