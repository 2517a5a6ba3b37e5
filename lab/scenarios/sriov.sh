# SRIOV: functions made and set up by the agent, the card tags for N6, the workload for itself on the trunk
agent_options=''
fabric
open_vlan 606
far router 606 10.20.6.1/24 fd20:0:0:606::1/64
ok weftd-serves control
ok site-is-applied site
ok agent-applies agent
cat /tmp/agent.log
ls -R /var/lib/weft
weft show node "$cluster/$node" -o json
weft get agents --cluster "$cluster" -o json
bad=1
