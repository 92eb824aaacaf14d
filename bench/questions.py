"""Questions in a user's words over documentation of Debian, git and PostgreSQL: (question, pattern of the chunk that answers it, the
source: pg, git or "": any)."""
QUESTIONS = [
    ("How do I stop one particular package from being upgraded?", r"apt-mark hold|dpkg --set-selections|Pin-Priority|\bpinning\b", ""),
    ("replay transaction logs to restore the database to a given moment", r"recovery_target|point-in-time", "pg"),
    ("prevent the transaction counter from running out", r"wraparound", "pg"),
    ("find out which change introduced a bug by halving the history", r"git bisect", "git"),
    ("encrypt a whole disk partition", r"LUKS|dm-crypt|cryptsetup", ""),
    ("share files with Windows machines", r"[Ss]amba", ""),
    ("which file system supports snapshots and subvolumes", r"Btrfs|btrfs", ""),
    ("how long is a release supported with security updates", r"LTS|Long[- ]Term Support|security support", ""),
    ("give away a package I no longer want to maintain", r"orphan", ""),
    ("what must be in the file that lists copyright and licence", r"debian/copyright|copyright file", ""),
    ("send mail from the local machine through another server", r"smarthost|exim|postfix", ""),
    ("allow someone to copy data without locking out readers", r"MVCC|multiversion", "pg"),
    ("search text with stemming and ranking inside the database", r"tsvector|ts_rank", "pg"),
    ("require a password over the network only with encryption", r"hostssl|scram-sha-256", "pg"),
    ("write a loop inside a stored procedure", r"\bLOOP\b", "pg"),
    ("ERRCODE for deadlock_detected", r"deadlock_detected|40P01", "pg"),
    ("core.autocrlf", r"core\.autocrlf", "git"),
    ("/etc/apt/preferences", r"/etc/apt/preferences", ""),
]
