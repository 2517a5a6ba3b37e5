# DPDK's own test program on a function: it answers each ping and ARP request as if the address were its.

hugepages() {
    echo 96 >/proc/sys/vm/nr_hugepages
    mkdir -p /dev/hugepages
    mount -t hugetlbfs hugetlbfs /dev/hugepages
}

# testpmd PCI-ADDRESS: returns once it answers.
testpmd() {
    rm -f /tmp/testpmd.in
    mkfifo /tmp/testpmd.in
    dpdk-testpmd -l 0-1 -n 1 -m 128 -a "$1" --in-memory -- -i --nb-cores=1 --forward-mode=icmpecho --total-num-mbufs=2048 --disable-rss </tmp/testpmd.in >/tmp/testpmd 2>&1 &
    exec 4>/tmp/testpmd.in
    soon 60 "grep -q 'testpmd>' /tmp/testpmd" || { cat /tmp/testpmd; return 1; }
    echo start >&4
    soon 10 'grep -q "icmpecho packet forwarding" /tmp/testpmd'
}

testpmd_ends() {
    echo 'show port stats all' >&4
    echo stop >&4
    echo quit >&4
    exec 4>&-
    soon 20 'grep -q "^Bye" /tmp/testpmd'
}
