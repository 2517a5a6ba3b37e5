# SRIOV: functions made and set up by the agent; the card tags for N6, and on the trunk the workload does
fabric
for vlan in 602 603 606; do open_vlan $vlan; done
far far602 602 10.20.2.1/24
far far603 603 10.20.3.1/24
far far606 606 10.20.6.1/24 fd20:0:0:606::1/64
ok weftd-serves control
ok site-is-applied site
ok agent-applies agent

device=/sys/class/net/port0/device
pci() { basename "$(readlink $device/virtfn"$1")"; }
# function NUMBER WORDS…: what the port says of it.
function_has() {
    local number=$1 word
    shift
    for word; do ip link show port0 | grep "vf $number " | grep -q -- "$word" || { ip link show port0; return 1; }; done
}
ok functions-are-made '[ $(cat $device/sriov_numvfs) = 3 ]'
ok functions-have-the-vlan 'function_has 0 "vlan 606" "spoof checking on" "trust off" && function_has 1 "vlan 606"'
ok trunk-function-is-free 'function_has 2 "spoof checking off" "trust on" && ! function_has 2 "vlan"'
ok functions-have-a-driver '[ $(basename $(readlink $device/virtfn0/driver)) = igbvf ]'

ok inventory-knows-the-functions 'soon 60 "weft inventory --cluster $cluster --functions -o json 2>/dev/null >/tmp/inventory; grep -q igbvf /tmp/inventory" && grep "$(pci 2)" /tmp/inventory'

# Debian has no sriov-cni. host-device hands over the function, as it does on a virtual node; addresses are those of the definition.
by_host_device() { definition "$1" | jq -c --arg pci "$(pci "$2")" '{cniVersion, name, type: "host-device", pciBusID: $pci} + (if .ipam then {ipam} else {} end)'; }
ok pod-gets-function 'by_host_device n6 0 | cni ADD one net1'
listen /tmp/wire vlan or icmp
within one tcpdump --immediate-mode -lnne -i net1 icmp >/tmp/pod 2>/tmp/pod.err &
inside=$!
soon 20 'grep -q "listening on" /tmp/pod.err'
ok pod-reaches-far 'soon 20 "within one ping -c1 -W1 10.20.6.1"'
ok pod-reaches-far-by-ipv6 'reaches one fd20:0:0:606::1'
hush
kill $inside
ok tag-on-the-wire 'grep "vlan 606" /tmp/wire | grep "> 10.20.6.1: ICMP echo request"'
ok no-tag-in-the-pod 'grep "> 10.20.6.1: ICMP echo request" /tmp/pod && ! grep vlan /tmp/pod && ! ip -n one -d link show | grep 802.1Q'
barred fabric-drops-shut-vlan one 10.20.6.1 'shut_vlan 606' 'open_vlan 606'

ok second-pod-gets-function 'by_host_device n6 1 | cni ADD two net1'
ok functions-of-one-network-meet "soon 20 'within two ping -c1 -W1 $(address one net1 4)'"

# A foreign MAC address: a child of the function's interface that has another. The port keeps its own list of who hears what.
ip -n two link add link net1 name foreign address 02:66:66:66:66:66 type macvlan mode bridge
ip -n two link set foreign up
ip netns add foreign
ip -n two link set foreign netns foreign
ip -n foreign address add 10.20.6.200/24 dev foreign
ip -n foreign link set foreign up
ok before-foreign-mac 'reaches two 10.20.6.1'
no foreign-mac-hears-nothing 'within foreign ping -c3 -i0.3 -W1 10.20.6.1'
ok after-foreign-mac 'reaches two 10.20.6.1'

ok trunk-pod-gets-function 'by_host_device ran 2 | cni ADD trunk net1'
ip -n trunk link set net1 up
for vlan in 602:10.20.2.50 603:10.20.3.50; do
    ip -n trunk link add link net1 name net1.${vlan%:*} type vlan id ${vlan%:*}
    ip -n trunk address add ${vlan#*:}/24 dev net1.${vlan%:*}
    ip -n trunk link set net1.${vlan%:*} up
done
listen /tmp/wire vlan
ok trunk-pod-tags-602 'soon 20 "within trunk ping -c1 -W1 10.20.2.1"'
ok trunk-pod-tags-603 'reaches trunk 10.20.3.1'
hush
ok trunk-tags-on-the-wire 'grep "vlan 602" /tmp/wire | grep "10.20.2.50 > 10.20.2.1" && grep "vlan 603" /tmp/wire | grep "10.20.3.50 > 10.20.3.1"'

unchanged
ok functions-in-use-are-left-alone 'reaches one 10.20.6.1'

ok function-comes-back 'by_host_device n6 1 | cni DEL two net1 && ls $device/virtfn1/net | grep .'
ok function-is-ready-again 'soon 20 "ip link show \$(ls $device/virtfn1/net) | grep mtu.9000 | grep -q [,]UP"'
# Somebody sets another VLAN on a function that nobody has.
ip link set port0 vf 1 vlan 603
ok vlan-of-function-is-back 'soon 15 "ip link show port0 | grep \"vf 1 \" | grep -q \"vlan 606\""'
