/* skill_start.h - how a request for a list becomes an errand. Loop thread. */
#pragma once
#include "door/errand.h"

/* er->more: the page that the query asks for. */
void skill_list_start(struct request *rq, bool (*work)(struct errand *er, struct err *e));
