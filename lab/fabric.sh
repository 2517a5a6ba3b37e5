# The far end of the wire: a switch in the namespace `fabric`, whose port to the node lets pass the VLANs that were opened on it only.

node_mac=52:54:00:00:01:01
fabric_mac=52:54:00:00:01:02

# port_of MAC: the interface that has it.
port_of() { ip -o link show | sed -n "s/^[0-9]*: \([^:@]*\).* $1 .*/\1/p"; }

# up [NAMESPACE] INTERFACE: waits until it has a carrier.
up() { soon 15 "ip ${2:+-n $1} -o link show ${2:-$1} | grep -q LOWER_UP"; }

# fabric: the node's port becomes port0, as a person would have named it, and the switch stands.
fabric() {
    modprobe -a igb igbvf 8021q bridge
    soon 10 '[ -n "$(port_of $node_mac)" ] && [ -n "$(port_of $fabric_mac)" ]'
    ip link set "$(port_of $node_mac)" name port0
    ip netns add fabric
    ip link set "$(port_of $fabric_mac)" netns fabric name port
    ip -n fabric link add switch type bridge vlan_filtering 1 vlan_default_pvid 0
    ip -n fabric link set port mtu 9000 master switch
    ip -n fabric link set switch up
    ip -n fabric link set port up
}

open_vlan() { bridge -n fabric vlan add dev port vid "$1"; }
shut_vlan() { bridge -n fabric vlan del dev port vid "$1"; }

# far NAME VLAN ADDRESS…: something in that VLAN on the far side, as its access port gives it: without tags.
far() {
    local name=$1 vlan=$2
    shift 2
    ip netns add "$name"
    ip -n fabric link add "to-$name" mtu 9000 type veth peer name eth0 netns "$name"
    ip -n fabric link set "to-$name" master switch up
    bridge -n fabric vlan add dev "to-$name" vid "$vlan" pvid untagged
    ip -n "$name" link set eth0 mtu 9000 up
    local address
    for address; do
        case $address in
            *:*) ip -n "$name" address add "$address" dev eth0 nodad ;;
            *) ip -n "$name" address add "$address" dev eth0 ;;
        esac
    done
}

# listen FILE FILTER…: writes down what passes on the fabric's end of the wire, from when it returns until hush.
listen() {
    local file=$1
    shift
    within fabric tcpdump --immediate-mode -lnne -i port "$@" >"$file" 2>"$file.err" &
    listener=$!
    soon 10 "grep -q 'listening on' $file.err"
}
hush() { sleep 0.3; kill "$listener"; wait "$listener" 2>/dev/null; }
