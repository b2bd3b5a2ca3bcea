"""Modules, and functions of ``os``, that only POSIX systems have."""

MODULES = ("fcntl", "resource", "pwd", "grp", "termios", "syslog")
OS = (
    "fork forkpty memfd_create sched_getaffinity sched_setaffinity posix_fadvise posix_fallocate "
    "pread pwrite setsid setpgid killpg getpgid nice mkfifo sysconf statvfs fchmod fchown chown getloadavg sendfile"
).split()
