# IPVLAN: N6 with addresses from its pool, the trunk with an interface for each VLAN by weft-trunk, and one VLAN of it alone
fabric
for vlan in 602 603 606 750; do open_vlan $vlan; done
far far602 602 10.20.2.1/24 fd20:0:0:602::1/64
far far603 603 10.20.3.1/24
far far606 606 10.20.6.1/24 fd20:0:0:606::1/64
far far750 750 192.0.2.129/26
ok weftd-serves control
ok site-is-applied site
ok agent-applies agent

ok first-gets-addresses 'definition n6 | cni ADD one net1'
ok second-gets-addresses 'definition n6 | cni ADD two net1'
ok addresses-differ '[ "$(address one net1 4)" != "$(address two net1 4)" ]'
ok first-reaches-far 'reaches one 10.20.6.1 && reaches one fd20:0:0:606::1'
ok second-reaches-far 'reaches two 10.20.6.1'
ok siblings-meet "reaches one $(address two net1 4)"
listen /tmp/wire icmp
reaches two 10.20.6.1
hush
ok one-mac-on-the-wire 'grep "52:54:00:00:01:01 > .*vlan 606.*$(address two net1 4) > 10.20.6.1" /tmp/wire'
barred fabric-drops-shut-vlan one 10.20.6.1 'shut_vlan 606' 'open_vlan 606'
ok address-is-the-pools "weft who $(address one net1 4) | grep core/one"
ok address-goes-back 'definition n6 | cni DEL two net1 && soon 10 "weft who $(address two net1 4) | grep -Eq \"Free|Cooling|InBlock\""'

ok trunk-is-attached 'definition ran | cni ADD ran net1'
ok trunk-has-pools-vlans 'ip -n ran -d link show net1.602 | grep "ipvlan *mode l2" && ip -n ran -d link show net1.603 | grep ipvlan'
no trunk-has-no-vlan-without-address 'ip -n ran link show net1.750'
ok trunk-reaches-on-602 'reaches ran 10.20.2.1 && reaches ran fd20:0:0:602::1'
ok trunk-reaches-on-603 'reaches ran 10.20.3.1'
ok trunk-with-address-of-the-pod 'definition ran | jq -c ".args.cni.vlans.\"750\" = [\"192.0.2.130/26\"]" | cni ADD own net1'
ok trunk-reaches-on-750 'reaches own 192.0.2.129'
listen /tmp/wire vlan
reaches ran 10.20.3.1
hush
ok trunk-tag-on-the-wire 'grep "vlan 603" /tmp/wire | grep "> 10.20.3.1: ICMP echo request"'
ok trunk-goes 'definition ran | cni DEL ran net1 && ! ip -n ran link show net1.602'

ok one-vlan-is-attached 'definition ran-v602 | cni ADD only net1'
ok one-vlan-reaches-far 'reaches only 10.20.2.1'
no one-vlan-alone 'within only ping -c2 -i0.3 -W1 10.20.3.1'
