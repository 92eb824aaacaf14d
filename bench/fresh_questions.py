"""Questions whose pages were drawn by lot, so that nobody chose what suits the ranking: the proof of what questions.py and tuning.py show.

The rule, fixed before any of them was asked, and all were asked once (docs/design/file-search.md has the day and what came of it); nothing
is chosen on them. Of each source's pages that have a section of 600 characters, so many as HOW_MANY says are drawn by SEED, and of each
page one such section (drawn()). For each a question was written by hand from the section's heading and first lines, as one asks who does
not know its words. Right is a chunk of that page and no other, though others may answer, too; so figures are lower than in lists where
several pages count. (question, pattern of the chunk, the page): as in tuning.py. Three pages (installing many computers, the next release,
authentic packages) have a question in tuning.py, too, as the lot would have it."""
import html, os, random, re

SEED, LEAST = 20261129, 600
HOW_MANY = {"pg": 30, "git": 20, "debian": 14}
HEADING = re.compile(r"(?is)<h[1-4][^>]*>(.*?)</h[1-4]>")


def plain(text):
    return " ".join(html.unescape(re.sub(r"(?s)<[^>]*>", " ", re.sub(r"(?is)<(script|style|head).*?</\1>", " ", text))).split())


def sections(path):
    """(page, heading, text) of those that are long enough."""
    with open(path, encoding="utf-8", errors="replace") as f:
        text = f.read()
    marks = list(HEADING.finditer(text))
    for mark, after in zip(marks, marks[1:] + [None]):
        body = plain(text[mark.end():after.start() if after else len(text)])
        if len(body) >= LEAST:
            yield os.path.basename(path), plain(mark.group(1)), body


def drawn(there):
    """(source, page, heading, text), in the order of FRESH; `there`: {source: files}, all three."""
    lot = random.Random(SEED)
    for source, n in HOW_MANY.items():
        every = [section for path in there[source] for section in sections(path)]
        for page in lot.sample(sorted({section[0] for section in every}), n):
            yield (source,) + lot.choice([section for section in every if section[0] == page])


FRESH = [(question, "", page.replace(".", "\\.") + "$") for page, question in (
    ("pg-app-pgrestore.html", "bring a database back from a custom-format archive under a new name"),
    ("pg-jit-reason.html", "turning query expressions into native machine code while the server runs"),
    ("pg-sepgsql.html", "make the SELinux label checks only log violations instead of denying access"),
    ("pg-functions-subquery.html", "test that a value is greater than every row of an inner query"),
    ("pg-creating-cluster.html", "set up an empty data directory before the first start of the server"),
    ("pg-textsearch-intro.html", "why LIKE and regular expressions are not enough to look for words in documents"),
    ("pg-auth-radius.html", "have logins verified by our central dial-in authentication server"),
    ("pg-infoschema-table-constraints.html", "standard view that lists the primary keys and checks on tables I own"),
    ("pg-gin-builtin-opclasses.html", "which operators can an inverted index on arrays or jsonb serve out of the box"),
    ("pg-sql-alterpolicy.html", "change who an existing row security rule applies to without recreating it"),
    ("pg-sql-createtable.html", "full grammar for defining a new relation with its columns and constraints"),
    ("pg-sql.html", "which part of the manual teaches the query language"),
    ("pg-custom-rmgr.html", "let an extension write and replay its own kind of log records"),
    ("pg-ddl-default.html", "what a column gets when an insert says nothing about it"),
    ("pg-release-15-20.html", "which bug-fix release guards against row types being altered while in use"),
    ("pg-app-psql.html", "print only rows without headings and footers from the command line client"),
    ("pg-catalog-pg-attrdef.html", "where are the stored default expressions of columns kept internally"),
    ("pg-manage-ag-createdb.html", "make a new database and let somebody else own it"),
    ("pg-continuous-archiving.html", "known limitations of restoring from a base copy plus the archived log"),
    ("pg-backup-manifest-toplevel.html", "which keys does the JSON file that describes a base backup have at its outermost level"),
    ("pg-ecpg-sql-type.html", "give a C struct a new type name in embedded SQL"),
    ("pg-infoschema-role-routine-grants.html", "standard view of function execution rights given to or by my roles"),
    ("pg-planner-stats-security.html", "could ordinary users learn other people's data from the optimizer's most common values"),
    ("pg-pgfreespacemap.html", "look at how much room is left on each page of a table"),
    ("pg-catalog-pg-database.html", "system table that holds encoding, owner and connection limit of every database"),
    ("pg-sql-dropfunction.html", "remove a stored routine when several have the same name"),
    ("pg-view-pg-cursors.html", "list the open cursors of my session"),
    ("pg-routine-vacuuming.html", "how often should the optimizer's statistics be refreshed and can I do it per column"),
    ("pg-release-15-10.html", "the update that repaired the binary incompatibility with timescaledb"),
    ("pg-app-clusterdb.html", "physically reorder all tables again from the shell"),
    ("git-git-ls-remote.html", "show the tags and branches of a server without cloning"),
    ("git-git-ls-files.html", "see the object names and stages of unmerged paths in the index"),
    ("git-SubmittingPatches.html", "what does certifying the origin of my contribution mean"),
    ("git-gitworkflows.html", "keep each feature on its own line of development and merge it upward"),
    ("git-git-bisect.html", "search by binary halving for the version that broke a feature"),
    ("git-git-log.html", "customise how commit author and date are printed with percent codes"),
    ("git-git-multi-pack-index.html", "one lookup file over many packs"),
    ("git-gitformat-signature.html", "what a signed tag object looks like inside"),
    ("git-git-credential.html", "protocol with which helpers are told the host and return the user name and password"),
    ("git-git-fsmonitor--daemon.html", "background watcher of the working tree does not notice submodules"),
    ("git-ToolsForGit.html", "editor settings that follow the project's coding guidelines"),
    ("git-gitcredentials.html", "choose a helper for only one URL"),
    ("git-git-shell.html", "restrict an ssh account to a few commands and offer a prompt with custom ones"),
    ("git-howto-index.html", "collection of mailing list posts on how people use it"),
    ("git-gitweb.conf.html", "variables of the web interface that rarely need changing such as its version"),
    ("git-git-mergetool--lib.html", "shell functions that scripts share to pick a merge program"),
    ("git-git-svn.html", "why do extra branches named with @ and a number appear after importing from subversion"),
    ("git-git-fast-export.html", "dump the whole history as a stream that can be edited and loaded elsewhere"),
    ("git-git-rev-list.html", "list the commits that are on my branch and not in the upstream one"),
    ("git-git-format-patch.html", "configure Thunderbird so that it does not wrap lines of inline patches"),
    ("debian-sect.asynchronous-task-scheduling-anacron.html", "run regular jobs on a laptop that is switched off at night"),
    ("debian-sect.creating-accounts.html", "add a new user to the machine and give him groups"),
    ("debian-case-study.html", "the imaginary company whose migration the book follows"),
    ("debian-sect.dynamic-routing.html", "let routers learn paths from each other with OSPF or BGP"),
    ("debian-sect.ipv6.html", "reach the next generation of internet addresses when my provider only offers the old ones"),
    ("debian-sect.knoppix.html", "a system that boots from CD and leaves the computer's disk alone"),
    ("debian-sect.ftp-file-server.html", "offer files for anonymous download with the old transfer protocol"),
    ("debian-sect.kernel-installation.html", "put a kernel that I built myself onto the machine and into the boot menu"),
    ("debian-sect.debian-internals.html", "which groups of volunteers write the project's own tools such as the installer"),
    ("debian-sect.task-scheduling-cron-atd.html", "abbreviations like @daily in the table of scheduled commands"),
    ("debian-sect.automated-installation.html", "set up a hundred machines over the network without anyone at the keyboard"),
    ("debian-sect.regular-upgrades.html", "get security fixes regularly and be told when they are waiting"),
    ("debian-sect.dist-upgrade.html", "what to read and do before switching to the next stable release"),
    ("debian-sect.package-authentication.html", "how does apt know that packages were not modified by an attacker"),
)]
