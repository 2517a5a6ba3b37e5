# guest.sh SCENARIO: what the machine does once it has started: one scenario, with what they all use.
scenario=$1
bad=0
. /lab/checks.sh
. /lab/fabric.sh
. /lab/weft.sh
. /lab/dpdk.sh
. "/lab/scenarios/$scenario.sh"
trouble
echo "RESULT bad=$bad"
[ "$bad" = 0 ]
