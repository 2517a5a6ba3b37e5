# What the lab itself stands on: VLANs, ipvlan, virtual functions, vfio-pci and testpmd work in this guest, without Weft
fabric
open_vlan 100
far tor100 100 10.1.0.254/24 fd01::fe/64
far tor200 200 10.2.0.254/24
ip link set port0 up
up port0

ip link add link port0 name v100 type vlan id 100
ip address add 10.1.0.1/24 dev v100
ip link set v100 up
listen /tmp/wire icmp or vlan
ok tagged-reaches-far 'soon 6 "ping -c1 -W1 10.1.0.254"'
hush
ok tag-on-the-wire 'grep "vlan 100" /tmp/wire | grep "10.1.0.1 > 10.1.0.254: ICMP echo request"'
shut_vlan 100
no shut-vlan-drops 'ping -c3 -i0.3 -W1 10.1.0.254'
open_vlan 100
ok open-vlan-passes 'soon 6 "ping -c1 -W1 10.1.0.254"'

# In l2 mode the far side asks for a pod's address by ARP; in l3 mode nobody answers that, and it needs a route through the parent.
ip -n tor100 route add 10.9.0.0/24 via 10.1.0.1
for pod in l2=10.1.0.20/24 l3=10.9.0.20/32; do
    mode=${pod%=*}
    ip netns add $mode
    ip link add link v100 name ipv type ipvlan mode $mode
    ip link set ipv netns $mode
    ip -n $mode address add ${pod#*=} dev ipv
    ip -n $mode link set ipv up
    [ $mode = l2 ] || ip -n $mode route add default dev ipv
    ok ipvlan-$mode-reaches-far "reaches $mode 10.1.0.254"
    ip netns del $mode
done
ip link del v100

device=/sys/class/net/port0/device
echo 0 >$device/sriov_drivers_autoprobe
echo 2 >$device/sriov_numvfs
ip link set port0 vf 0 mac 02:00:00:00:00:a0 vlan 100
echo igbvf >$device/virtfn0/driver_override
basename "$(readlink $device/virtfn0)" >/sys/bus/pci/drivers_probe
ip netns add pod
ip link set "$(ls $device/virtfn0/net)" netns pod name net1
ip -n pod address add 10.1.0.3/24 dev net1
ip -n pod link set net1 up
listen /tmp/wire vlan
ok function-in-vlan-reaches-far 'reaches pod 10.1.0.254'
hush
ok card-tags 'grep "vlan 100" /tmp/wire | grep "10.1.0.3 > 10.1.0.254"'

ip link set port0 vf 1 mac 02:00:00:00:00:a1 vlan 100
echo vfio-pci >$device/virtfn1/driver_override
modprobe vfio-pci
basename "$(readlink $device/virtfn1)" >/sys/bus/pci/drivers_probe
ok vfio-pci-binds "[ \$(basename \$(readlink $device/virtfn1/driver)) = vfio-pci ]"
hugepages
ok testpmd-starts "testpmd $(basename "$(readlink $device/virtfn1)")"
ok testpmd-answers 'reaches tor100 10.1.0.9'
testpmd_ends
ok testpmd-counts 'grep "RX-packets: [1-9]" /tmp/testpmd'
