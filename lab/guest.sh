# guest.sh SCENARIO: what the machine does once it has started: one scenario, with what they all use.
bad=0
. /lab/checks.sh
. /lab/fabric.sh
. "/lab/scenarios/$1.sh"
echo "RESULT bad=$bad"
[ "$bad" = 0 ]
