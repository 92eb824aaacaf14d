/* giving.c - what an engine gets back of what it once sent. */
#include "engine/giving.h"

/* Was it said by this engine, or by a client to whatever engine there is? */
static bool giving_from_here(const struct giving *g, const struct origin *o)
{
	return o && (!o->engine.n || str_eq(o->engine, g->opt->engine));
}

/* What one model signed another does not know. */
static bool giving_signed_here(const struct giving *g, const struct origin *o)
{
	return giving_from_here(g, o) && o->marks && (!o->engine.n || str_eq(o->model, g->opt->model));
}

/* The marks of one place that this engine gets back. */
void giving_marks(struct giving *g, struct jout *o, const struct origin *const *origins, size_t n, enum mark_place place)
{
	yyjson_val **marks = new_array(g->a, yyjson_val *, n + 1);
	size_t k = 0;
	for (size_t i = 0; i < n; i++)
		if (giving_signed_here(g, origins[i]))
			marks[k++] = origins[i]->marks;
	marks_put_of(o, marks, k, place);
}

static bool giving_is_short(struct str id)
{
	for (size_t i = 0; i < id.n; i++)
		if (!((id.p[i] >= 'a' && id.p[i] <= 'z') || (id.p[i] >= 'A' && id.p[i] <= 'Z') ||
		      (id.p[i] >= '0' && id.p[i] <= '9')))
			return false;
	return id.n == 9;
}

/* Of the calls of a message, and of the results behind it: the engine's own ids, where they tell the calls apart. What
 * a client has sent has none and costs nothing. */
void giving_ids(struct giving *g, const struct prompt_message *m)
{
	struct map taken = {0};
	bool any = false;
	map_release(&g->known);
	for (size_t i = 0; i < m->n_calls; i++)
		any |= giving_from_here(g, m->calls[i].origin) && m->calls[i].origin->id.n;
	for (size_t i = 0; any && i < m->n_calls; i++) {
		const struct prompt_call *c = &m->calls[i];
		bool own = giving_from_here(g, c->origin) && c->origin->id.n && !map_get(&taken, c->origin->id);
		if (!own)
			continue;
		map_put(&taken, c->origin->id, (void *)(uintptr_t)c);
		map_put(&g->known, c->call_id, (void *)(uintptr_t)c);
	}
	map_release(&taken);
}

/* The call's id; or nine letters and digits made of it: Mistral's templates raise on anything else. FNV-1a, which
 * says the same in every process. */
struct str giving_id(const struct giving *g, char out[9], struct str id)
{
	const struct prompt_call *known = map_get(&g->known, id);
	struct str own = known ? known->origin->id : id;
	if (chat_trait(g->opt, TRAIT_IDS) == IDS_OWN || giving_is_short(own))
		return own;
	static const char digits[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
	uint64_t h = 0xcbf29ce484222325;
	for (size_t i = 0; i < id.n; i++)
		h = (h ^ (unsigned char)id.p[i]) * 0x100000001b3;
	for (int i = 0; i < 9; i++, h /= 62)
		out[i] = digits[h % 62];
	return (struct str){out, 9};
}

void giving_release(struct giving *g)
{
	map_release(&g->known);
}

/* The member for thoughts: what the family says, what the engine was heard to use, or what it used for these. */
struct str giving_thoughts(const struct giving *g, const struct prompt_message *m)
{
	int how = chat_trait(g->opt, TRAIT_THOUGHTS);
	for (size_t i = m->n_origins; i-- > 0 && how == THOUGHTS_SAME;)
		if (m->origins[i]->thoughts.n && giving_from_here(g, m->origins[i]))
			how = str_eq(m->origins[i]->thoughts, S("reasoning")) ? THOUGHTS_REASONING : THOUGHTS_CONTENT;
	if (how == THOUGHTS_NONE)
		return (struct str){0};
	return how == THOUGHTS_REASONING ? S("reasoning") : S("reasoning_content");
}
