/* guard_test.c - every spelling of a forbidden address that we know of, and the neighbours that must stay open. */
#include "net/guard.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/un.h>

#include "base/test.h"

static const struct guard none;

static const char *refused(const struct guard *g, const char *text)
{
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(80)};
	struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons(80)};
	if (inet_pton(AF_INET, text, &in.sin_addr) == 1)
		return guard_refuses(g, (struct sockaddr *)&in);
	if (inet_pton(AF_INET6, text, &in6.sin6_addr) != 1) {
		printf("# %s is no address\n", text);
		test_failed = 1;
	}
	return guard_refuses(g, (struct sockaddr *)&in6);
}

/* First, last and the neighbours of each block. */
static const struct {
	const char *address;
	bool open;
} addresses[] = {
    {"0.0.0.0", false},
    {"0.255.255.255", false},
    {"1.0.0.0", true},
    {"9.255.255.255", true},
    {"10.0.0.0", false},
    {"10.255.255.255", false},
    {"11.0.0.0", true},
    {"100.63.255.255", true},
    {"100.64.0.0", false},
    {"100.100.100.200", false},
    {"100.127.255.255", false},
    {"100.128.0.0", true},
    {"126.255.255.255", true},
    {"127.0.0.0", false},
    {"127.0.0.1", false},
    {"127.255.255.255", false},
    {"128.0.0.0", true},
    {"168.63.129.15", true},
    {"168.63.129.16", false},
    {"169.253.255.255", true},
    {"169.254.0.0", false},
    {"169.254.169.254", false},
    {"169.254.170.2", false},
    {"169.254.255.255", false},
    {"169.255.0.0", true},
    {"172.15.255.255", true},
    {"172.16.0.0", false},
    {"172.31.255.255", false},
    {"172.32.0.0", true},
    {"192.0.0.192", false},
    {"192.0.1.0", true},
    {"192.0.2.1", false},
    {"192.88.99.1", false},
    {"192.167.255.255", true},
    {"192.168.0.0", false},
    {"192.168.255.255", false},
    {"192.169.0.0", true},
    {"198.17.255.255", true},
    {"198.18.0.0", false},
    {"198.19.255.255", false},
    {"198.20.0.0", true},
    {"198.51.100.7", false},
    {"203.0.113.7", false},
    {"223.255.255.255", true},
    {"224.0.0.1", false},
    {"239.255.255.255", false},
    {"240.0.0.0", false},
    {"255.255.255.255", false},
    {"8.8.8.8", true},
    {"::", false},
    {"::1", false},
    {"::2", false},
    {"::127.0.0.1", false},
    {"::8.8.8.8", false},
    {"::ffff:127.0.0.1", false},
    {"::ffff:10.1.2.3", false},
    {"::ffff:169.254.169.254", false},
    {"::ffff:8.8.8.8", true},
    {"::ffff:0:127.0.0.1", false},
    {"64:ff9b::127.0.0.1", false},
    {"64:ff9b::10.0.0.1", false},
    {"64:ff9b::169.254.169.254", false},
    {"64:ff9b::8.8.8.8", true},
    {"64:ff9b:1::1", false},
    {"64:ff9b:0:0:0:1:808:808", false},
    {"100::1", false},
    {"1fff::1", false},
    {"2000::1", true},
    {"2001::1", false},
    {"2001:0:4136:e378:8000:63bf:3fff:fdd2", false},
    {"2001:2::1", false},
    {"2001:10::1", false},
    {"2001:1ff:ffff::1", false},
    {"2001:200::1", true},
    {"2001:db8::1", false},
    {"2001:4860:4860::8888", true},
    {"2002:7f00:1::1", false},
    {"2002:a00:1::1", false},
    {"2003::1", true},
    {"2606:4700::1111", true},
    {"3ffe::1", true},
    {"3fff:fff::1", false},
    {"3fff:1000::1", true},
    {"4000::1", false},
    {"5f00::1", false},
    {"8000::1", false},
    {"fc00::1", false},
    {"fd00:ec2::254", false},
    {"fd20:ce::254", false},
    {"fdff:ffff::1", false},
    {"fe00::1", false},
    {"fe80::1", false},
    {"febf::1", false},
    {"fec0::1", false},
    {"ff02::1", false},
    {"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", false},
};

static void knows_addresses(void)
{
	for (size_t i = 0; i < sizeof addresses / sizeof *addresses; i++) {
		const char *what = refused(&none, addresses[i].address);
		if (!what != addresses[i].open) {
			printf("# %s: %s\n", addresses[i].address, what ? what : "open");
			test_failed = 1;
		}
	}
	CHECK_STR(str_of(refused(&none, "169.254.169.254")), S("a cloud's metadata service"));
	CHECK_STR(str_of(refused(&none, "::1")), S("a loopback address"));
	CHECK_STR(str_of(refused(&none, "::ffff:192.168.1.1")), S("a private address"));
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	CHECK_STR(str_of(guard_refuses(&none, (struct sockaddr *)&un)), S("not an internet address"));
}

static const struct {
	const char *url;
	enum guard_verdict verdict;
} urls[] = {
    {"http://example.com", GUARD_OPEN},
    {"https://example.com:8443/a?b#c", GUARD_OPEN},
    {"HTTPS://EXAMPLE.COM/", GUARD_OPEN},
    {"http://8.8.8.8/", GUARD_OPEN},
    {"http://[2001:4860:4860::8888]:80/", GUARD_OPEN},
    {"http://example.com:/", GUARD_OPEN},
    {"http://127.0.0.1.example.com/", GUARD_OPEN},
    {"http://localhost.example.com/", GUARD_OPEN},
    {"http://notlocalhost/", GUARD_OPEN},
    {"http://a/http://127.0.0.1/", GUARD_OPEN},
    {"http://a?@127.0.0.1/", GUARD_OPEN},
    {"http://a#@127.0.0.1/", GUARD_OPEN},
    {"http://m\xc3\xbcnchen.example/", GUARD_OPEN},
    /* the same address, spelled oddly */
    {"http://127.0.0.1", GUARD_REFUSED},
    {"http://127.0.0.1:8080/x", GUARD_REFUSED},
    {"http://127.0.0.1.", GUARD_REFUSED},
    {"http://127.0.0.1...:80/", GUARD_REFUSED},
    {"http://127.1", GUARD_REFUSED},
    {"http://127.0.1", GUARD_REFUSED},
    {"http://2130706433/", GUARD_REFUSED},
    {"http://0x7f000001/", GUARD_REFUSED},
    {"http://0x7F.0x0.0x0.0x1/", GUARD_REFUSED},
    {"http://0x7f.1/", GUARD_REFUSED},
    {"http://017700000001/", GUARD_REFUSED},
    {"http://0177.0.0.01/", GUARD_REFUSED},
    {"http://0177.0x0.0.1/", GUARD_REFUSED},
    {"http://00000177.1/", GUARD_REFUSED},
    {"http://0/", GUARD_REFUSED},
    {"http://0.0.0.0:22/", GUARD_REFUSED},
    {"http://10.1", GUARD_REFUSED},
    {"http://0xa9fea9fe/latest/meta-data/", GUARD_REFUSED},
    {"http://2852039166/", GUARD_REFUSED},
    {"http://[::1]/", GUARD_REFUSED},
    {"http://[::]/", GUARD_REFUSED},
    {"http://[0:0:0:0:0:0:0:1]:80", GUARD_REFUSED},
    {"http://[::ffff:127.0.0.1]/", GUARD_REFUSED},
    {"http://[::FFFF:7f00:1]/", GUARD_REFUSED},
    {"http://[0:0:0:0:0:ffff:127.0.0.1]/", GUARD_REFUSED},
    {"http://[64:ff9b::7f00:1]/", GUARD_REFUSED},
    {"http://[fe80::1%25eth0]/", GUARD_REFUSED},
    {"http://[fe80::1%eth0]/", GUARD_REFUSED},
    {"http://[::1%1]/", GUARD_REFUSED},
    {"http://localhost", GUARD_REFUSED},
    {"http://LocalHost:80/", GUARD_REFUSED},
    {"http://localhost./", GUARD_REFUSED},
    {"http://a.localhost/", GUARD_REFUSED},
    /* on what readers of URLs disagree */
    {"", GUARD_BAD_URL},
    {"example.com", GUARD_BAD_URL},
    {"//example.com/", GUARD_BAD_URL},
    {"ftp://example.com/", GUARD_BAD_URL},
    {"file:///etc/passwd", GUARD_BAD_URL},
    {"gopher://127.0.0.1:25/", GUARD_BAD_URL},
    {"http:example.com", GUARD_BAD_URL},
    {"http:/example.com", GUARD_BAD_URL},
    {"http://", GUARD_BAD_URL},
    {"http:///example.com", GUARD_BAD_URL},
    {"http://:80/", GUARD_BAD_URL},
    {"http://user@example.com/", GUARD_BAD_URL},
    {"http://example.com@127.0.0.1/", GUARD_BAD_URL},
    {"http://127.0.0.1@example.com/", GUARD_BAD_URL},
    {"http://a:b@c:d@127.0.0.1/", GUARD_BAD_URL},
    {"http://example.com\\@127.0.0.1/", GUARD_BAD_URL},
    {"http://127.0.0.1\\.example.com/", GUARD_BAD_URL},
    {"http://127%2e0%2e0%2e1/", GUARD_BAD_URL},
    {"http://example.com:80:80/", GUARD_BAD_URL},
    {"http://example.com:0/", GUARD_BAD_URL},
    {"http://example.com:65536/", GUARD_BAD_URL},
    {"http://example.com:-1/", GUARD_BAD_URL},
    {"http://example.com:http/", GUARD_BAD_URL},
    {"http://[::1", GUARD_BAD_URL},
    {"http://[]/", GUARD_BAD_URL},
    {"http://[::1]x/", GUARD_BAD_URL},
    {"http://[::1]]/", GUARD_BAD_URL},
    {"http://exa mple.com/", GUARD_BAD_URL},
    {"http://example.com/\r\nX: y", GUARD_BAD_URL},
    {" http://example.com/", GUARD_BAD_URL},
    {"http://example.com\t/", GUARD_BAD_URL},
};

static void knows_spellings(void)
{
	for (size_t i = 0; i < sizeof urls / sizeof *urls; i++) {
		const char *why = "";
		enum guard_verdict v = guard_url(&none, str_of(urls[i].url), &why);
		if (v != urls[i].verdict || !why != (v == GUARD_OPEN)) {
			printf("# %s: %d, %s\n", urls[i].url, (int)v, why ? why : "open");
			test_failed = 1;
		}
	}
	const char *why;
	CHECK(guard_url(&none, (struct str){"http://example.com/\0x", 21}, &why) == GUARD_BAD_URL);
}

static void lets_the_operator_decide(void)
{
	static const struct str list[] = {STR("127.0.0.0/8"), STR("192.168.1.7"), STR("fd00::/8"), STR("::1/128"),
					  STR("10.128.0.0/9")};
	struct arena a = {0};
	struct err e = {0};
	struct guard g;
	const char *why;
	CHECK(guard_read(&a, list, sizeof list / sizeof *list, &g, &e));
	CHECK(!refused(&g, "127.3.2.1") && !refused(&g, "::ffff:127.0.0.1") && !refused(&g, "64:ff9b::127.0.0.1"));
	CHECK(!refused(&g, "192.168.1.7") && refused(&g, "192.168.1.8") && refused(&g, "192.168.1.6"));
	CHECK(!refused(&g, "10.128.0.0") && !refused(&g, "10.255.0.1") && refused(&g, "10.127.255.255"));
	CHECK(!refused(&g, "fd00:ec2::254") && refused(&g, "fc00::1") && !refused(&g, "::1"));
	CHECK(!refused(&g, "8.8.8.8"));
	CHECK(guard_url(&g, S("http://localhost:1/"), &why) == GUARD_OPEN);
	CHECK(guard_url(&g, S("http://0x7f.1/"), &why) == GUARD_OPEN);
	CHECK(guard_url(&g, S("http://10.1/"), &why) == GUARD_REFUSED);
	CHECK(guard_url(&g, S("http://me@127.0.0.1/"), &why) == GUARD_BAD_URL);
	static const struct str all[] = {STR("0.0.0.0/0"), STR("::/0")};
	CHECK(guard_read(&a, all, 1, &g, &e));
	CHECK(!refused(&g, "127.0.0.1") && refused(&g, "::1"));
	CHECK(guard_read(&a, all, 2, &g, &e));
	CHECK(!refused(&g, "ff02::1"));
	arena_free(&a);
}

static void refuses_odd_lists(void)
{
	static const struct str odd[] = {STR(""),           STR("127.1"),      STR("10.0.0.0/33"), STR("10.0.0.0/-1"),
					 STR("10.0.0.0/"),  STR("fd00::/129"), STR("localhost"),   STR("10.0.0.0/8/8"),
					 STR("[::1]"),      STR("*"),          STR("0x7f.0.0.1"),  STR("10.0.0.0/8x")};
	for (size_t i = 0; i < sizeof odd / sizeof *odd; i++) {
		struct arena a = {0};
		struct err e = {0};
		struct guard g;
		if (guard_read(&a, &odd[i], 1, &g, &e) || e.code != ERR_CONFIG) {
			printf("# '%s' was read\n", odd[i].p);
			test_failed = 1;
		}
		arena_free(&a);
	}
}

int main(void)
{
	static const struct test_case cases[] = {
	    {"addresses at the edges of every block", knows_addresses},
	    {"URLs in every spelling", knows_spellings},
	    {"the operator's list", lets_the_operator_decide},
	    {"odd lists are refused", refuses_odd_lists},
	};
	return test_main(cases, sizeof cases / sizeof *cases);
}
