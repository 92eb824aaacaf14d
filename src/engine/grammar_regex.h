/* grammar_regex.h - a regular expression as a part of a grammar. Inside engine/ alone. */
#pragma once
#include "engine/grammar_tree.h"

/* `flags`: of Lark, "i", "s". NULL: given up. */
struct node *grammar_regex(struct grammar *g, struct str pattern, struct str flags);
