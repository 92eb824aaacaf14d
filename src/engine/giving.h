/* giving.h - what an engine gets back of what it once sent: marks, its ids of calls, its name for thoughts.
 *
 * All of it goes to the engine that it came from alone (model/origin.h), and marks only to the same model. Pure. */
#pragma once
#include "base/map.h"
#include "engine/chat.h"
#include "engine/marks.h"

struct giving {
	struct arena *a;
	const struct chat_options *opt;
	struct map known; /* calls by our ids, whose own ids the engine knows; of the last message with calls */
};

static inline int chat_trait(const struct chat_options *o, enum trait t)
{
	return o->traits ? o->traits->of[t] : 0;
}

/* The marks of one place, as members of an open object. */
void giving_marks(struct giving *g, struct jout *o, const struct origin *const *origins, size_t n, enum mark_place place);
/* From here on ids are those of this message's calls. */
void giving_ids(struct giving *g, const struct prompt_message *m);
/* The engine's own id for ours; else ours. Where only short ones are taken: nine letters and digits, maybe in `out`. */
struct str giving_id(const struct giving *g, char out[9], struct str id);
/* The member for the message's thoughts; {0}: none are told. */
struct str giving_thoughts(const struct giving *g, const struct prompt_message *m);
void giving_release(struct giving *g);
