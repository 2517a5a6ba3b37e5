#!/usr/bin/env bash
# The demo itself, from the top to the bottom as it happens. demo.sh starts it as the first process of namespaces of its own, with
# the directory $work, the programs on the PATH, and $quiet and $keep.
set -uo pipefail

here=$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")" && pwd)
server=https://192.0.2.1:7433
# shellcheck source-path=SCRIPTDIR source=machine.sh
. "$here/machine.sh"
site=${here%/*}/5g-site
subscription=5be00000-0000-4000-8000-0000000005a0
nodes=(core-east-w1 core-east-w2 core-west-w1 core-west-w2)
machines=(probe1 router1)

# finish: says how it went, and remembers the namespaces so that demo.sh can look whether any is left.
finish() {
    if [ "$failed" -gt 0 ]; then
        tail -n 5 "$work"/*.log >&2
    fi
    { readlink /proc/self/ns/net /proc/self/ns/mnt /proc/self/ns/pid; stat -Lc 'net:[%i]' /run/netns/*; for one in "${init_of[@]}"; do readlink "/proc/$one/ns/mnt"; done; } >"$work/namespaces" 2>/dev/null
    echo "$passed $failed" >"$work/result.new"
    mv "$work/result.new" "$work/result"
    [ -z "$keep" ] || exec sleep infinity >/dev/null 2>&1
}
trap finish EXIT

# needs TEXT COMMAND…: a check without which the rest has no sense.
needs() { check "$@" || exit 1; }

title 'One network, N6, for the pods of two clusters and two virtual machines'

# ── The control plane ───────────────────────────────────────────────────────────────────────────────────────────────────

title '1. The control plane, and the site in one command'

# A /run of the demo's own, so that network namespaces have names nobody else sees; nodes see those that are made later.
mount -t tmpfs -o mode=0755 demo /run
mkdir /run/netns /run/weft
mount --bind /run/netns /run/netns
mount --make-shared /run/netns
ip link set lo up
# A bridge without an address of its own takes that of its ports, another one with each port, and who knew the old one waits in vain.
ip link add management address 02:00:5e:00:53:01 type bridge
ip address add 192.0.2.1/24 dev management
ip link set management up

# Agents come over the management network, so weftd speaks TLS; the certificate is its own authority, for a day.
make_certificate() {
    (umask 077 && openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 1 -subj '/CN=weft demo' \
        -addext 'subjectAltName=IP:192.0.2.1,IP:127.0.0.1' -keyout "$work/tls.key" -out "$work/tls.crt" 2>>"$work/weftd.log")
}

start_weftd() {
    weftd serve --data "$work/data" --listen 0.0.0.0:7433 --tls-cert "$work/tls.crt" --tls-key "$work/tls.key" >"$work/weftd.out" 2>>"$work/weftd.log" &
    weftd=$!
    await 20 grep -q 'listening on' "$work/weftd.out"
}

context() { weft config set-context demo --server https://127.0.0.1:7433 --ca "$work/tls.crt" --token-file "$work/data/admin.token" --subscription "$subscription" --resource-group edge-east; }

changes_nothing() { weft plan -f "$site"; }

say "weftd serves at $server, the management network; the site is examples/5g-site."
needs 'weftd has a certificate' make_certificate
needs 'weftd listens' start_weftd
needs 'weft has a context of its own' context
needs 'weft apply: the site is made' weft apply -f "$site"
check 'weft plan: nothing would change now' changes_nothing
used() { weft ipam show n6 -o json | jq -c '[.. | objects | select(has("used")) | .used]'; }
used_before=$(used)
cat >"$work/shell" <<SHELL
export PATH=$PATH XDG_CONFIG_HOME=$XDG_CONFIG_HOME PS1='(weft demo) # '
SHELL

# ── Nodes ───────────────────────────────────────────────────────────────────────────────────────────────────────────────

title '2. Four nodes of two clusters, each with its agent'

has_files() {
    local manifests="$work/$1/manifests" file="$work/$1/nodes/$1/etc/netplan/60-weft.yaml"
    await 30 test -s "$manifests/default__networkattachmentdefinition__n6.json" && await 10 test -s "$file"
}

have_files() {
    local node
    for node in "${nodes[@]}"; do
        has_files "$node" || { echo "$node"; return 1; }
    done
}

say 'Each node is a network namespace with a foot in the management network. Its agent enrols, and writes what the site wants of it.'
number=10
for node in "${nodes[@]}"; do
    number=$((number + 1))
    needs "$node has an enrolment token of its own" weft agent token --cluster "${node%-*}" --node "$node" --out "$work/$node.token"
    make_node "$node" "192.0.2.$number"
    start_agent "$node"
done
needs 'each agent has written its manifests and its node file' have_files
show weft agent list

title '3. The fabric, and interfaces as the files draw them'

say 'A bridge stands for each VLAN. A port is handed to a node untagged, with the MAC address, name, MTU and addresses of its netplan file.'
make_machine fabric
for vlan in 602 604 606; do make_vlan "$vlan"; done

plug_nodes() {
    local node file
    for node in "${nodes[@]}"; do
        file=$work/$node/nodes/$node/etc/netplan/60-weft.yaml
        plug "$node" "$file" n6 606 || return 1
        case $node in
            core-east-*) plug "$node" "$file" n4 604 || return 1 ;;
            core-west-*) plug "$node" "$file" n2 602 || return 1 ;;
        esac
    done
}

plug_machines() {
    local machine
    for machine in "${machines[@]}"; do
        make_machine "$machine"
        weft manifests --vm "$machine" >"$work/$machine.network-config" && plug "$machine" "$work/$machine.network-config" n6 606 || return 1
    done
}

# Node interfaces of N4 have addresses of the nodes' own (OSDevice).
nodes_meet_on_n4() {
    local far
    far=$(drawn "$work/core-east-w2/nodes/core-east-w2/etc/netplan/60-weft.yaml" n4 | awk '$1 == "address" { sub("/.*", "", $2); print $2 }')
    [ -n "$far" ] || return 1
    for far in $far; do
        await 5 ip netns exec core-east-w1 ping -n -q -c 1 -W 1 "$far" || return 1
    done
}

needs 'every node has its ports' plug_nodes
needs 'probe1 and router1 have theirs, from their cloud-init network-config' plug_machines
check "nodes of core-east reach each other on n4, with the addresses drawn for them" nodes_meet_on_n4
show ip -n core-east-w1 -brief address show

# ── Pods ────────────────────────────────────────────────────────────────────────────────────────────────────────────────

title '4. Six pods on n6'

say 'As the container runtime does: ADD of the upstream macvlan plugin, with the NetworkAttachmentDefinition default/n6 byte for byte.' \
    'It asks weft-ipam for the addresses, weft-ipam asks the agent of the node, the agent asks weftd.'
pods=(east-upf-0 east-upf-1 east-upf-2 west-upf-0 west-upf-1 west-smf-0)
make_pod east-upf-0 core-east-w1 upf-0
make_pod east-upf-1 core-east-w1 upf-1
make_pod east-upf-2 core-east-w2 upf-2
make_pod west-upf-0 core-west-w1 upf-0
make_pod west-upf-1 core-west-w2 upf-1
make_pod west-smf-0 core-west-w2 smf-0

added=()
for pod in "${pods[@]}"; do
    add "$pod" &
    added+=($!)
done
for i in "${!pods[@]}"; do
    pod=${pods[i]}
    wait "${added[i]}"
    added[i]=$?
    check "ADD core/${name_of[$pod]} on ${node_of[$pod]}: $(jq -r '[.ips[]?.address] | join(", ")' "$work/$pod.result")" test "${added[i]}" = 0 \
        || cat "$work/$pod.result"
done
[ "$failed" = 0 ] || exit 1

everyone=("${pods[@]}" "${machines[@]}")
declare -A ipv4=() ipv6=()
for pod in "${pods[@]}"; do
    { read -r ipv4["$pod"] && read -r ipv6["$pod"]; } < <(addresses "$pod")
done
for machine in "${machines[@]}"; do
    { read -r ipv4["$machine"] && read -r ipv6["$machine"]; } < <(drawn "$work/$machine.network-config" n6 | awk '$1 == "address" { sub("/.*", "", $2); print $2 }')
done

are_distinct() {
    local all
    all=$(printf '%s\n' "${ipv4[@]}" "${ipv6[@]}" | grep . | sort)
    echo "$all"
    [ "$(wc -l <<<"$all")" = $((2 * ${#everyone[@]})) ] && [ -z "$(uniq -d <<<"$all")" ]
}

# The kernel derives the route of an interface's own network from address and length; it is the prefix that the site declares.
are_of_n6() {
    local one interface
    for one in "${everyone[@]}"; do
        interface=net1
        [ -e "$work/$one.result" ] || interface=n6
        [ "$(ip -j -n "$one" -4 route show dev "$interface" proto kernel | jq -r '.[].dst')" = 10.20.6.0/24 ] || { ip -n "$one" route; return 1; }
        ip -j -n "$one" -6 route show dev "$interface" proto kernel | jq -e 'any(.dst == "fd20:0:0:606::/64")' || { ip -n "$one" -6 route; return 1; }
    done
}

check 'all have an IPv4 and an IPv6 address, and no two have the same' are_distinct
check "all addresses are of n6's prefixes" are_of_n6
show weft ipam leases n6

# ── Who reaches whom ────────────────────────────────────────────────────────────────────────────────────────────────────

title '5. Who reaches whom'

are_settled() {
    local one
    for one in "${everyone[@]}"; do
        await 10 is_settled "$one" || { ip -n "$one" address; return 1; }
    done
}

# each_reaches_each FAMILY PING-OPTION…: every pair; an answer is proof of both ways.
each_reaches_each() {
    local -n address=$1
    local from to
    local -a asked=()
    for from in "${everyone[@]}"; do
        for to in "${everyone[@]}"; do
            [[ $from < $to ]] || continue
            { ip netns exec "$from" ping -n -q -c 1 -W 3 "${@:2}" "${address[$to]}" >/dev/null || echo "$from does not reach $to, ${address[$to]}"; } &
            asked+=($!)
        done
        wait "${asked[@]}"
    done >"$work/unreached"
    cat "$work/unreached"
    [ ! -s "$work/unreached" ]
}

pairs=$((${#everyone[@]} * (${#everyone[@]} - 1) / 2))
check 'no address is a duplicate to the kernel (IPv6 DAD is over)' are_settled
check "each reaches each by IPv4 ($pairs pairs of pods and machines)" each_reaches_each ipv4
check "each reaches each by IPv6 ($pairs pairs)" each_reaches_each ipv6
check "8900 bytes go through unfragmented by IPv4 ($pairs pairs)" each_reaches_each ipv4 -M 'do' -s 8900
check "8900 bytes go through unfragmented by IPv6 ($pairs pairs)" each_reaches_each ipv6 -M 'do' -s 8900

# ── Whose is it ─────────────────────────────────────────────────────────────────────────────────────────────────────────

title '6. Whose is an address'

cluster_of() { echo "${node_of[$1]%-*}"; }

# is_held ADDRESS HOLDER CLUSTER: what weft who answers; the cluster is empty for a virtual machine.
is_held() {
    weft who "$1" -o json | tee /dev/stderr | jq -e --arg holder "$2" --arg cluster "$3" \
        'any(.answers[]; .state == "Leased" and .holder == $holder and ((.cluster // "") | split("/") | last // "") == $cluster)'
}

is_free() { weft who "$1" -o json | tee /dev/stderr | jq -e 'all(.answers[]; .state == "Free" or .state == "Cooling" or .state == "InBlock")'; }

# pod_called KEY: what a person calls the pod.
pod_called() { echo "pod core/${name_of[$1]} net1 in $(cluster_of "$1") on ${node_of[$1]}"; }

show weft who "${ipv4[east-upf-0]}"
for pod in "${pods[@]}"; do
    check "weft who ${ipv4[$pod]}: $(pod_called "$pod")" is_held "${ipv4[$pod]}" "$(pod_called "$pod")" "$(cluster_of "$pod")"
    check "weft who ${ipv6[$pod]}: the same" is_held "${ipv6[$pod]}" "$(pod_called "$pod")" "$(cluster_of "$pod")"
done
for machine in "${machines[@]}"; do
    check "weft who ${ipv4[$machine]}: virtual machine $machine n6" is_held "${ipv4[$machine]}" "virtual machine $machine n6" ''
    check "weft who ${ipv6[$machine]}: the same" is_held "${ipv6[$machine]}" "virtual machine $machine n6" ''
done
check "weft ipam show n6: ${#everyone[@]} of each family are used" test "$(used)" = "[${#everyone[@]},${#everyone[@]}]"
show weft ipam show n6

# ── Asked again, asked for more ─────────────────────────────────────────────────────────────────────────────────────────

title '7. The plugin, asked again and asked for a certain address'

# A runtime that has lost the answer asks again; weft-ipam answers the same. (macvlan itself refuses, since net1 is there.)
answers_the_same() {
    definition "$1" | cni ADD "$1" weft-ipam >"$work/again" || return 1
    diff <(jq -S '.ips | map({address, gateway})' "$work/again") <(jq -S '.ips | map({address, gateway})' "$work/$1.result")
}

all_check() {
    local pod
    for pod in "${pods[@]}"; do
        again CHECK "$pod" || { echo "$pod"; return 1; }
    done
}

is_given() { add_fixed "$1" "$2" && [ "$(addresses "$1" | head -n 1)" = "$2" ] && is_held "$2" "$(pod_called "$1")" "$(cluster_of "$1")"; }

# is_refused CODE WORD COMMAND…: a refusal as CNI wants it, which names what stands in the way.
is_refused() {
    ! "${@:3}" || return 1
    cat "$work/refused.result"
    jq -e --argjson code "$1" --arg word "$2" '.code == $code and (.msg | contains($word))' "$work/refused.result"
}

check "ADD again: core/upf-0 of core-east gets ${ipv4[east-upf-0]} again" answers_the_same east-upf-0
check 'CHECK passes for every pod' all_check
make_pod fixed core-west-w1 dns-0
check 'a pod that asks for 10.20.6.77 gets it' is_given fixed 10.20.6.77
make_pod refused core-west-w1 dns-1
check "a pod that asks for probe1's ${ipv4[probe1]} is refused (100), and told whose it is" is_refused 100 probe1 add_fixed refused "${ipv4[probe1]}"
say "$(jq -r .msg "$work/refused.result")"

# The runtime calls DEL after an ADD that failed; it must not free what another holds.
gives_up() { definition refused | cni DEL refused /usr/lib/cni/macvlan && is_held "${ipv4[probe1]}" 'virtual machine probe1 n6' ''; }
check "DEL of the pod that got nothing leaves probe1's address alone" gives_up

# ── Restarts ────────────────────────────────────────────────────────────────────────────────────────────────────────────

title '8. An agent is restarted; weftd is gone for a while'

weftd_stops() {
    kill -TERM "$weftd"
    wait "$weftd"
}

socket_is_there() { on core-east-w1 test -S /run/weft/agent.sock; }

agent_starts() {
    start_agent core-east-w1
    await 15 socket_is_there
}

check 'the agent of core-east-w1 stops (SIGTERM)' stop_agent core-east-w1
check 'it starts anew, without a token' agent_starts
check 'it answers the same for the pods it knew' answers_the_same east-upf-0
check 'weftd stops (SIGTERM)' weftd_stops
check 'ADD again: the agent knows the answer' answers_the_same west-upf-0
check 'CHECK passes for every pod' all_check
make_pod cut-off core-west-w1 dns-2
check "a new pod gets its addresses all the same: its node owns some" add cut-off
{ read -r ipv4[cut-off] && read -r ipv6[cut-off]; } < <(addresses cut-off)
check 'a pod that asks for 10.20.6.78 is told to try later (11): only weftd gives that' is_refused 11 '' add_fixed refused 10.20.6.78
check 'DEL succeeds' again DEL west-smf-0
check 'weftd starts anew' start_weftd
check 'the release arrives: weft who names nobody any more' await 45 is_free "${ipv4[west-smf-0]}"
check "weft who ${ipv4[cut-off]}, given meanwhile: $(pod_called cut-off)" await 45 is_held "${ipv4[cut-off]}" "$(pod_called cut-off)" "$(cluster_of cut-off)"

# With --keep the pods stay, to be looked at.
[ -z "$keep" ] || exit

# ── All is given back ───────────────────────────────────────────────────────────────────────────────────────────────────

title '9. All is given back'

deleted() {
    again DEL "$1" && ! ip -n "$1" link show net1
}

are_free() {
    local pod
    for pod in "${pods[@]}" cut-off fixed; do
        await 10 is_free "${ipv4[$pod]-10.20.6.77}" || return 1
        [ "$pod" = fixed ] || await 10 is_free "${ipv6[$pod]}" || return 1
    done
}

is_as_before() { [ "$(used)" = "$used_before" ]; }

for pod in "${pods[@]}" cut-off fixed; do
    check "DEL core/${name_of[$pod]} on ${node_of[$pod]}" deleted "$pod"
done
check 'weft who names nobody for any address' are_free
check 'as many addresses of n6 are used as before the first pod' await 10 is_as_before
check 'DEL once more does no harm' again DEL west-smf-0
