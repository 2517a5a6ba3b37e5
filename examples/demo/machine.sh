# shellcheck shell=bash
# What demo.sh is made with: lines for the reader, the fabric's ports, nodes, pods, the call of a CNI plugin.
# Everything here runs inside the demo's own network, mount and process namespaces. story.sh sets $work, $server and $quiet.
: "${work:?}" "${server:?}" "${quiet=}"

# ── For the reader ──────────────────────────────────────────────────────────────────────────────────────────────────────

passed=0
failed=0

# title TEXT: a heading.
title() { [ -n "$quiet" ] || printf '\n%s\n' "$1"; }

# say TEXT…: what is happening.
say() { [ -n "$quiet" ] || printf '  %s\n' "$@"; }

# show COMMAND…: a command as a person types it, and what it prints.
show() {
    [ -z "$quiet" ] || return 0
    printf '\n  $ %s\n' "$*"
    "$@" | sed 's/^/  /'
    printf '\n'
}

# check TEXT COMMAND…: one line with ok or FAIL; what the command printed follows a FAIL.
check() {
    local text=$1
    shift
    if "$@" >"$work/why" 2>&1; then
        passed=$((passed + 1))
        printf '  ok    %s\n' "$text"
    else
        failed=$((failed + 1))
        printf '  FAIL  %s\n' "$text"
        tail -n 12 "$work/why" | sed 's/^/          /'
        return 1
    fi
}

# await SECONDS COMMAND…: tries again until the command succeeds or the time is up.
await() {
    local end=$((SECONDS + $1))
    shift
    until "$@"; do
        [ $SECONDS -lt $end ] || return 1
        sleep 0.1
    done
}

# ── The fabric ──────────────────────────────────────────────────────────────────────────────────────────────────────────

ports=0

# make_vlan VLAN: a VLAN of the fabric. The kernel may lack 802.1Q, so each VLAN is a bridge and every port is untagged.
make_vlan() {
    ip -n fabric link add "vlan$1" mtu 9000 type bridge
    ip -n fabric link set "vlan$1" up
}

# drawn FILE INTERFACE: what a file in netplan's format says of an ethernet, "member value" a line.
drawn() {
    awk -v name="$2" '
        { indent = match($0, /[^ ]/) - 1; gsub(/"/, "") }
        indent == 2 { section = $1 }
        indent == 4 { here = section == "ethernets:" && $1 == name ":" }
        !here { next }
        $1 == "macaddress:" || $1 == "set-name:" || $1 == "mtu:" { sub(/:$/, "", $1); print $1, $2 }
        $1 == "link-local:" && $2 == "[]" { print "link-local none" }
        $1 == "-" && $2 == "to:" { to = $3 }
        $1 == "via:" { print "route", to, $2 }
        $1 == "-" && member == "addresses:" { print "address", $2 }
        $1 != "-" { member = $1 }
    ' "$1"
}

# plug MACHINE FILE INTERFACE VLAN: a port of the fabric, and at its other end the interface just as FILE draws it.
plug() {
    local machine=$1 file=$2 vlan=$4 mac='' name='' mtu='' kind value via
    local -a late=()
    while read -r kind value via; do
        case $kind in
            macaddress) mac=$value ;;
            set-name) name=$value ;;
            mtu) mtu=$value ;;
            link-local) late+=("link set dev $3 addrgenmode $value" "link set dev $3 up") ;;
            address) late+=("address add $value dev $3") ;;
            route) late+=("route add $value via $via dev $3") ;;
        esac
    done < <(drawn "$file" "$3")
    if [ -z "$mac" ] || [ -z "$name" ] || [ -z "$mtu" ]; then
        echo "$file draws no interface $3"
        return 1
    fi
    ports=$((ports + 1))
    ip -n fabric link add "port$ports" mtu 9000 type veth peer name "$name" address "$mac" mtu "$mtu" netns "$machine"
    ip -n fabric link set "port$ports" alias "$machine $name" master "vlan$vlan" up
    # An interface whose link-local addresses are switched off must hear of it before it comes up.
    [[ ${late[0]-} == link\ set* ]] || late=("link set dev $name up" "${late[@]}")
    printf '%s\n' "${late[@]}" | ip -n "$machine" -batch -
}

# ── Nodes ───────────────────────────────────────────────────────────────────────────────────────────────────────────────

declare -A init_of=() agent_of=()

# make_machine NAME: a network namespace that stands for a machine.
make_machine() {
    ip netns add "$1"
    ip -n "$1" link set lo up
}

# make_node NODE ADDRESS: a machine with a foot in the management network, and a /run/weft of its own that lives as long as its process.
make_node() {
    make_machine "$1"
    ip link add "m-$1" master management type veth peer name mgmt0 netns "$1"
    ip link set "m-$1" up
    ip -n "$1" address add "$2/24" dev mgmt0
    ip -n "$1" link set mgmt0 up
    # Slave: network namespaces of pods that get their names later are seen here too.
    nsenter --net="/run/netns/$1" unshare --mount --propagation slave \
        sh -c "mount -t tmpfs -o mode=0755 weft /run/weft && : >'$work/$1.stands' && exec sleep infinity" >>"$work/$1.log" 2>&1 &
    init_of[$1]=$!
    await 5 test -e "$work/$1.stands"
}

# on NODE COMMAND…: runs a command where the node's processes run.
on() { nsenter --target "${init_of[$1]}" --net --mount -- "${@:2}"; }

# start_agent NODE: the node's agent, told what it needs to enrol; its socket is where it is by default, /run/weft/agent.sock.
start_agent() {
    nsenter --target "${init_of[$1]}" --net --mount -- weft-agent --server "$server" --ca "$work/tls.crt" --name "$1" --node "$1" \
        --state "$work/$1" --enrollment-token-file "$work/$1.token" >>"$work/$1.log" 2>&1 &
    agent_of[$1]=$!
}

# stop_agent NODE: SIGTERM, and waits for the end.
stop_agent() {
    kill -TERM "${agent_of[$1]}"
    wait "${agent_of[$1]}"
}

# ── Pods ────────────────────────────────────────────────────────────────────────────────────────────────────────────────

declare -A node_of=() name_of=() container=() uid=()

# make_pod KEY NODE NAME: the sandbox of pod core/NAME, as the runtime makes it before it asks for networks.
make_pod() {
    make_machine "$1"
    node_of[$1]=$2
    name_of[$1]=$3
    container[$1]=$(od -An -N32 -tx1 /dev/urandom | tr -d ' \n')
    uid[$1]=$(</proc/sys/kernel/random/uuid)
}

# definition KEY: the CNI configuration of n6, byte for byte as the agent of the pod's node wrote it.
definition() { jq -j .spec.config "$work/${node_of[$1]}/manifests/default__networkattachmentdefinition__n6.json"; }

# cni VERB KEY PLUGIN: calls a plugin on the pod's node as the container runtime does; configuration on stdin, result on stdout.
cni() {
    on "${node_of[$2]}" env CNI_COMMAND="$1" CNI_CONTAINERID="${container[$2]}" CNI_NETNS="/run/netns/$2" CNI_IFNAME=net1 \
        CNI_PATH="/usr/lib/cni:$WEFT_BIN" \
        CNI_ARGS="IgnoreUnknown=1;K8S_POD_NAMESPACE=core;K8S_POD_NAME=${name_of[$2]};K8S_POD_INFRA_CONTAINER_ID=${container[$2]};K8S_POD_UID=${uid[$2]}" \
        "$3"
}

# add KEY: ADD with the definition as it stands. The result is kept in KEY.result.
add() { definition "$1" | cni ADD "$1" /usr/lib/cni/macvlan >"$work/$1.result"; }

# add_fixed KEY ADDRESS: ADD for a pod whose annotation asks for an address; the runtime adds runtimeConfig to the definition.
add_fixed() { definition "$1" | jq -c --arg ip "$2" '.runtimeConfig.ips = [$ip]' | cni ADD "$1" /usr/lib/cni/macvlan >"$work/$1.result"; }

# again VERB KEY: CHECK or DEL, to which the runtime hands the result of ADD.
again() { definition "$2" | jq -c --slurpfile result "$work/$2.result" '.prevResult = $result[0]' | cni "$1" "$2" /usr/lib/cni/macvlan; }

# addresses KEY: the pod's two addresses, without prefix lengths.
addresses() { jq -r '.ips[].address | sub("/.*"; "")' "$work/$1.result"; }

# is_settled MACHINE: no IPv6 address waits for duplicate address detection any longer, and none has failed it.
is_settled() { [ -z "$(ip -n "$1" -6 address show tentative)" ] && [ -z "$(ip -n "$1" -6 address show dadfailed)" ]; }
