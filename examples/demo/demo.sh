#!/usr/bin/env bash
# The main job of Weft on the real kernel: a network is declared once, and the pods of two clusters and two virtual machines share it,
# each with an address of its own from one pool. This file looks whether the machine has what is needed, gives the demo namespaces
# of its own, and takes all of it away again; story.sh is the demo. docs/operations/demo.md says what stands for what.
set -uo pipefail

usage='usage: demo.sh [--quiet] [--keep]

  --quiet   print the checks only
  --keep    leave everything standing, and say how to look around and how to tear it down

WEFT_BIN names the directory that holds weftd, weft, weft-agent and weft-ipam.
Exit status: 0 every check passed, 1 one failed, 77 the machine lacks something (stderr says what).'

here=$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")" && pwd)
quiet=''
keep=''
for argument; do
    case $argument in
        --quiet) quiet=yes ;;
        --keep) keep=yes ;;
        -h | --help)
            echo "$usage"
            exit 0
            ;;
        *)
            printf "demo: there is no option '%s'\n\n%s\n" "$argument" "$usage" >&2
            exit 64
            ;;
    esac
done

# ── What is needed ──────────────────────────────────────────────────────────────────────────────────────────────────────

# lacks: what is missing and the next step, a line each; silent when there is all.
lacks() {
    local tool package program
    while read -r tool package; do
        [ -n "$(type -P "$tool")" ] || echo "no program '$tool': apt-get install $package"
    done <<<$'ip iproute2\njq jq\nopenssl openssl\nping iputils-ping\nunshare util-linux\nnsenter util-linux\nsetpriv util-linux\nawk mawk'
    [ -x /usr/lib/cni/macvlan ] || echo 'no plugin /usr/lib/cni/macvlan: apt-get install containernetworking-plugins'
    if [ -z "${WEFT_BIN-}" ]; then
        echo 'WEFT_BIN is not set: build the programs, and name the directory that holds weftd, weft, weft-agent and weft-ipam'
    else
        for program in weftd weft weft-agent weft-ipam; do
            [ -x "$WEFT_BIN/$program" ] || echo "no program '$program' in WEFT_BIN ($WEFT_BIN): build it, or let WEFT_BIN name another directory"
        done
    fi
    if [ "$(id -u)" != 0 ]; then
        echo 'not root, and network namespaces are for root to make: run it as root (sudo --preserve-env=WEFT_BIN)'
    elif [ -n "$(type -P ip)" ] && [ -n "$(type -P unshare)" ]; then
        kernel_lacks
    fi
}

kernel_lacks() {
    if ! unshare --net --mount --pid --fork true 2>/dev/null; then
        echo 'no namespaces may be made here: a container wants --privileged, a kernel CONFIG_NET_NS and CONFIG_PID_NS'
        return
    fi
    unshare --net ip link add name b type bridge 2>/dev/null || echo 'the kernel has no bridge: modprobe bridge (CONFIG_BRIDGE)'
    if ! unshare --net ip link add name a type veth peer name b 2>/dev/null; then
        echo 'the kernel has no veth: modprobe veth (CONFIG_VETH)'
    elif ! unshare --net sh -c 'ip link add name a type veth peer name b && ip link add link a name c type macvlan' 2>/dev/null; then
        echo 'the kernel has no macvlan: modprobe macvlan (CONFIG_MACVLAN)'
    fi
}

missing=$(lacks)
if [ -n "$missing" ]; then
    printf 'demo: the machine lacks what the demo needs\n%s\n' "$missing" >&2
    exit 77
fi

# ── A place of its own ──────────────────────────────────────────────────────────────────────────────────────────────────

WEFT_BIN=$(cd "$WEFT_BIN" && pwd)
work=$(mktemp -d /tmp/weft-demo.XXXXXX)
mkdir "$work/tmp"
unshare=''

# first: the first process of the demo's namespaces; all others end with it, and the namespaces with them.
first() { tr -d ' ' <"/proc/$unshare/task/$unshare/children"; }

tear_down() {
    local process=''
    if [ -n "$unshare" ] && process=$(first 2>/dev/null) && [ -n "$process" ]; then
        disown "$unshare"
        kill -KILL "$unshare" "$process" 2>/dev/null
        while kill -0 "$process" 2>/dev/null; do sleep 0.05; done
    fi
    wait 2>/dev/null
    rm -rf "$work"
}

# links: the network interfaces of the machine itself, which the demo must not add to.
links() { ip -o link show | awk -F': ' '{ sub(/@.*/, "", $2); print $2 }' | sort; }

# left_behind: what there still is of the demo, a line each; silent when there is nothing. What others do meanwhile is theirs.
left_behind() {
    find /proc/[0-9]*/ns -name net -printf '%l %h\n' -o -name mnt -printf '%l %h\n' -o -name pid -printf '%l %h\n' 2>/dev/null \
        | grep -wF "$namespaces" | sed 's/^/in a namespace of the demo: /'
    grep -F "$work" /proc/self/mountinfo
    grep -wF "$namespaces" /proc/self/mountinfo
    comm -13 <(echo "$links_before") <(links) | grep -E '^(management|m-core-.*|port[0-9]+|vlan[0-9]+|mgmt0|net1|n[0-9])$'
    [ ! -e "$work" ] || echo "$work"
}

trap tear_down EXIT
trap 'exit 130' INT TERM HUP

links_before=$(links)

# Network, mount and process namespaces of its own. They end when this script does, however it ends; with --keep they don't.
start=(unshare --net --mount --pid --fork --mount-proc)
[ -n "$keep" ] || start=(setpriv --pdeathsig KILL -- "${start[@]}" --kill-child)
export WEFT_BIN work quiet keep
PATH=$WEFT_BIN:$PATH XDG_CONFIG_HOME=$work/config TMPDIR=$work/tmp "${start[@]}" bash "$here/story.sh" </dev/null &
unshare=$!
while [ ! -e "$work/result" ] && kill -0 "$unshare" 2>/dev/null; do sleep 0.1; done
read -r passed failed 2>/dev/null <"$work/result" || { passed=0 failed=1; }

if [ -n "$keep" ]; then
    process=$(first)
    cat <<TEXT

All of it stands, the pods too. A shell inside, with weft on its path:
  nsenter --target $process --all bash --rcfile $work/shell
There, for instance:
  weft ipam leases n6
  weft who upf-0
  ip netns list
  ip netns exec east-upf-0 ip address
  ip netns exec east-upf-0 ping 10.20.6.40
Tear it down:
  kill -KILL $process && rm -r $work

TEXT
    trap - EXIT
    disown "$unshare"
    kill -KILL "$unshare"
else
    namespaces=$(cat "$work/namespaces" 2>/dev/null || echo 'none was made')
    tear_down
    left=$(left_behind)
    if [ -z "$left" ]; then
        passed=$((passed + 1))
        echo '  ok    nothing is left behind: no process, namespace, mount, link or file'
    else
        failed=$((failed + 1))
        printf '  FAIL  something is left behind\n%s\n' "$left"
    fi
fi

if [ "$failed" -gt 0 ]; then
    echo "demo: $failed of $((passed + failed)) checks failed"
    exit 1
fi
echo "demo: $passed checks passed"
