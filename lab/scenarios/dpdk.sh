# DPDK: the agent gives the function to vfio-pci, and testpmd on it answers through the VLAN that the card tags with
fabric
open_vlan 606
far far606 606 10.20.6.1/24
hugepages
ok weftd-serves control
ok site-is-applied site
ok agent-applies agent

device=/sys/class/net/port0/device
function=$(basename "$(readlink $device/virtfn0)")
ok function-has-vfio-pci '[ "$(basename "$(readlink $device/virtfn0/driver)")" = vfio-pci ]'
ok function-has-the-vlan 'ip link show port0 | grep "vf 0 " | grep "vlan 606"'
ok group-is-the-functions-alone '[ "$(ls $device/virtfn0/iommu_group/devices)" = "$function" ] && ls /dev/vfio/"$(basename "$(readlink $device/virtfn0/iommu_group)")"'
ok testpmd-starts 'testpmd "$function"'
listen /tmp/wire vlan
barred testpmd-answers-not-over-a-shut-vlan far606 10.20.6.9 'shut_vlan 606' 'open_vlan 606'
hush
ok tag-on-the-wire 'grep "vlan 606" /tmp/wire | grep "10.20.6.9 > 10.20.6.1: ICMP echo reply"'
unchanged
ok still-answers 'reaches far606 10.20.6.9'
testpmd_ends
ok testpmd-counts 'grep "RX-packets: [1-9]" /tmp/testpmd'
