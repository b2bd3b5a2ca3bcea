"""Modules, and functions of ``os``, that only POSIX systems have; ``shutil`` needs ``os.statvfs`` there."""

MODULES = ("fcntl", "resource", "pwd", "grp", "termios", "syslog")
OS = (
    "fork forkpty memfd_create sched_getaffinity sched_setaffinity posix_fadvise posix_fallocate "
    "pread pwrite setsid setpgid killpg getpgid nice mkfifo sysconf fchmod fchown chown getloadavg sendfile"
).split()
