"""How many files a process may have open: connections and files are both counted."""

import resource

# slmgen.http.head_timeout.MOST_WAITING, SLMGEN_STREAMS, and about six for each of the
# requests of slmgen.http.body_limits.REQUESTS_AT_ONCE: connection, body, what it reads,
# the database's.
NEEDED = 4_096


def limit() -> int:
    """What a process may raise its own limit to."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    return NEEDED if hard == resource.RLIM_INFINITY else hard


def raise_limit() -> None:
    """To what is needed, or as far as this process may; never lower than it is."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = min(NEEDED, limit())
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
