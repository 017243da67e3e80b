"""The limit on open files of a process, which counts connections too."""

import resource

# slmgen.http.head_timeout.MOST_WAITING, SLMGEN_STREAMS, and about six for each of the
# requests of slmgen.http.body_limits.REQUESTS_AT_ONCE: the connection, the body, the
# files it reads and the database connection.
NEEDED = 4_096


def limit() -> int:
    """The highest limit that this process may set itself."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    return NEEDED if hard == resource.RLIM_INFINITY else hard


def raise_limit() -> None:
    """Raises the soft limit to what is needed, as far as allowed; never lowers it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = min(NEEDED, limit())
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
