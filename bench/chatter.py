"""Containers that write so many lines a second, whatever else the machine does."""

from __future__ import annotations

# The shell compares what it has written with the time that has gone by, which /proc/uptime tells
# without another process: it writes more after it had to wait.
PACED = (
    "{make} look() {{ read up rest </proc/uptime; now=${{up%.*}}${{up#*.}}; }};"
    " look; start=$now; n=0;"
    " while [ $n -lt {most} ]; do look; due=$(((now - start) * {rate} / 100));"
    " while [ $n -lt {most} ] && [ $((due - n)) -ge {block} ];"
    " do {write}; n=$((n + {block})); done;"
    " usleep {pause}; done"
)
ENDLESS = 10**12
LINE = (
    "a line of a busy service, about a hundred bytes long with all that it says about a request"
    " 0123456789"
)
BLOCK = 100  # busybox has no shorter sleep that is worth its start


def blocks_of_lines(rate: int) -> str:
    """Return the command of who writes equal lines, a hundred at once, without end."""
    make = f"i=0; while [ $i -lt {BLOCK} ]; do echo '{LINE}'; i=$((i+1)); done > /tmp/lines;"
    return PACED.format(
        make=make, rate=rate, block=BLOCK, most=ENDLESS, write="cat /tmp/lines", pause=4000
    )


def numbered_lines(rate: int, lines: int) -> str:
    """Return the command of who writes that many numbered lines, once there is /go/begin."""
    write = f'echo "$NAME line $((n + 1)) of {LINE}"'
    make = "while [ ! -e /go/begin ]; do usleep 300000; done;"
    paced = PACED.format(make=make, rate=rate, block=1, most=lines, write=write, pause=100_000)
    return f"{paced}; sleep 100000"
