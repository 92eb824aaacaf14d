/* abilities.h - which engine does what is no chat: audio, rerankings, moderations, images.
 *
 * Each ability has an engine of its own by a setting (audio.engine), else the chat engine may have it. Whether an engine
 * has a path is asked once and remembered: "no" for a minute, since it may be started anew with another model.
 * docs/pass-through.md tells of it. Any thread. */
#pragma once
#include "engine/engine.h"
#include "net/client.h"

enum ability {
#define ABILITY(NAME, ...) ABILITY_##NAME,
#include "engine/abilities.def"
#undef ABILITY
	ABILITIES
};
enum ability_path {
#define ABILITY_PATH(NAME, ...) PATH_##NAME,
#include "engine/abilities.def"
#undef ABILITY_PATH
	ABILITY_PATHS
};

struct ability_config { /* url {0}: the chat engine, if it can */
	struct str url, key;
	const struct str *models; /* "NAME=MODEL" */
	size_t n_models;
	struct str family; /* of images: pictures.h; {0}: auto */
};
/* Once, behind engines_open(): one config a row of abilities.def. Copies. */
bool abilities_open(struct engines *s, const struct ability_config *c, struct err *e);

/* Where a request goes. What is borrowed lives as long as the engines. */
struct ability_at {
	const struct http_target *target;
	struct str key;     /* this engine's own; {0}: none */
	struct str headers; /* whole lines with it */
	struct str model;   /* the name that it is asked for, in the arena; {0}: none was named */
	struct str family;  /* of images, as configured */
	bool own;           /* it is that ability's own, by the setting */
	size_t place;       /* ability_known() */
};
/* model {0}: none was named. ERR_NOT_FOUND: nobody can have it, and the setting that changes that; ERR_MODEL_NOT_FOUND.
 */
bool ability_find(struct engines *s, struct arena *a, enum ability_path path, struct str model, struct ability_at *ret,
		  struct err *e);
/* The same engine's name for a model that is known only later: of a form, whose parts come in any order. In `a`. */
struct str ability_renamed(struct engines *s, struct arena *a, enum ability_path path, const struct ability_at *at,
			   struct str model);
/* The connections of a loop. */
struct client *ability_client(struct engine_port *p);
/* Is an engine of its own configured? */
bool ability_own(const struct engines *s, enum ability ability);
struct str ability_url(enum ability_path path);
/* For net/fetch.h, which blocks: the whole URL, in `a`; *unix_path: its socket, or NULL. */
struct str ability_fetch_url(struct arena *a, const struct ability_at *at, enum ability_path path, const char **unix_path);

enum ability_answer { ABILITY_UNKNOWN, ABILITY_YES, ABILITY_NO };
enum ability_answer ability_known(struct engines *s, const struct ability_at *at, enum ability_path path);
/* What POST {} on the path was answered with; remembered. */
enum ability_answer ability_learn(struct engines *s, const struct ability_at *at, enum ability_path path, int status,
				  struct str body);
/* The 404 that names the setting; false. */
bool ability_missing(enum ability_path path, struct err *e);
/* An engine's failure as ours: its own text where it says something of the request, never its keys or insides. */
void ability_error(int status, struct str body, struct str model, struct err *e);
