# OSDevice and MACVLAN: sub-interfaces, addresses and MTU as drawn; drift mended, nothing done twice, a change that cuts the node off taken back
fabric
for vlan in 600 602 603 604 606 750; do open_vlan $vlan; done
far far600 600 10.20.0.1/24 fd20:0:0:600::1/64
far far602 602 10.20.2.1/24 fd20:0:0:602::1/64
far far603 603 10.20.3.1/24 fd20:0:0:603::1/64
far far604 604 10.20.4.1/24 fd20:0:0:604::1/64
far far606 606 10.20.6.1/24 fd20:0:0:606::1/64
ok weftd-serves control
ok site-is-applied site
ok agent-applies agent

ok interface-tags 'ip -d link show n4 | grep "vlan protocol 802.1Q id 604"'
ok interface-has-mtu 'ip link show n4 | grep "mtu 9000"'
ok trunk-has-each-vlan 'for vlan in 602 603 750; do ip -d link show ran.$vlan | grep "id $vlan " || return 1; done'
ok address-of-each-family 'ip -4 address show n4 | grep 10.20.4. && ip -6 address show n4 | grep fd20:0:0:604::'
ok address-on-the-trunk 'ip -4 address show ran.602 | grep 10.20.2. && ! ip -4 address show ran.750 | grep inet'
ok no-default-route '! ip -4 route show default | grep . && ! ip -6 route show default | grep .'
listen /tmp/wire vlan
ok reaches-by-ipv4 'soon 10 "ping -c1 -W1 10.20.4.1"'
hush
ok tag-on-the-wire 'grep "vlan 604" /tmp/wire | grep "> 10.20.4.1: ICMP echo request"'
ok reaches-by-ipv6 'soon 10 "ping -c1 -W1 fd20:0:0:604::1"'
ok wide-frames-pass 'ping -c2 -W2 -M do -s 8900 10.20.4.1'
ok reaches-on-the-trunk 'soon 6 "ping -c1 -W1 10.20.2.1"'
ok verify-proves-the-node 'weft verify --cluster "$cluster" --detailed'
shut_vlan 604
no shut-vlan-drops 'ping -c3 -i0.3 -W1 10.20.4.1'
no verify-sees-the-shut-vlan 'weft verify --cluster "$cluster" >/tmp/verify 2>&1'
ok verify-says-where 'grep "n4" /tmp/verify | grep -E "Vlan|Gateway"'
open_vlan 604
ok open-vlan-passes 'soon 6 "ping -c1 -W1 10.20.4.1"'

ok pod-gets-address 'definition n6 | cni ADD upf net1'
ok pod-reaches-far "reaches upf 10.20.6.1 && reaches upf fd20:0:0:606::1"
ok verify-proves-the-pod 'weft-agent verify --configuration /var/lib/weft/desired.json --node "$node" --netns /run/netns/upf --network n6 --interface net1'
ok address-is-the-pools "weft who $(address upf net1 4) | grep core/upf"

ok made-by-the-agent '[ $(steps) -gt 0 ]'
ok asked-by-hand-nothing-to-do 'weft-agent node plan -f /var/lib/weft/desired.json --node "$node" --state /var/lib/weft | grep "nothing to do"'
before=$(steps)
kill $agent
wait $agent
start_agent
ok agent-starts-again 'soon 60 "[ \$(grep -c \"reported.*state=Applied\" /tmp/agent.log) -ge 2 ]"'
unchanged
ok second-time-changes-nothing '[ $(steps) = $before ]'

ip link delete n4
ok deleted-interface-is-back 'soon 15 "ip -4 address show n4 | grep -q 10.20.4."'
ok deleted-interface-reaches 'soon 6 "ping -c1 -W1 10.20.4.1"'
ip link set ran.602 mtu 1400
ok mtu-is-back 'soon 15 "ip link show ran.602 | grep -q \"mtu 9000\""'
ip -4 address flush dev n4
ok address-is-back 'soon 15 "ip -4 address show n4 | grep -q 10.20.4."'

# Applied but for what the policy refuses, and taken back once the policy lets it through: nobody waits for it here.
weft apply -f /lab/site/cut.yaml --timeout 2m >/tmp/apply 2>&1 &
applying=$!
ok policy-refuses-it 'soon 60 "weft get agents --cluster $cluster -o json 2>/dev/null | grep -q \"management.protect: it overlaps 192.0.2\"" && ping -c1 -W1 192.0.2.1'
# The node's administrator lets it through: then it is the rollback's.
policy '{"management":{"protect":false}}'
ok change-cuts-the-node-off 'soon 60 "ip route get 192.0.2.1 | grep -q trap"'
# The interface was let through before, and stays; what cut the way was its address.
ok change-is-taken-back 'soon 60 "! ip -4 address show trap | grep -q 192.0.2."'
ok way-is-back 'soon 10 "ping -c1 -W1 192.0.2.1"'
ok others-stayed 'soon 6 "ping -c1 -W1 10.20.4.1" && reaches upf 10.20.6.1'
ok agent-says-why 'soon 60 "grep -q \"reported state=Failed\" /tmp/agent.log" && soon 20 "weft get agents --cluster $cluster -o json 2>/dev/null | grep -q \"was taken back\""'
kill $applying 2>/dev/null
