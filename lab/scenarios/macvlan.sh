# MACVLAN on a trunk: pods tag for themselves; the guard passes the trunk's VLANs and drops others, both ways, and siblings don't meet
fabric
# The fabric lets pass more than the trunk does, so that what is dropped is the guard's doing.
for vlan in 600 602 603 604 750; do open_vlan $vlan; done
far far602 602 10.20.2.1/24 fd20:0:0:602::1/64
far far603 603 10.20.3.1/24 fd20:0:0:603::1/64
far far604 604 10.20.4.1/24
far far600 600 10.20.0.1/24 fd20:0:0:600::1/64
ok weftd-serves control
ok site-is-applied site
ok agent-applies agent

for pod in one two; do ok pod-$pod-is-attached "definition ran | cni ADD $pod net1"; done
# tags POD VLAN ADDRESS: as the function in the pod does.
tags() {
    ip -n "$1" link add link net1 name "net1.$2" type vlan id "$2"
    ip -n "$1" address add "$3" dev "net1.$2"
    ip -n "$1" link set "net1.$2" up
}
tags one 602 10.20.2.11/24
tags one 604 10.20.4.11/24
tags two 602 10.20.2.12/24
tags two 604 10.20.4.12/24

ok listed-tag-passes 'reaches one 10.20.2.1'
ok listed-tag-passes-inwards 'reaches far602 10.20.2.11'
listen /tmp/wire ether host "$(ip -j -n one link show net1 | jq -r '.[0].address')"
no other-tag-is-dropped 'within one ping -c3 -i0.3 -W1 10.20.4.1'
ok listed-tag-passes-still 'reaches one 10.20.2.1'
hush
ok wire-saw-the-listed 'grep "vlan 602" /tmp/wire'
no wire-saw-no-other 'grep "vlan 604" /tmp/wire'
# The node's own interface on the same port.
ok node-keeps-its-own-vlan 'soon 6 "ping -c1 -W1 10.20.0.1"'

# passed HOP: whether a check of that hop passed, and none failed.
passed() { jq -e --arg hop "$1" '[.. | objects | select(.hop? == $hop) | .state] | index("Passed") and (index("Failed") | not)' /tmp/verify; }
ok verify-proves-the-guard 'weft verify --cluster "$cluster" -o json >/tmp/verify && passed TagPasses && passed TagDropped || { jq -c ".. | objects | select(.state? == \"Failed\" or .state? == \"Skipped\")" /tmp/verify; return 1; }'

# Inwards: what the far side sends to everybody. The pod listens on net1, in front of its own VLANs.
within one tcpdump --immediate-mode -lnne -i net1 arp >/tmp/pod 2>/tmp/pod.err &
inside=$!
soon 10 'grep -q "listening on" /tmp/pod.err'
for far in far602:10.20.2 far604:10.20.4 far600:10.20.0; do within ${far%:*} ping -c2 -i0.3 -W1 ${far#*:}.99 >/dev/null; done
sleep 0.3
kill $inside
ok pod-hears-the-listed 'grep "vlan 602" /tmp/pod | grep "who-has 10.20.2.99"'
no pod-hears-no-other 'grep -E "who-has 10.20.4.99|who-has 10.20.0.99" /tmp/pod'

no siblings-do-not-meet 'within one ping -c3 -i0.3 -W1 10.20.2.12'
no siblings-do-not-meet-on-another-tag 'within one ping -c3 -i0.3 -W1 10.20.4.12'
ok sibling-reaches-far 'reaches two 10.20.2.1'

# Without the guard the other tag passes; so it was the guard that dropped it. The agent is held meanwhile.
kill -STOP $agent
nft flush ruleset
ok without-guard-other-tag-passes 'reaches one 10.20.4.1'
kill -CONT $agent
ok guard-is-back 'soon 15 "nft list ruleset | grep -q 602"'
no other-tag-is-dropped-again 'within one ping -c3 -i0.3 -W1 10.20.4.1'
ok listed-tag-passes-again 'reaches one 10.20.2.1'
