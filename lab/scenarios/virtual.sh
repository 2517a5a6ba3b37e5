# A virtual node: its host hands over a function, the drawn chain of host-device and tuning moves it into the pod
fabric
open_vlan 606
far far606 606 10.20.6.1/24
# The host's part: a function with its VLAN and MAC address, which the node finds as a network interface.
device=/sys/class/net/port0/device
ip link set port0 mtu 9000 up
echo 0 >$device/sriov_drivers_autoprobe
echo 1 >$device/sriov_numvfs
ip link set port0 vf 0 mac 02:00:00:00:06:01 vlan 606
echo igbvf >$device/virtfn0/driver_override
basename "$(readlink $device/virtfn0)" >/sys/bus/pci/drivers_probe
soon 10 'ls $device/virtfn0/net | grep -q .'

ok weftd-serves control
ok site-is-applied site
ok agent-applies agent
ok device-is-ready 'ip link show "$(ls $device/virtfn0/net)" | grep "mtu 9000" | grep "[<,]UP"'
# As Multus does for a definition with the capability deviceID.
ok pod-gets-device 'definition n6 | jq -c ".runtimeConfig = {deviceID: \"$(basename "$(readlink $device/virtfn0)")\"}" | cni ADD one net1'
ok device-is-in-the-pod 'ip -n one link show net1 | grep "mtu 9000" && ip -n one link show net1 | grep 02:00:00:00:06:01'
listen /tmp/wire vlan
ok pod-reaches-far 'soon 20 "within one ping -c1 -W1 10.20.6.1"'
hush
ok tag-on-the-wire 'grep "vlan 606" /tmp/wire | grep "> 10.20.6.1: ICMP echo request"'
barred fabric-drops-shut-vlan one 10.20.6.1 'shut_vlan 606' 'open_vlan 606'
ok device-comes-back 'definition n6 | jq -c ".runtimeConfig = {deviceID: \"$(basename "$(readlink $device/virtfn0)")\"}" | cni DEL one net1 && ls $device/virtfn0/net | grep .'
