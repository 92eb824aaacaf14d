/* rig_postgres.c - the store's tests on PostgreSQL. */
#include "store/rig_postgres.h"

#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NAME = 40 };

bool rig_on_postgres(void)
{
	return getenv("STORE_POSTGRES") != NULL;
}

static const char *rig_postgres_name(const char *dir, char name[NAME])
{
	size_t n = strlen(dir), most = NAME - sizeof "t";
	snprintf(name, NAME, "t%s", dir + (n > most ? n - most : 0));
	for (char *p = name; *p; p++) /* what needs no quotes */
		if (*p == '/' || *p == '-')
			*p = '_';
	return name;
}

static void rig_postgres_url(const char *dir, char url[RIG_URL])
{
	char name[NAME];
	snprintf(url, RIG_URL, "%spostgres?options=-csearch_path%%3D%s%%20-cclient_min_messages%%3Dwarning", getenv("STORE_POSTGRES"), rig_postgres_name(dir, name));
}

/* The first number that it gives; -1: it failed. */
static int64_t rig_postgres_run(const char *dir, const char *sql)
{
	char url[RIG_URL];
	int64_t n = -1;
	rig_postgres_url(dir, url);
	PGconn *pq = PQconnectdb(url);
	PGresult *r = PQexec(pq, sql);
	if (PQresultStatus(r) == PGRES_TUPLES_OK && PQntuples(r))
		n = strtoll(PQgetvalue(r, 0, 0), NULL, 10);
	else if (PQresultStatus(r) != PGRES_COMMAND_OK)
		printf("# %s: %s\n", sql, PQerrorMessage(pq));
	PQclear(r);
	PQfinish(pq);
	return n;
}

void rig_postgres_open(const char *dir, char url[RIG_URL])
{
	char name[NAME], sql[128];
	snprintf(sql, sizeof sql, "CREATE SCHEMA IF NOT EXISTS %s", rig_postgres_name(dir, name));
	rig_postgres_run(dir, sql);
	rig_postgres_url(dir, url);
}

void rig_postgres_exec(const char *dir, const char *sql)
{
	rig_postgres_run(dir, sql);
}

int64_t rig_postgres_number(const char *dir, const char *sql)
{
	return rig_postgres_run(dir, sql);
}

void *rig_postgres_hold(const char *dir)
{
	char url[RIG_URL];
	rig_postgres_url(dir, url);
	PGconn *pq = PQconnectdb(url);
	PGresult *r = PQexec(pq, "BEGIN; LOCK TABLE item, response, node");
	if (PQresultStatus(r) != PGRES_COMMAND_OK)
		abort();
	PQclear(r);
	return pq;
}

void rig_postgres_let_go(void *held)
{
	PQfinish(held);
}
