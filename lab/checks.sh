# Checks. Each prints `ok NAME` or `FAIL NAME: why` on a line of its own, and counts.

# A command may be several, and return: in a function of its own it returns from that one only.
try() { eval "$1"; }

ok() { # NAME COMMAND: passes where the command does
    if try "$2" >/tmp/check 2>&1; then
        echo "ok $1"
    else
        echo "FAIL $1: $2"
        sed 's/^/    /' /tmp/check | head -30
        bad=$((bad + 1))
    fi
}

no() { # NAME COMMAND: passes where the command fails
    if try "$2" >/tmp/check 2>&1; then
        echo "FAIL $1: this should have failed: $2"
        sed 's/^/    /' /tmp/check | head -30
        bad=$((bad + 1))
    else
        echo "ok $1"
    fi
}

# soon SECONDS COMMAND: runs it every tenth of a second until it passes.
soon() {
    local until
    until=$(($(uptime_ms) + $1 * 1000))
    while ! eval "$2"; do
        [ "$(uptime_ms)" -lt "$until" ] || return 1
        sleep 0.1
    done
}

uptime_ms() { sed 's/^\([0-9]*\)\.\([0-9]*\) .*/\1\20/' /proc/uptime; }

# within NAMESPACE COMMAND…
within() {
    local namespace=$1
    shift
    ip netns exec "$namespace" "$@"
}

# reaches NAMESPACE ADDRESS: within 6 s; the first frames on a new interface may be lost.
reaches() { soon 6 "within $1 ping -c1 -W1 $2 >/dev/null"; }

# silent NAMESPACE ADDRESS: fails where one of three echoes comes back. It shows something only between two that do.
silent() { ! within "$1" ping -c3 -i0.3 -W1 "$2"; }

# barred NAME NAMESPACE ADDRESS GATE OPENER: the address answers, with the gate shut it doesn't, and once it is open again it does.
barred() {
    ok "$1-before" "reaches $2 $3"
    eval "$4"
    ok "$1" "silent $2 $3"
    eval "$5"
    ok "$1-after" "reaches $2 $3"
}
