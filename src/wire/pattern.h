/* pattern.h - regular expressions of JSON Schema: does a text contain a match?
 *
 * The common part of ECMA-262's patterns over code points: classes, \d \w \s \b and their opposites, groups
 * (also named, also non-capturing), alternation, anchors, all quantifiers (lazy ones mean the same here, as
 * nothing is captured). Run as a set of states, so that no pattern and no text can cost more than the one's
 * size times the other's. Pure. */
#pragma once
#include <stdint.h>

#include "base/str.h"

enum pattern_verdict {
	PATTERN_NO,
	PATTERN_YES,
	PATTERN_UNKNOWN, /* look-around, back references, \p{..}, flags, no regular expression at all, too large, or
			  * *budget used up: callers let it pass */
};

/* Every step is taken from *budget; a few times 1e6 is a few hundredths of a second. */
enum pattern_verdict pattern_find(struct str pattern, struct str text, size_t *budget);

/* Takes the first code point off *s, which is not empty and valid UTF-8 (json_parse() saw to it). */
uint32_t pattern_point(struct str *s);
