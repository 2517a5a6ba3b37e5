# Weft in the machine: the control plane in the namespace `control`, the agent on the node, plugins as a container runtime calls them.

cluster=$scenario
node=$cluster-w1
# So that a change that cuts the node off is taken back within a test's patience; the default is 30 s.
rollback_after=8
manifests=/var/lib/weft/manifests
export PATH=$PATH:/weft

# control: weftd beyond a wire of its own, so that the way to it can be cut.
control() {
    ip netns add control
    ip link add management address 02:00:5e:00:53:0a type veth peer name eth0 address 02:00:5e:00:53:01 netns control
    ip address add 192.0.2.10/24 dev management
    ip link set management up
    ip -n control address add 192.0.2.1/24 dev eth0
    ip -n control link set eth0 up
    ip -n control link set lo up
    within control weftd serve --data /var/lib/weftd --listen 0.0.0.0:7433 --plain-http >/tmp/weftd.out 2>/tmp/weftd.log &
    soon 60 'grep -q "listening on" /tmp/weftd.out' || { cat /tmp/weftd.out /tmp/weftd.log; return 1; }
    weft config set-context lab --server http://192.0.2.1:7433 --token-file /var/lib/weftd/admin.token \
        --subscription 5be00000-0000-4000-8000-0000000005a0 --resource-group edge-east
    weft config use-context lab
}

# site: the example's networks, and this scenario's cluster.
site() {
    mkdir -p /tmp/site
    cp /examples/5g-site/[0-4]*.yaml "/lab/site/$scenario.yaml" /tmp/site/
    weft apply -f /tmp/site
}

# agent: started, and back once it has reported the newest picture as applied.
agent() {
    weft agent token --cluster "$cluster" --node "$node" --out /tmp/token
    start_agent
    applied
}

# policy: what the node says weftd may touch of it, in place of what it said before.
policy() { echo "$1" >/tmp/policy.new && chmod 600 /tmp/policy.new && mv /tmp/policy.new /tmp/policy.json; }

start_agent() {
    [ -e /tmp/policy.json ] || policy '{}'
    weft-agent --server http://192.0.2.1:7433 --state /var/lib/weft --name "$node" --node "$node" --enrollment-token-file /tmp/token \
        --apply-node --node-policy /tmp/policy.json --rollback-after $rollback_after >>/tmp/agent.log 2>&1 &
    agent=$!
}

# applied: within 90 s, which is for a machine that others keep busy, the agent has reported the picture as applied, and weftd says so.
# The log is asked first: starting weft over and over would take more of the machine than all the rest.
applied() { soon 90 'grep -q "reported state=Applied" /tmp/agent.log' && soon 20 '[ "$(state_of_agent)" = Applied ]'; }
state_of_agent() { weft get agents --cluster "$cluster" -o json 2>/dev/null | jq -r '.[0].properties.status.state'; }

# steps: how often the agent has changed anything on the node.
steps() { grep -c node-step /tmp/agent.log; }

# unchanged: the check `nothing-is-done-twice`: over one more pass of the agent, which makes one every 5 s.
unchanged() {
    steps_before=$(steps)
    sleep 6
    ok nothing-is-done-twice '[ $(steps) = $steps_before ]'
}

# ── Pods ────────────────────────────────────────────────────────────────────────────────────────────────────────────────

# definition NAME: the CNI configuration of a NetworkAttachmentDefinition, byte for byte as the agent wrote it.
definition() { jq -j .spec.config "$manifests/default__networkattachmentdefinition__$1.json"; }

# cni VERB POD INTERFACE: runs what is on stdin, one plugin or a chain, as a container runtime does; the result is kept in /tmp/POD.INTERFACE.
cni() {
    local verb=$1 pod=$2 interface=$3 configuration count each i
    configuration=$(cat)
    ip netns list | grep -qw "$pod" || ip netns add "$pod"
    count=$(echo "$configuration" | jq '.plugins // [.] | length')
    i=0
    while [ $i -lt "$count" ]; do
        each=$i
        # What came last is taken away first.
        [ "$verb" = DEL ] && each=$((count - 1 - i))
        echo "$configuration" | jq -c --argjson each $each --slurpfile before "$(if [ "$verb$i" = ADD0 ]; then echo /dev/null; else echo "/tmp/$pod.$interface"; fi)" \
            '. as $all | (.plugins // [.])[$each] + {cniVersion, name} + (if $before == [] then {} else {prevResult: $before[0]} end) | . as $plugin
             | ($all.runtimeConfig // {} | with_entries(select($plugin.capabilities[.key]))) as $given
             | if $given == {} then del(.runtimeConfig) else .runtimeConfig = $given end' >/tmp/cni.in
        CNI_COMMAND=$verb CNI_CONTAINERID="lab-$pod" CNI_NETNS="/run/netns/$pod" CNI_IFNAME=$interface CNI_PATH=/usr/lib/cni:/weft \
            CNI_ARGS="IgnoreUnknown=1;K8S_POD_NAMESPACE=core;K8S_POD_NAME=$pod;K8S_POD_INFRA_CONTAINER_ID=lab-$pod;K8S_POD_UID=uid-$pod" \
            "$(plugin "$(jq -r .type /tmp/cni.in)")" </tmp/cni.in >/tmp/cni.out || { cat /tmp/cni.out; return 1; }
        [ "$verb" = ADD ] && cp /tmp/cni.out "/tmp/$pod.$interface"
        i=$((i + 1))
    done
    cat /tmp/cni.out
}

plugin() { [ -x "/usr/lib/cni/$1" ] && echo "/usr/lib/cni/$1" || echo "/weft/$1"; }

# address POD INTERFACE FAMILY: the one that the plugins say it has.
address() { jq -r --arg sign "$(if [ "$3" = 6 ]; then echo :; else echo .; fi)" '[.ips[].address | select(contains($sign))][0] | sub("/.*"; "")' "/tmp/$1.$2"; }

# trouble: what the programs said, where something failed.
trouble() {
    [ "$bad" = 0 ] && return
    [ ! -e /tmp/apply ] || { echo "-- apply"; tail -20 /tmp/apply; }
    echo "-- weftd"; tail -20 /tmp/weftd.log
    echo "-- agent"; tail -40 /tmp/agent.log
}
