/* grammar_lark.h - a grammar in the notation of Lark. Inside engine/ alone. */
#pragma once
#include "engine/grammar_tree.h"

/* Fills the rules. */
bool grammar_lark(struct grammar *g, struct str text);
