"""Chapters over the programs: command lines, drawn files, agents, the plugins, the relay."""

import copy
import hashlib
import json
import pathlib
import shlex
import shutil
import socket
import socketserver
import subprocess
import threading
import urllib.parse

from chapters_api import ARM, CLOUD, EAST, FABRIC, OWN, RELAY, SITE
from record import SUBSCRIPTION
from stage import GROUP, ROOT, indent, short, wait

FIXTURES = pathlib.Path(__file__).resolve().parent / "fixtures"
KINDS = ["resourcegroups", "networkfabrics", "clusters", "l2isolationdomains", "l3isolationdomains", "internalnetworks", "l2networks", "l3networks", "trunkednetworks", "cloudservicesnetworks",
         "kubernetesclusters", "agentpools", "virtualmachines", "nodes", "agents", "leases", "relaynamespaces", "namespacerulesets", "hybridconnections", "namespacekeys", "connectionkeys", "networkrulesets"]


def helps(stage, program, path=()):
    """The help of a command and of everything below it, found in what the help itself lists."""
    outcome = stage.tell(program, *path, "--help")
    if program == "weftd" or len(path) > 4:
        return
    listed = outcome[1].split("Commands:\n", 1)
    for line in (listed[1].split("\n") if len(listed) > 1 else []):
        if not line.startswith("  ") or not line[2:3].strip():
            break
        helps(stage, program, (*path, line.split()[0].strip(",")))


def offline(stage):
    """All that needs no server: help, explain, wrong command lines, contexts, manifests from a folder."""
    stage.record.chapter("01-offline")
    tell = stage.tell
    for program in ("weft", "weftd", "weft-agent"):
        helps(stage, program)
        for arguments in ("", "--version", "-h", "-?", "--nonsense", "nonsense", "help"):
            tell(program, *arguments.split())
    stage.tell_all("weftd", ["serve", "serve --help", "serve --data", "serve --nonsense", "serve --data /nonexistent/x --listen nonsense", "serve --data /dev/null/x --listen 127.0.0.1",
                             "serve --data /dev/null/x --listen 0.0.0.0:0", "serve --data /dev/null/x --tls-cert a", "serve --data /dev/null/x --tls-cert a --tls-key b", "serve --data /dev/null/x --limits /nonexistent",
                             "serve --data /dev/null/x --relay-address y", "serve --data /dev/null/x --relay-listen 0.0.0.0:0", "serve --data /dev/null/x --relay-listen 127.0.0.1:0 --relay-address a:b:c",
                             "serve --data /dev/null/x --relay-listen 127.0.0.1:0 --relay-proxies nonsense,10.0.0.1/8", "serve --data=/dev/null/x --listen=[::1]", "serve --data /proc/nothing --listen 127.0.0.1:0",
                             "serve extra", "serve --relay-tls-key x --plain-http --nonsense --listen"])
    stage.tell_all("weft-agent", ["--server x", "--server http://127.0.0.1:1 --state /nonexistent/s --name UPPER", "--server ftp://x --state s --name a", "--server http://a --state s --name a --node A_B",
                                  "--server http://a --state s --name a --apply-node", "--server http://a --state s --name a --rollback-after -1", "--server http://a --state s --name a --drift no",
                                  "--server http://a --state s --name a --relay-target x", "--server http://a --state s --name a --relay-target ssh=169.254.169.254:80",
                                  "--server http://a --state s --name a --relay-drain x", "--server http://a --state s --name a --kubernetes --kubeconfig x", "--server http://a --state s --name a --context x",
                                  "--server http://a --state s --name a --node w --cluster-ca x", "--server http://a --state s --name a --webhook-listen nonsense",
                                  "--server http://a --state s --name a --leader-election maybe", "--server http://a --state s --name a --identity-secret x", "node", "node plan", "node apply",
                                  "node plan -f /nonexistent", "verify", "verify --configuration /nonexistent", "node plan -f examples/5g-site/01-group.yaml", "node plan -f x --node-network y",
                                  "verify --configuration examples/5g-site/01-group.yaml"])
    for kind in KINDS + ["nonsense", "l3network", "l3n", "L3Networks", "Microsoft.NetworkCloud/l3Networks", "No.Such/things", "l3networks.nonsense", "l3networks.properties.vlans", "l3netwroks", ""]:
        code, table, _ = tell("weft", "explain", kind)
        above = []
        for line in table.split("\n")[1:]:
            name = line.split("  ")[0] if not line.startswith(" ") else line[: len(line) - len(line.lstrip())] + line.split()[0]
            depth = (len(name) - len(name.lstrip())) // 2
            if name.strip() in ("", "MEMBER") or ":" in name or " " in name.strip() or "MEMBER" not in table:
                continue
            above = above[:depth] + [name.strip()]
            tell("weft", "explain", f"{kind}.{'.'.join(above)}")
    for shell in ("bash", "zsh", "fish", ""):
        tell("weft", "completion", *([shell] if shell else []))
    for line in ("weft ", "weft g", "weft get ", "weft get l3", "weft explain ", "weft config ", "weft relay ", "weft relay keys ", "weft manifests --f", "weft get l3networks -o ", "weft nonsense ",
                 "weft principal create x --role ", "weft manifests --cluster x --format ", "weft -", "weft"):
        for position in {len(line), 4, 5}:
            tell("weft", f"[suggest:{position}]", line)
    tell("weft", "[suggest:x]", "weft get ")
    for command in ("version", "get", "get nonsense", "get l3networks", "get l3netwroks", "get l3networks -o nonsense", "get l3networks --cluster x", "show", "show l3networks", "show l3networks a b", "delete",
                    "delete l3networks", "delete l3networks n6", "delete l3networks n6 --yes", "plan", "plan -f", "plan -f /nonexistent", "plan -f examples/5g-site", "apply -f /nonexistent",
                    "apply -f examples/5g-site --timeout x", "enable", "enable l3networks x", "enable l3isolationdomain", "disable l2isd x", "create", "create group", "create group x", "create nonsense x",
                    "manifests", "manifests --cluster", "manifests --cluster x --vm y", "manifests --cluster x --format nonsense", "manifests --cluster x --format netplan", "manifests --vm x --format libvirt --host y",
                    "inventory --functions --plugins", "who", "who vlan", "who a b c", "ipam", "ipam show", "lint", "lint -f /nonexistent", "drift x", "verify --pod x", "verify --timeout 0", "agent", "agent token",
                    "agent forget", "agent list x", "proxy", "ssh", "ssh-config", "stdio", "relay", "relay ls x", "relay check", "relay rules", "relay keys", "relay keys show x", "relay keys list",
                    "relay keys regenerate a/b", "relay listen", "principal", "principal create x", "principal create x --role nonsense", "principal show", "config", "config use-context x", "config delete-context x",
                    "config current-context", "config get-contexts", "config get-contexts -o json", "config get-contexts -o name", "--server nonsense get l3networks", "--context absent get l3networks",
                    "get l3networks --token-file /nonexistent --server http://127.0.0.1:9", "get l3networks --ca /nonexistent", "-o json", "@file", "get --nonsense", "plan --nonsense", "version -o json"):
        tell("weft", *command.split())
    for body, what in (("", "nothing"), ("a: [", "no YAML"), ("- 1\n", "a list of a number"), ("{}", "an empty object"), ("id: x\n", "no id"), ("id: /subscriptions/a/resourceGroups/b\n<<: {}\n", "a merge key"),
                       ("type: l3networks\n", "no name"), ("type: nonsense\nname: x\n", "no type"), ("type: agentpools\nname: x\n", "no parent"), ("name: x\n", "a name alone"), ("a: 1\na: 2\n", "a member twice"),
                       ('{"id":"x",}', "a comma too many"), ("id: /subscriptions/a/resourceGroups/b\nvalue: [1]\n", "id and value"), ("value:\n- id: x\n- 7\n", "a list with faults"),
                       ("a: &x {b: *x}\n", "an alias of itself"), ("a: !tag b\n", "a tag"), ("\t- a\n", "a tabulator"), ("--- a\n--- b\n", "texts")):
        for more in (["--server", "http://127.0.0.1:9", "-s", SUBSCRIPTION, "-g", "edge-east"],):
            tell("weft", "plan", "-f", "-", *more, given=body, title=f"weft plan -f - with {what}")
    for command in (["set-context", "a", "--server", "http://127.0.0.1:9"], ["set-context", "b", "--server", "https://weft.example:8443", "-s", SUBSCRIPTION, "-g", "g", "--ca", "/ca.pem", "--token-file", "/t"],
                    ["get-contexts"], ["get-contexts", "-o", "json"], ["get-contexts", "-o", "name"], ["get-contexts", "-o", "yaml"], ["current-context"], ["use-context", "b"], ["use-context", "c"], ["current-context"],
                    ["set-context", "b", "-g", "h"], ["set-context", "c d", "--server", "http://x"], ["set-context", "e", "--server", "ftp://x"], ["set-context", "f"], ["delete-context", "a"],
                    ["delete-context", "a"], ["get-contexts"], ["delete-context", "b"]):
        tell("weft", "config", *command)
        stage.files("the contexts", stage.work / "config")
    lint = ["lint", "-f", str(FIXTURES / "pods.yaml")]
    folder = stage.work / "definitions"
    folder.mkdir()
    (folder / "n6.yaml").write_text('apiVersion: k8s.cni.cncf.io/v1\nkind: NetworkAttachmentDefinition\nmetadata: {name: n6, namespace: default, annotations: {k8s.v1.cni.cncf.io/resourceName: weft.dev/n6}}\n'
                                    'spec: {config: \'{"cniVersion":"1.0.0","name":"n6","type":"macvlan","master":"n6"}\'}\n')
    (folder / "node.yaml").write_text("apiVersion: v1\nkind: Node\nmetadata: {name: w1}\nstatus: {allocatable: {weft.dev/n6: 1}}\n")
    for form in ("table", "json", "yaml", "sarif", "name"):
        for more in ([], ["--manifests", str(folder)], ["--strict", "--namespace-isolation", "-n", "core"]):
            tell("weft", *lint, *more, "-o", form)
    plugin = [{}, {"CNI_COMMAND": "VERSION"}, {"CNI_COMMAND": "NONSENSE"}, {"CNI_COMMAND": "ADD"}, {"CNI_COMMAND": "GC"}]
    for program in ("weft-ipam", "weft-trunk"):
        for more in plugin:
            for given in ("", "{", "{}", '{"cniVersion":"0.4.0"}', '{"cniVersion":"1.1.0","name":"n6"}', '{"cniVersion":"9.9.9","name":"n6"}', "[]", '{"cniVersion":7}'):
                tell(program, given=given, more=more)


def read_all(stage, server):
    """The command line over a site that is there: every kind in every form."""
    stage.record.chapter("60-command-line")
    commands = []
    for kind in KINDS:
        commands += [f"get {kind}"] + [f"get {kind} -o {form}" for form in ("table", "wide", "json", "yaml", "name")] + [f"get {kind} -A", f"get {kind} absent", f"get {kind} -g nowhere"]
        listed = stage.run("weft", "get", kind, "-o", "json")
        names = [resource["id"] for resource in json.loads(listed[1])] if listed[0] == 0 and listed[1].startswith("[") else []
        for name in names[:2]:
            commands += [f"show {kind} {name}"] + [f"show {kind} {name} -o {form}" for form in ("json", "table", "wide", "name")] + [f"get {kind} {name} -o {form}" for form in ("json", "yaml", "table")]
        commands += [f"show {kind} absent", f"get {kind} {' '.join(n.rsplit('/', 1)[1] for n in names[:2])}"]
    commands += [f"get {kind} --{option} {parent} -o {form}" for kind, option, parent in
                 (("agentpools", "cluster", "core-east"), ("nodes", "cluster", "core-east"), ("internalnetworks", "domain", "core-up"), ("leases", "network", "n6"), ("agents", "cluster", "core-east"),
                  ("hybridconnections", "namespace", "edge-east-relay"), ("namespacekeys", "namespace", "edge-east-relay"), ("connectionkeys", "connection", "edge-east-relay/camera"), ("nodes", "cluster", "absent"),
                  ("nodes", "domain", "core-up")) for form in ("table", "wide", "json", "name")]
    for question in ("10.20.6.40", "10.20.6.1", "10.20.6.99", "192.0.2.1", "fd20:0:0:606::40", "vlan 606", "vlan 750", "vlan 9", "vlan x", "mac 52:54:00:01:01:00", "mac x", "probe1", "n6", "absent", "core-east"):
        commands += [f"who {question}"] + [f"who {question} -o {form}" for form in ("json", "yaml")]
    for network in ("n2", "n3", "n4", "n6", "oam", "ha", "absent"):
        commands += [f"ipam {what} {network}{form}" for what in ("show", "leases") for form in ("", " -o json", " -o yaml", " -o name", " -o wide")]
    for target in ("cluster/core-east", "node/core-east/core-east-w1", "vm/probe1", "nexus/edge-east", "namespace/edge-east-relay", "hc/edge-east-relay/camera", "cluster/absent", "nonsense", "x/y", EAST):
        commands += [f"relay rules {target}{form}" for form in ("", " -o json", " -o yaml")]
        for more in ("", " --from 203.0.113.7", " --from 198.51.100.7 --service ssh", " --as listener", " --from x", " --as x", " --from 198.51.100.9 -o json", " --from 2001:db8:51::7 -o yaml"):
            commands.append(f"relay check --to {target}{more}")
    commands += ["relay ls", "relay ls --listeners", "relay ls --sessions", "relay ls -o json", "relay keys list edge-east-relay", "relay keys list edge-east-relay/camera", "relay keys list absent",
                 "relay keys list edge-east-relay -o json", "relay keys show edge-east-relay/RootManageSharedAccessKey", "relay keys show edge-east-relay/camera/viewers -o json",
                 "relay keys show edge-east-relay/camera/viewers --connection-string", "relay keys show edge-east-relay/absent", "relay keys regenerate edge-east-relay/camera/viewers --primary",
                 "relay keys regenerate edge-east-relay/camera/viewers --primary --yes", "relay keys regenerate edge-east-relay/camera/viewers --secondary --yes",
                 "relay keys regenerate edge-east-relay/camera/viewers --primary --secondary --yes", "ssh-config --all", "ssh-config core-east-w1", "ssh-config probe1 -l root", "ssh-config absent",
                 "ssh-config core-east/core-east-w1 vm/router1", "stdio probe1", "stdio core-east-w1:nonsense", "stdio cluster/core-east:22", "stdio absent", "stdio n6", "drift", "drift --cluster core-east",
                 "drift -o json", "drift -o yaml", "drift --cluster absent", "inventory", "inventory --cluster core-east", "inventory --cluster absent", "verify --cluster core-east", "verify --cluster absent",
                 "agent list", "agent list --cluster core-east", "version", "version -o json", "enable l3isolationdomain core-up", "enable l2isolationdomain absent", "disable l3isolationdomain core-up",
                 "create group edge-east --location eastsite", "create group edge-east --location other", "delete l3networks n6 --yes", "delete kubernetesclusters absent --yes", "delete nodes w9 --cluster core-east --yes",
                 "delete l3networks n6", "delete -f examples/5g-site", "principal list", "principal show absent", "principal rotate absent", "principal delete absent --yes"]
    for command in commands:
        writes = command.split()[0] in ("enable", "disable", "create", "delete") or "regenerate" in command or " --out" in command
        if writes:
            stage.tell("weft", *command.split())
    stage.tell_all("weft", [c for c in commands if not (c.split()[0] in ("enable", "disable", "create", "delete") or "regenerate" in c)])
    for line in ("weft get l3networks ", "weft show kubernetesclusters core-", "weft manifests --cluster ", "weft get nodes --cluster ", "weft relay check --to ", "weft ssh ", "weft ipam show "):
        stage.tell("weft", f"[suggest:{len(line)}]", line)
    stage.tell("weft", "get", "l3networks", "--verbose")
    stage.tell("weft", "get", "l3networks", more={"WEFT_SERVER": "http://127.0.0.1:9"})
    stage.tell("weft", "get", "l3networks", "--server", "http://127.0.0.1:9", "--token-file", str(server.data / "admin.token"))
    stage.tell("weft", "get", "l3networks", more={"WEFT_CONTEXT": "absent"})
    (stage.work / "bad.token").write_text("nonsense\n")
    stage.tell("weft", "get", "l3networks", more={"WEFT_TOKEN_FILE": str(stage.work / "bad.token")})
    for form in ("table", "json", "yaml", "sarif"):
        for cluster in ("core-east", "upf-east", "absent"):
            stage.tell("weft", "lint", "-f", str(FIXTURES / "pods.yaml"), "--cluster", cluster, "-o", form)
    # What the command line prints as documents is taken back unchanged.
    for kind in KINDS:
        code, out, _ = stage.run("weft", "get", kind, "-o", "yaml")
        if code == 0 and kind not in ("agents", "leases"):
            stage.tell("weft", "plan", "-f", "-", given=out, title=f"weft get {kind} -o yaml | weft plan -f -")


def refused_documents(stage):
    """Plans and applies that are refused, with the place in the file."""
    stage.record.chapter("61-refused-documents")
    for name, change in (("44-l3network-n6.yaml", ("vlan: 606", "vlan: 607")), ("44-l3network-n6.yaml", ("interfaceName: n6", "interfaceNme: n6")), ("46-trunk-ran.yaml", ("[602, 603, 750]", "[602, 603]")),
                         ("46-trunk-ran.yaml", ("[602, 603, 750]", '"602"')), ("70-vm-probe1.yaml", ("10.20.6.40", "10.20.6.1")), ("50-k8s-core-east.yaml", ("pluginType: MACVLAN", "pluginType: MACVLN")),
                         ("60-node-core-east-w1.yaml", ("52:54:00:01:01:00", "nonsense")), ("24-internal-n6.yaml", ("10.20.6.0/24", "10.20.6.1/24")), ("24-internal-n6.yaml", ("vlanId: 606", "vlanId: 603")),
                         ("12-l3isd-core.yaml", ("administrativeState: Enabled", "administrativeState: Nonsense")), ("01-group.yaml", ("location: eastsite", "location: 7")),
                         ("10-fabric.yaml", ("fabricASN: 64512", "fabricASN: many")), ("40-l3network-oam.yaml", ("location: eastsite", "location: westsite")), ("01-group.yaml", ("eastsite", "*x"))):
        folder = stage.work / "changed"
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(ROOT / "examples/5g-site", folder)
        text = (folder / name).read_text()
        assert change[0] in text, (name, change)
        (folder / name).write_text(text.replace(*change))
        for command in (["plan"], ["plan", "-o", "json"], ["plan", "--detailed"], ["apply", "--dry-run"]):
            stage.tell("weft", *command, "-f", str(folder), title=f"weft {' '.join(command)} with {change[1]!r} in {name}")
        stage.tell("weft", "plan", "-f", str(folder / name), title=f"weft plan of {name} alone with {change[1]!r}")
        refused = stage.run("weft", "plan", "-f", str(folder))[0] == 1
        if refused:
            stage.tell("weft", "apply", "-f", str(folder), title=f"weft apply with {change[1]!r} in {name}")


def drawn(stage, server):
    """Every drawn file, in every format."""
    stage.record.chapter("70-drawn")
    formats = ("netplan", "networkd", "nmstate", "nncp", "nftables", "cloud-init")
    nodes = {"core-east": ("core-east-w1", "core-east-w2"), "core-west": ("core-west-w1",), "upf-east": ("upf-east-w1", "upf-east-w2")}
    commands = []
    for cluster, names in nodes.items():
        commands += [f"manifests --cluster {cluster}{form}" for form in ("", " -o json", " -o yaml", " -o name")] + [f"manifests --cluster {cluster} --nodes{form}" for form in ("", " -o json", " -o yaml")]
        commands += [f"manifests --cluster {cluster} --nodes --format {form}" for form in formats] + [f"manifests --cluster {cluster} --nodes --format netplan -o json"]
        commands += [f"manifests --cluster {cluster} --node {name}{more}" for name in names for more in ["", " -o json", *[f" --format {form}" for form in formats]]]
    for machine in ("probe1", "router1", "absent"):
        commands += [f"manifests --vm {machine}{form}" for form in ("", " -o json", " --format cloud-init", " --format kubevirt", " --format netplan")]
        commands += [f"manifests --vm {machine} --format libvirt{host}" for host in ("", " --host bridge", " --host openvswitch", " --host sriov", " --host nonsense")]
    commands += ["manifests --cluster absent", "manifests --cluster core-east --node absent", "manifests --cluster core-east --format netplan", "manifests --cluster core-east --node core-east-w1 --nodes",
                 "manifests --vm probe1 --node x", "manifests --cluster core-east --previous /nonexistent --nodes --format nmstate"]
    stage.tell_all("weft", commands)
    for name, arguments in (("manifests", "--cluster core-east"), ("nodes", "--cluster upf-east --nodes"), ("networkd", "--cluster upf-east --nodes --format networkd"), ("nmstate", "--cluster core-east --nodes --format nmstate"),
                            ("machine", "--vm router1"), ("one", "--cluster core-east --node core-east-w1 --format networkd"), ("libvirt", "--vm probe1 --format libvirt")):
        folder = stage.work / "out" / name
        for more in ([], [], ["--force"]):
            stage.tell("weft", "manifests", *arguments.split(), "--out-dir", str(folder), *more)
        stage.files(f"what {name} wrote", folder)
        there = sorted(path for path in folder.rglob("*") if path.is_file())
        if there:
            there[0].write_text("somebody's own\n")
            (there[0].parent / "left-from-before").write_text("# Drawn by Weft\n")
            stage.tell("weft", "manifests", *arguments.split(), "--out-dir", str(folder))
            stage.tell("weft", "manifests", *arguments.split(), "--out-dir", str(folder), "--force")
            stage.files(f"what {name} wrote after that", folder, content=False)
    # A picture of before, with more in it than there is now.
    before = json.loads(stage.run("weft", "manifests", "--cluster", "core-east", "--nodes", "-o", "json")[1])
    more = json.loads(stage.run("weft", "manifests", "--cluster", "upf-east", "--nodes", "-o", "json")[1])
    previous = stage.work / "previous.json"
    text = json.dumps(more).replace("upf-east-w", "core-east-w")
    previous.write_text(text)
    for form in formats:
        stage.tell("weft", "manifests", "--cluster", "core-east", "--nodes", "--format", form, "--previous", str(previous))
    previous.write_text(json.dumps(before))
    stage.tell("weft", "manifests", "--cluster", "core-east", "--nodes", "--format", "nmstate", "--previous", str(previous))
    # What an agent would do to a node. In a network namespace of its own, so that the machine's interfaces don't show.
    apart = ["unshare", "--net"] if subprocess.run(["unshare", "--net", "true"], capture_output=True).returncode == 0 else None
    for cluster, names in nodes.items():
        picture = stage.work / f"{cluster}.json"
        picture.write_text(json.dumps(server.get(f"{CLOUD}/kubernetesClusters/{cluster}/providers/Weft.Fleet/desiredStates/current?api-version={OWN}")["properties"]))
        stage.tell("weft-agent", "node", "plan", "-f", str(picture), "--state", str(stage.work / "no-state"))
        stage.tell("weft-agent", "node", "plan", "-f", str(picture), "--node", "absent", "--state", str(stage.work / "no-state"))
        for name in names:
            for service in ("none", "netlink", "netplan", "networkd", "auto"):
                arguments = ["node", "plan", "-f", str(picture), "--node", name, "--node-network", service, "--state", str(stage.work / "no-state")]
                title = f"$ weft-agent node plan of {name} by {service}"
                if apart:
                    stage.note(title, stage.run([*apart, stage.program("weft-agent")], *arguments))
                else:
                    stage.record.add(title + " needs a network namespace, and none may be made here")
            if apart:
                for arguments in (["--node", name], ["--node", name, "--json"], ["--node", name, "--json", "--network", "n6"], ["--node", name, "--network", "absent"]):
                    stage.note(f"$ weft-agent verify {' '.join(arguments)}", stage.run([*apart, stage.program("weft-agent")], "verify", "--configuration", str(picture), *arguments))


def access(stage, server):
    """Principals with roles in scopes, and what each may."""
    stage.record.chapter("80-access")
    ask, people = server.ask, "/providers/Weft.Identity/principals"
    body = {"properties": {"description": "for a question", "assignments": [{"role": "Reader", "scope": "/"}]}}
    for name in ("reader", "A", "admin", "x" * 65, "a b", "a@b.c", "-", "%2e%2e"):
        ask("PUT", f"{people}/{urllib.parse.quote(name, safe=chr(37))}?api-version={OWN}", body)
    assignments = {"reader": [("Reader", "/")], "user": [("RelayUser", EAST)], "listener": [("RelayListener", f"{CLOUD}/virtualMachines/probe1")], "writer": [("Contributor", GROUP)],
                   "network": [("Contributor", f"{CLOUD}/l3Networks/n6"), ("Reader", f"{CLOUD}/kubernetesClusters")], "owner": [("Owner", "/")], "west": [("Owner", f"{SITE}/resourceGroups/edge-west")],
                   "subscription": [("Reader", SITE)]}
    tokens = {}
    for name, given in assignments.items():
        ask("PUT", f"{people}/{name}?api-version={OWN}", {"properties": {"assignments": [{"role": role, "scope": scope} for role, scope in given]}})
        _, answer, _ = ask("POST", f"{people}/{name}/rotateToken?api-version={OWN}")
        tokens[name] = (answer or {}).get("token")
    for wrong in ({}, {"properties": {}}, {"properties": {"assignments": []}}, {"properties": {"assignments": [{"role": "Nobody", "scope": "/"}]}}, {"properties": {"assignments": [{"role": "Reader"}]}},
                  {"properties": {"assignments": [{"role": "Reader", "scope": "nonsense"}]}}, {"properties": {"assignments": [{"role": "Reader", "scope": "/"}] * 33}}, {"properties": 7}, {"x": 1},
                  {"properties": {"assignments": [{"role": "Reader", "scope": "/"}], "expiresAt": "tomorrow"}}, {"properties": {"assignments": "x", "description": 7, "y": 1}},
                  {"properties": {"assignments": [{"role": 7, "scope": 7, "z": 1}, None, "x"]}}, {"properties": {"assignments": [{"role": "Reader", "scope": "/"}], "description": "d" * 5000}}, "{", "[]"):
        ask("PUT", f"{people}/wrong?api-version={OWN}", wrong)
    ask("PUT", f"{people}/late?api-version={OWN}", {"properties": {"assignments": [{"role": "Reader", "scope": "/"}], "expiresAt": "2001-01-31T12:00:00Z"}})
    _, answer, _ = ask("POST", f"{people}/late/rotateToken?api-version={OWN}")
    ask("GET", f"{SITE}/resources?api-version={ARM}", token=answer["token"], title="who came too late")
    ask("PUT", f"{people}/reader?api-version={OWN}", body)
    for method, path in (("GET", people), ("GET", f"{people}/reader"), ("GET", f"{people}/absent"), ("PATCH", f"{people}/reader"), ("POST", f"{people}/reader"), ("POST", f"{people}/absent/rotateToken"),
                         ("POST", f"{people}/reader/nonsense"), ("GET", f"{people}/a/b/c"), ("DELETE", f"{people}/absent"), ("DELETE", f"{people}/late"), ("DELETE", f"{people}/late"), ("POST", people)):
        ask(method, f"{path}?api-version={OWN}", {} if method in ("POST", "PATCH") else None)
        ask(method, path, {} if method in ("POST", "PATCH") else None)
    network, probe = f"{CLOUD}/l3Networks/n6", f"{CLOUD}/virtualMachines/probe1"
    rule = f"{RELAY}/namespaces/edge-east-relay/hybridConnections/camera/authorizationRules/viewers"
    for name, token in tokens.items():
        for method, path, sent in (("GET", f"{network}?api-version=2026-10-01", None), ("GET", f"{CLOUD}/l3Networks?api-version=2026-10-01", None), ("GET", f"{SITE}/resourceGroups?api-version={ARM}", None),
                                   ("GET", f"/subscriptions?api-version={ARM}", None), ("GET", f"{SITE}/resources?api-version={ARM}&$top=3", None), ("GET", f"{EAST}?api-version=2026-10-01", None),
                                   ("GET", f"{EAST}/providers/Weft.Fleet/desiredStates/current?api-version={OWN}", None), ("GET", f"{network}/providers/Weft.Ipam/leases?api-version={OWN}", None),
                                   ("GET", f"{network}/providers/Weft.Ipam/pools/default?api-version={OWN}", None), ("GET", f"/providers/Weft.Ipam/who?api-version={OWN}&vlan=606", None),
                                   ("GET", f"/providers/Weft.Fleet/limits?api-version={OWN}", None), ("GET", f"/providers/Weft.Relay/status?api-version={OWN}", None),
                                   ("GET", f"/providers/Weft.Relay/check?api-version={OWN}&to={EAST}", None), ("GET", f"/providers/Weft.Relay/check?api-version={OWN}&to={probe}", None),
                                   ("POST", f"/providers/Weft.Fleet/plan?api-version={OWN}", {"resources": [{"id": network, "location": "elsewhere"}]}), ("PUT", f"{network}?api-version=2026-10-01", {"location": "x"}),
                                   ("PATCH", f"{network}?api-version=2026-10-01", {"x": 1}), ("DELETE", f"{network}?api-version=2026-10-01", None), ("PUT", f"{SITE}/resourceGroups/other?api-version={ARM}", {"x": 1}),
                                   ("POST", f"{EAST}/listEnrollmentToken?api-version=2026-10-01", {"x": 1}) if name not in ("writer", "owner") else ("GET", people, None),
                                   ("POST", f"{EAST}/verify?api-version=2026-10-01", {"node": "absent"}), ("POST", f"{rule}/listKeys?api-version=2026-01-01", {}),
                                   ("POST", f"{rule}/regenerateKeys?api-version=2026-01-01", {"keyType": "x"}), ("POST", f"{EAST}/providers/Weft.Relay/connections/default/listCredentials?api-version={OWN}", {}),
                                   ("POST", f"{probe}/providers/Weft.Relay/connections/default/listCredentials?api-version={OWN}", {"role": "listener"}), ("GET", f"{people}?api-version={OWN}", None),
                                   ("GET", f"{EAST}/providers/Weft.Relay/connections/default?api-version={OWN}", None), ("GET", f"{EAST}/providers/Weft.Relay/connections?api-version={OWN}", None),
                                   ("POST", f"{FABRIC}/l3IsolationDomains/core-up/updateAdministrativeState?api-version=2025-07-15", {"state": "x"}),
                                   ("GET", "/agents/v1/desired", None), ("POST", "/agents/v1/enroll", {}), ("GET", f"{RELAY}/namespaces?api-version=2026-01-01", None)):
            ask(method, path, sent, token=token, title=f"{name}: {method} {short(path)}")
    ask("POST", f"{people}/user/rotateToken?api-version={OWN}")
    ask("GET", f"/subscriptions?api-version={ARM}", token=tokens["user"], title="user with the token of before")
    ask("DELETE", f"{people}/west?api-version={OWN}")
    ask("GET", f"/subscriptions?api-version={ARM}", token=tokens["west"], title="west, who is gone")
    # Keys and credentials of the relay, and rules that shut out their author.
    connection = f"{EAST}/providers/Weft.Relay/connections/default"
    for path in ("", "&expiresin=60", "&expiresin=59", "&expiresin=3601", "&expiresin=x"):
        for sent in ({}, {"role": "listener"}, {"role": "nobody"}, {"x": 1}, None):
            ask("POST", f"{connection}/listCredentials?api-version={OWN}{path}", sent)
    for sent in ({}, {"keyType": "PrimaryKey"}, {"keyType": "SecondaryKey"}, {"keyType": "x"}, {"keyType": "PrimaryKey", "key": "short"}, {"keyType": "PrimaryKey", "key": "k" * 40}, {"keyType": "PrimaryKey", "key": "ü" * 40},
                 {"keyType": "PrimaryKey", "key": "k" * 257}, {"key": 7, "x": 1}, "{"):
        for path in (rule, f"{RELAY}/namespaces/edge-east-relay/authorizationRules/RootManageSharedAccessKey", rule + "-absent"):
            ask("POST", f"{path}/regenerateKeys?api-version=2026-01-01", sent)
            ask("POST", f"{path}/listKeys?api-version=2026-01-01", {})
    ask("POST", f"{rule}/nonsense?api-version=2026-01-01", {})
    rules = f"{probe}/providers/Weft.Relay/networkRuleSets/default"
    for sent in ({"properties": {"defaultAction": "Deny"}}, {"properties": {"ipRules": [{"ipMask": "203.0.113.0/24"}]}}, {"properties": {"defaultAction": "Allow"}},
                 {"properties": {"defaultAction": "Deny", "ipRules": [{"ipMask": "127.0.0.0/8", "services": ["ssh"]}, {"ipMask": "::/0", "appliesTo": "listeners"}]}}):
        for force in ("", "&force=true", "&force=yes"):
            ask("POST", f"/providers/Weft.Fleet/plan?api-version={OWN}{force}", {"resources": [{"id": rules, **sent}]})
            ask("PUT", f"{rules}?api-version={OWN}{force}", sent)
        ask("GET", f"/providers/Weft.Relay/check?api-version={OWN}&to={probe}")
        ask("DELETE", f"{rules}?api-version={OWN}")
    for mask in ("10.0.0.0/8", "10.0.0.1/8", "010.0.0.0/8", "10.0.0.0/08", "10.0.0.0/33", "::ffff:10.0.0.0/104", "0.0.0.0/0", "::/0", "fd00::1", "1.2.3", "", "x", "10.0.0.0/", "10.0.0.0/+8", " 10.0.0.0/8"):
        ask("POST", f"/providers/Weft.Fleet/plan?api-version={OWN}&force=true", {"resources": [{"id": rules, "properties": {"ipRules": [{"ipMask": mask}]}}]}, title=f"plan of a rule for '{mask}'")
    out = stage.work / "secret"
    for command in (["create", "carol", "--role", "Reader"], ["create", "carol", "--role", "Contributor", "--scope", "/"], ["create", "dave", "--role", "RelayUser", "RelayListener", "--scope", "cluster/core-east", "vm/probe1",
                    "--description", "on call", "--expires", "2099-01-31T12:00:00Z", "--out", str(out)], ["create", "admin", "--role", "Reader"], ["create", "eve", "--role", "Reader", "--expires", "x"],
                    ["create", "eve", "--role", "Reader", "Owner", "--scope", "/"], ["create", "eve", "--role", "Reader", "--scope", "x/y/z"], ["create", "a b", "--role", "Reader"], ["list"], ["list", "-o", "json"],
                    ["list", "-o", "yaml"], ["list", "-o", "name"], ["show", "carol"], ["show", "dave", "-o", "json"], ["show", "dave", "-o", "table"], ["rotate", "carol"], ["rotate", "dave", "--out", str(out)],
                    ["delete", "carol"], ["delete", "carol", "--yes"], ["delete", "carol", "--yes"]):
        stage.tell("weft", "principal", *command)
    stage.tell("weft", "agent", "token", "--cluster", "absent")
    stage.tell("weft", "relay", "keys", "show", "edge-east-relay/camera/viewers", "--out", str(out))
    stage.record.add("the mode of what was written", oct(out.stat().st_mode & 0o7777))


def agents(stage, server):
    """Agents that speak plain HTTP."""
    stage.record.chapter("81-agents")
    ask, settle = server.ask, server.settle
    enrol = f"{EAST}/listEnrollmentToken?api-version=2026-10-01"
    ask("POST", enrol.replace("core-east", "absent"))
    for body in ({"name": "UPPER"}, {"name": 7}, {"name": "w1", "node": "A B"}, {"minutes": 0}, {"minutes": 1441}, {"replace": "x"}, "[]"):
        ask("POST", enrol, body)
    _, answer, _ = ask("POST", enrol, {"name": "core-east-w1", "node": "core-east-w1"})
    token = answer["token"]
    ask("GET", f"{EAST}?api-version=2026-10-01", token=token, title="the resource API with an enrolment token")
    good = {"name": "core-east-w1", "node": "core-east-w1", "version": "0.1.0", "credentialHash": "0" * 64}
    for more in ({"name": None}, {"name": "UPPER"}, {"name": "a b"}, {"name": 7}, {"name": "x" * 64}, {"node": 7}, {"node": "A B"}, {"version": 7}, {"version": "x" * 65}, {"name": ""}, {"credentialHash": "x"},
                 {"credentialHash": None}, {"name": "other"}, {"node": "other"}):
        ask("POST", "/agents/v1/enroll", {**good, **more}, token=token)
    for body in ("{", "[]", {}):
        ask("POST", "/agents/v1/enroll", body, token=token)
    held = {}

    def enrolled(name, agent_node, cluster="core-east", version="0.1.0", **more):
        """An agent makes its credential itself, and tells its hash."""
        _, made, _ = ask("POST", enrol.replace("core-east", cluster), {"name": name, **({"node": agent_node} if agent_node else {}), **more})
        secret = f"weft_agt_{hashlib.sha256(f'{name} {version}'.encode()).hexdigest()}"
        body = {"name": name, "version": version, "credentialHash": hashlib.sha256(secret.encode()).hexdigest(), **({"node": agent_node} if agent_node else {})}
        ask("POST", "/agents/v1/enroll", body, token=made["token"])
        ask("POST", "/agents/v1/enroll", body, token=made["token"], title="the same again, whose answer was lost")
        ask("POST", "/agents/v1/enroll", {**body, "credentialHash": "0" * 64}, token=made["token"], title="the token again, with another credential")
        ask("GET", "/agents/v1/relay", token=held.get(name, "nonsense"), title="with the credential of before")
        held[name] = secret

    enrolled("core-east-w1", "core-east-w1")
    ask("POST", enrol, {"name": "core-east-w1", "node": "core-east-w1"}, title="a name in use")
    enrolled("core-east-w1", "core-east-w1", version="0.2.0", replace=True)
    enrolled("whole", None)
    enrolled("undeclared", "core-east-w9")
    for name in ("upf-east-w1", "upf-east-w2"):
        enrolled(name, name, cluster="upf-east")
    node, whole = held["core-east-w1"], held["whole"]
    digests = {}
    for name, credential in held.items():
        _, picture, _ = ask("GET", "/agents/v1/desired?wait=0", token=credential, title=f"the picture of {name}")
        digests[name] = picture["digest"]
        ask("GET", f"/agents/v1/desired?after={picture['digest']}&wait=0", token=credential, title=f"nothing new for {name}")
        ask("GET", "/agents/v1/desired?after=nonsense&wait=x", token=credential, title=f"another picture than {name} has")
        ask("GET", "/agents/v1/relay", token=credential, title=f"the relay for {name}")
        ask("GET", "/agents/v1/verifications?after=0&wait=0", token=credential, title=f"nobody asks {name}")
    for method, path in (("GET", "x"), ("POST", "desired"), ("PUT", "enroll"), ("DELETE", "status"), ("GET", "status"), ("GET", "leases"), ("POST", "leases/nonsense"), ("PUT", "relay"), ("GET", ""), ("PUT", "verifications/x"),
                         ("POST", "enroll"), ("GET", "enroll"), ("PUT", "inventory"), ("PUT", "status"), ("POST", "leases/acquire"), ("POST", "leases/release"), ("GET", "verifications?after=x&wait=0")):
        ask(method, f"/agents/v1/{path}", {} if method in ("PUT", "POST") else None, token=node, title=f"an agent: {method} {path}")
        ask(method, f"/agents/v1/{path}", {} if method in ("PUT", "POST") else None, token=token, title=f"an enrolment token: {method} {path}")
        ask(method, f"/agents/v1/{path}", {} if method in ("PUT", "POST") else None, title=f"an administrator: {method} {path}")
    ask("GET", f"{EAST}?api-version=2026-10-01", token=node, title="the resource API with an agent's credential")
    # A write waits for the agents that it concerns.
    status, _, headers = ask("PATCH", f"{CLOUD}/trunkedNetworks/ran?api-version=2026-10-01", {"properties": {"vlans": [602, 603]}})
    operation = (headers["Azure-AsyncOperation"] or "")[len(server.url):]
    result = (headers["Location"] or "")[len(server.url):]
    for path in (operation, result):
        ask("GET", path, title="the operation while it waits")
        ask("GET", path, headers={"Prefer": "wait=0"}, title="the operation while it waits, for 0 s")
        ask("GET", path, headers={"Prefer": "respond-async, wait=1"}, title="the operation while it waits, for 1 s")
    ask("GET", f"{CLOUD}/trunkedNetworks/ran?api-version=2026-10-01")

    def report(name, state="Applied", **more):
        picture = json.loads(server.send("GET", "/agents/v1/desired?wait=0", token=held[name])[2])
        body = {"digest": picture["digest"], "revision": picture["revision"], "state": state, "message": "", "node": name, "version": "0.1.0", **more}
        shown = {**body, "revision": "today's"}
        stage.record.add(f"what {name} reports", json.dumps(shown))
        return ask("PUT", "/agents/v1/status", body, token=held[name], title=f"{name} reports {state}", show=False)

    report("whole", "Failed", message="the folder is full")
    ask("GET", operation, title="the operation after a failure")
    ask("GET", f"{EAST}?api-version=2026-10-01", title="the cluster after a failure")
    for name in ("whole", "core-east-w1", "undeclared"):
        report(name)
        ask("GET", operation, title=f"the operation after {name}")
    ask("GET", operation, headers={"Prefer": "wait=10"}, title="the operation at its end")
    ask("GET", result, title="its result")
    for name in ("upf-east-w1", "upf-east-w2"):
        report(name)
    picture = json.loads(server.send("GET", "/agents/v1/desired?wait=0", token=whole)[2])
    good = {"digest": picture["digest"], "revision": 1, "state": "Applied"}
    drift = {"what": "NetworkAttachmentDefinition default/n6", "was": "spec.config changed by kubectl-edit", "mended": True, "at": "2026-01-02T03:04:05Z"}
    authority = (FIXTURES / "cluster-ca.pem").read_text()
    for more in ({"digest": 7}, {"digest": ""}, {"revision": "x"}, {"revision": 1.5}, {"revision": -1}, {"state": "x"}, {"state": None}, {"message": 7}, {"drift": 7}, {"drift": [7]}, {"drift": [{}]},
                 {"drift": [{**drift, "what": ""}]}, {"drift": [{**drift, "what": "w" * 513}]}, {"drift": [{**drift, "mended": "x"}]}, {"drift": [{**drift, "at": "x"}]}, {"drift": [drift] * 101}, {"drift": [drift]},
                 {"drift": [{**drift, "mended": False}]}, {"certificateAuthority": 7}, {"certificateAuthority": "x"}, {"certificateAuthority": "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"},
                 {"certificateAuthority": "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"}, {"certificateAuthority": "a" * 65537}, {"certificateAuthority": "text\n" + authority + "more\n"},
                 {"x": 1}, {"certificateAuthority": authority}):
        ask("PUT", "/agents/v1/status", {**good, **more}, token=whole)
    ask("PUT", "/agents/v1/status", {**good, "certificateAuthority": authority}, token=node, title="an agent of a node tells a CA")
    ask("PUT", "/agents/v1/status", "{", token=whole)
    ask("GET", f"{EAST}/providers/Weft.Relay/connections/default?api-version={OWN}")
    ask("GET", f"{EAST}?api-version=2026-10-01")
    for form in ("", " -o json", " -o yaml"):
        stage.tell("weft", *f"drift{form}".split())
        stage.tell("weft", *f"get agents{form}".split())
    report("whole", drift=[{**drift, "mended": False}])
    stage.tell("weft", "drift")
    ask("GET", f"{EAST}?api-version=2026-10-01", title="the cluster with drift")
    report("whole", certificateAuthority=authority)
    report("core-east-w1")
    # Inventories, and what is held against them.
    inventory = json.loads((FIXTURES / "inventory.json").read_text())
    for change in (lambda i: i.pop("devices"), lambda i: i.pop("hugepages"), lambda i: i.pop("plugins"), lambda i: i.update(devices=7), lambda i: i.update(devices=[7]), lambda i: i["devices"][1].update(name=7),
                   lambda i: i["devices"][1].update(name="a\nb"), lambda i: i["devices"][1].update(name="n" * 257), lambda i: i["devices"][1].update(totalFunctions="x"), lambda i: i["devices"][1].update(mtu=-1),
                   lambda i: i["devices"][1].update(isUp="yes"), lambda i: i["devices"][1].update(pciAddress="x"), lambda i: i["devices"][1].update(macAddress="x"), lambda i: i.update(kernel=7),
                   lambda i: i["hugepages"][0].update(total="x"), lambda i: i["plugins"][0].update(versions=7), lambda i: i["plugins"].append({}), lambda i: i.update(nonsense=1), lambda i: i.update(kernel="k" * 1100000)):
        wrong = copy.deepcopy(inventory)
        change(wrong)
        ask("PUT", "/agents/v1/inventory", wrong, token=held["upf-east-w1"])
    ask("PUT", "/agents/v1/inventory", inventory, token=held["upf-east-w1"])
    ask("PUT", "/agents/v1/inventory", inventory, token=held["upf-east-w1"])
    ask("PUT", "/agents/v1/inventory", inventory, token=whole)
    ask("PUT", "/agents/v1/inventory", inventory, token=held["undeclared"])
    other = json.loads(json.dumps(inventory).replace("b8:59:9f:00:01", "b8:59:9f:00:02").replace('"totalFunctions": 128', '"totalFunctions": 4'))
    ask("PUT", "/agents/v1/inventory", other, token=held["upf-east-w2"])
    upf = f"{CLOUD}/kubernetesClusters/upf-east"
    for name in ("upf-east-w1", "upf-east-w2"):
        path = f"{upf}/providers/Weft.Fleet/nodes/{name}"
        _, body, _ = ask("GET", f"{path}?api-version={OWN}")
        wish = {"properties": {key: value for key, value in body["properties"].items() if key in ("agentPool", "machineType", "uplinks")}}
        for index, member, value in ((1, "pciAddress", "0000:ff:00.0"), (1, "name", "ens9"), (2, "macAddress", "b8:59:9f:00:09:09"), (1, "virtualFunctions", [{"functions": "0-99", "networkId": f"{CLOUD}/l3Networks/n3"}]),
                                     (2, "virtualFunctions", [{"functions": "0-2", "networkId": f"{CLOUD}/l3Networks/n6"}]), (0, "name", "bond9"), (1, "virtualFunctions", []), (1, "mtu", 9300)):
            changed = copy.deepcopy(wish)
            changed["properties"]["uplinks"][index][member] = value
            status, plan, _ = ask("POST", f"/providers/Weft.Fleet/plan?api-version={OWN}", {"resources": [{"id": path, **changed}]}, show=False, title=f"plan of {name} with {member} {value}")
            if status == 200 and plan["changes"][0]["action"] == "Refused":
                ask("PUT", f"{path}?api-version={OWN}", changed)
    for arguments in ("", "--functions", "--plugins", "--hugepages", "-o wide", "-o json", "-o yaml", "--cluster upf-east", "--cluster upf-east --node upf-east-w1", "--node absent", "--functions -o wide", "--plugins -o json"):
        stage.tell("weft", "inventory", *arguments.split())
    stage.tell("weft", "plan", "-f", "examples/bare-metal-upf", "--detailed")
    # Leases.
    n6, n4 = f"{CLOUD}/l3Networks/n6", f"{CLOUD}/l3Networks/n4"
    pod = {"network": n6, "containerId": "c1", "interface": "net1", "namespace": "core", "pod": "upf-0", "uid": "u1", "node": "core-east-w1"}
    for more in ({}, {}, {"containerId": "c2"}, {"containerId": "c3", "ips": ["10.20.6.77"]}, {"containerId": "c4", "ips": ["10.20.6.77"]}, {"containerId": "c5", "ips": ["10.20.6.40"]}, {"containerId": "c6", "ips": ["10.20.6.1"]},
                 {"containerId": "c7", "ips": ["192.0.2.1"]}, {"containerId": "c8", "ips": ["10.20.6.88", "10.20.6.89"]}, {"containerId": "c9", "ips": ["10.20.6.88", "fd20:0:0:606::88"]}, {"containerId": "c10", "ips": 7},
                 {"containerId": "c11", "ips": [7, "x", None]}, {"containerId": "c1", "interface": "net2"}, {"network": n4, "containerId": "c12"}, {"network": f"{CLOUD}/l3Networks/n2"}, {"network": f"{CLOUD}/l2Networks/ha"},
                 {"network": "x", "containerId": "", "interface": 7}, {"network": None}, {"containerId": "a#b"}, {"containerId": "x" * 257}, {"containerId": "c13", "pod": None}, {"network": f"{CLOUD}/l3Networks/absent"},
                 {"containerId": "c14", "ips": []}, {"containerId": "c15", "node": "core-east-w2", "ips": ["10.20.6.255"]}):
        ask("POST", "/agents/v1/leases/acquire", {**pod, **more}, token=node)
    ask("POST", "/agents/v1/leases/acquire", "{", token=node)
    for path in ("leases", "pools/default", "leases/10.20.6.77"):
        ask("GET", f"{n6}/providers/Weft.Ipam/{path}?api-version={OWN}")
    ask("GET", f"/providers/Weft.Ipam/who?api-version={OWN}&name=upf-0")
    for command in ("ipam show n6", "ipam leases n6", "who 10.20.6.77", "who upf-0", "get leases --network n6 -o wide"):
        stage.tell("weft", *command.split())
    for more in ({}, {}, {"containerId": "c3"}, {"network": "x"}, {"network": f"{CLOUD}/l3Networks/absent"}, {"containerId": "none"}, {"containerId": ""}, {"network": n4, "containerId": "c12"}, {"containerId": "c2", "interface": "net9"}):
        ask("POST", "/agents/v1/leases/release", {**{k: v for k, v in pod.items() if k in ("network", "containerId", "interface")}, **more}, token=node)
    ask("GET", f"{n6}/providers/Weft.Ipam/leases?api-version={OWN}", title="leases after the releases")
    for container, interface in (("c1", "net2"), ("c2", "net1"), ("c9", "net1"), ("c13", "net1"), ("c14", "net1")):
        server.send("POST", "/agents/v1/leases/release", {"network": n6, "containerId": container, "interface": interface}, token=node)
    # Verifications.
    for body in ({"node": "absent"}, {"node": "upf-east-w1"}, {"x": 1}, {"node": 7}, {"pod": "x"}, {"network": "absent"}, {"interface": "a b c d e f g h i j"}, "{"):
        ask("POST", f"{EAST}/verify?api-version=2026-10-01", body)
    ask("POST", f"{CLOUD}/kubernetesClusters/core-west/verify?api-version=2026-10-01", {})
    _, asked, _ = ask("POST", f"{EAST}/verify?api-version=2026-10-01", {"node": "core-east-w1", "network": "n6"})
    verification = asked["id"]
    ask("GET", f"{verification}?api-version={OWN}", headers={"Prefer": "wait=0"})
    _, waiting, _ = ask("GET", "/agents/v1/verifications?after=0&wait=0", token=node)
    number = verification.rsplit("/", 1)[1]
    found = {"node": "core-east-w1", "interfaces": [{"network": n6, "interface": "n6", "checks": [{"hop": "Interface", "state": "Passed", "message": "there"}, {"hop": "Gateway", "state": "Failed", "message": "silent", "family": "IPv4"}]}]}
    for body in ({}, {"interfaces": 7}, {"node": "x", "interfaces": [7]}, {"node": "x", "interfaces": [{"checks": [{"hop": "x", "state": "y"}]}]}, "{", found):
        ask("PUT", f"/agents/v1/verifications/{number}", body, token=node)
    ask("PUT", "/agents/v1/verifications/absent", found, token=node)
    ask("GET", f"{verification}?api-version={OWN}", headers={"Prefer": "wait=10"})
    ask("GET", f"{verification}-absent?api-version={OWN}")
    ask("DELETE", f"{verification}?api-version={OWN}")
    # The site as the examples have it, and no agent left that nobody plays.
    status, _, headers = ask("PATCH", f"{CLOUD}/trunkedNetworks/ran?api-version=2026-10-01", {"properties": {"vlans": [602, 603, 750]}})
    for name in ("core-east-w1", "undeclared", "whole"):
        report(name, **({"certificateAuthority": authority} if name == "whole" else {}))
    for name in ("upf-east-w1", "upf-east-w2"):
        report(name)
    ask("GET", (headers["Azure-AsyncOperation"] or "")[len(server.url):], headers={"Prefer": "wait=10"}, title="the site is as before")
    stage.tell("weft", "agent", "forget", "undeclared", "--cluster", "core-east")
    stage.tell("weft", "agent", "forget", "undeclared", "--cluster", "core-east", "--yes", order=False)
    ask("GET", "/agents/v1/desired?wait=0", token=held["undeclared"], title="an agent that was forgotten")
    below = f"{EAST}/providers/Weft.Fleet/agents"
    for method, path in (("GET", below), ("GET", f"{below}/whole"), ("PUT", f"{below}/whole"), ("PATCH", f"{below}/whole"), ("PUT", f"{below}/other"), ("GET", f"{below}/undeclared")):
        ask(method, f"{path}?api-version={OWN}", {"properties": {}} if method in ("PUT", "PATCH") else None)
    for cluster, names in (("core-east", ("core-east-w1", "whole")), ("upf-east", ("upf-east-w1", "upf-east-w2"))):
        for name in names:
            settle("DELETE", f"{CLOUD}/kubernetesClusters/{cluster}/providers/Weft.Fleet/agents/{name}?api-version={OWN}")


def plugin(stage, server):
    """A real agent beside weftd, the plugins that ask its socket, and the files it writes."""
    stage.record.chapter("90-agent-and-plugins")
    # The socket's path may be 107 bytes long, and the work folder is anywhere.
    state, run = stage.work / "agent", stage.work / "run"
    token = stage.work / "enrolment.token"
    stage.tell("weft", "agent", "token", "--cluster", "core-west", "--name", "core-west-w1", "--node", "core-west-w1", "--out", str(token))
    (stage.work / "sys").mkdir()
    (stage.work / "proc").mkdir()
    run.mkdir()
    agent = [stage.program("weft-agent"), "--server", server.url, "--state", str(state), "--name", "core-west-w1", "--node", "core-west-w1", "--enrollment-token-file", str(token), "--socket", str(run / "s"),
             "--sys", str(stage.work / "sys"), "--proc", str(stage.work / "proc"), "--cni-bin", str(stage.work / "no-plugins"), "--no-relay"]
    west = f"{CLOUD}/kubernetesClusters/core-west"

    def begin(name):
        with open(stage.work / f"{name}.log", "w") as log:
            process = stage.start(agent, stderr=log, stdout=log)
        return process

    def applied():
        found = server.get(f"{west}/providers/Weft.Fleet/agents/core-west-w1?api-version={OWN}")
        picture = server.get(f"{west}/providers/Weft.Fleet/desiredStates/current?api-version={OWN}")
        status = ((found or {}).get("properties") or {}).get("status") or {}
        return status.get("state") == "Applied" and status.get("digest") == picture["properties"]["digest"]

    process = begin("agent")
    wait(applied, "the agent to apply its picture")
    wait(lambda: (run / "s").exists(), "the agent's socket")
    stage.record.add("the mode of the socket", oct((run / "s").stat().st_mode & 0o7777))

    def ask(line, what=None):
        with socket.socket(socket.AF_UNIX) as talk:
            talk.settimeout(30)
            talk.connect(str(run / "s"))
            try:
                talk.sendall(line if isinstance(line, bytes) else line.encode())
            except BrokenPipeError:
                pass
            answer = b""
            try:
                while chunk := talk.recv(65536):
                    answer += chunk
            except ConnectionResetError:
                pass
        text = line if isinstance(line, str) else line.decode("latin-1")
        stage.record.add(f"socket: {what or text.strip()}", indent(answer.decode("utf-8", "backslashreplace")))

    n6, n2 = f"{CLOUD}/l3Networks/n6", f"{CLOUD}/l3Networks/n2"
    base = {"network": n6, "containerId": "s1", "interface": "net1", "namespace": "core", "pod": "amf-0", "uid": "u"}
    for request in ({"verb": "status"}, {"verb": "acquire", **base}, {"verb": "acquire", **base, "ips": ["10.20.6.99"]}, {"verb": "check", **base}, {"verb": "check", **base, "addresses": ["10.20.6.250"]},
                    {"verb": "check", **base, "addresses": 7}, {"verb": "acquire", **base, "containerId": "s2", "ips": ["10.20.6.40"]}, {"verb": "acquire", **base, "containerId": "s2", "ips": "x"},
                    {"verb": "acquire", **base, "network": f"{CLOUD}/l3Networks/n4"}, {"verb": "acquire", **base, "network": "x"}, {"verb": "acquire"}, {"verb": "nonsense"}, {}, {"verb": 7},
                    {"verb": "acquire", **base, "containerId": 7}, {"verb": "acquire", **base, "containerId": "s3", "x": 1}, {"verb": "release", **base}, {"verb": "release", **base}, {"verb": "check", **base},
                    {"verb": "release", **base, "containerId": "s3"}, {"verb": "release", **base, "containerId": "never"}, {"verb": "release"}):
        ask(json.dumps(request) + "\n")
    for line, what in (("\n", "an empty line"), ("{\n", "no JSON"), ("[]\n", "a list"), ("x" * 70000 + "\n", "a long line"), (b"\xff\xfe\n", "no UTF-8"), ('{"verb":"status"} {}\n', "two objects"),
                       ('{"verb":"status"}\n{"verb":"status"}\n', "two lines")):
        ask(line, what)
    bin_folder = stage.work / "cni"
    bin_folder.mkdir()
    # The upstream plugin, as far as a trunk needs it: it writes down what it was given, asks for the address, and answers.
    (bin_folder / "ipvlan").write_text(f"""#!/bin/sh
conf=$(cat)
printf '%s %s %s %s\\n%s\\n' "$CNI_COMMAND" "$CNI_IFNAME" "$CNI_CONTAINERID" "$CNI_ARGS" "$conf" >>{shlex.quote(str(stage.work / 'delegate.log'))}
case $CNI_COMMAND in
    ADD) case $CNI_IFNAME in *.603) echo '{{"cniVersion":"1.0.0","code":999,"msg":"no such link"}}'; exit 1 ;; esac
         echo '{{"cniVersion":"1.0.0","interfaces":[{{"name":"'"$CNI_IFNAME"'","mac":"52:54:00:00:00:01","sandbox":"/proc/1/ns/net"}}],"ips":[{{"address":"192.0.2.10/24","interface":0}}]}}' ;;
    VERSION) echo '{{"cniVersion":"1.0.0","supportedVersions":["0.4.0","1.0.0"]}}' ;;
esac
""")
    (bin_folder / "ipvlan").chmod(0o755)
    every = {"CNI_CONTAINERID": "p1", "CNI_NETNS": "/proc/1/ns/net", "CNI_IFNAME": "net1", "CNI_PATH": str(bin_folder), "CNI_ARGS": "IgnoreUnknown=1;K8S_POD_NAMESPACE=core;K8S_POD_NAME=smf-0;K8S_POD_UID=u2"}

    def call(verb, conf, program="weft-ipam", title=None, **more):
        environment = {"CNI_COMMAND": verb, **every, **more}
        environment = {name: value for name, value in environment.items() if value is not None}
        given = conf if isinstance(conf, str) else json.dumps(conf)
        said = " ".join(f"{name}={shlex.quote(value or 'unset')}" for name, value in more.items())
        return stage.tell(program, given=given, more=environment, title=title or f"{program} {verb} {said}")

    conf = {"cniVersion": "1.0.0", "name": "n6", "type": "macvlan", "master": "n6", "ipam": {"type": "weft-ipam", "network": n6, "socket": str(run / "s")}}
    for number, version in enumerate(("0.1.0", "0.2.0", "0.3.0", "0.3.1", "0.4.0", "1.0.0", "1.1.0", "9.9.9", None, 7)):
        one = {**conf, "cniVersion": version} if version is not None else {k: v for k, v in conf.items() if k != "cniVersion"}
        more = {"CNI_CONTAINERID": f"v{number}"}
        result = call("ADD", one, **more)
        try:
            previous = json.loads(result[1])
        except ValueError:
            previous = None
        call("CHECK", {**one, "prevResult": previous}, **more)
        call("CHECK", one, **more)
        call("STATUS", one, **more)
        call("GC", {**one, "cni.dev/valid-attachments": []}, **more)
        call("DEL", {**one, "prevResult": previous}, **more)
        call("DEL", one, **more)
        call("VERSION", one, **more)
    for name in ("CNI_CONTAINERID", "CNI_NETNS", "CNI_IFNAME", "CNI_PATH", "CNI_ARGS"):
        for value in (None, "", "a b", "-x", "x" * 300, "../x", "net1/2", "."):
            for verb in ("ADD", "DEL", "CHECK", "STATUS"):
                # What is taken is given back at once, so that no address depends on what went before.
                result = call(verb, conf, **{name: value})
                if verb == "ADD" and result[0] == 0:
                    stage.run("weft-ipam", given=json.dumps(conf), more={k: v for k, v in {**every, "CNI_COMMAND": "DEL", name: value}.items() if v is not None})
    for text in ("", "{", "[]", "null", "7", "{}", '{"name":7}', '{"cniVersion":"1.0.0"}', '{"cniVersion":"1.0.0","name":"n6"}', '{"cniVersion":"1.0.0","name":"a b"}', '{"cniVersion":"1.0.0","name":"n6","ipam":7}',
                 '{"cniVersion":"1.0.0","name":"n6","ipam":{}}'):
        for verb in ("ADD", "DEL", "CHECK", "STATUS", "GC", "VERSION", "NONSENSE", "add"):
            call(verb, text, title=f"weft-ipam {verb} with {text!r}")
    for change in ({"network": 7}, {"network": "x"}, {"network": f"{CLOUD}/l3Networks/absent"}, {"network": f"{CLOUD}/l3Networks/n4"}, {"network": f"{CLOUD}/l2Networks/ha"}, {"x": 1}, {"socket": "x"}, {"socket": 7}, {"socket": "/nonexistent"},
                   {"routes": 7}, {"routes": [7]}, {"routes": [{"dst": "x"}]}, {"routes": [{"dst": "10.0.0.0/8", "gw": "10.20.6.1"}, {"dst": "::/0"}]}, {"routes": [{"dst": "10.0.0.0/8", "x": 1}]}, {"type": 7}, {"network": n2}):
        wrong = {**conf, "ipam": {**conf["ipam"], **change}}
        for verb in ("ADD", "CHECK", "DEL", "STATUS"):
            call(verb, {**wrong, "prevResult": {"cniVersion": "1.0.0", "ips": [{"address": "10.20.6.7/24"}]}}, title=f"weft-ipam {verb} with {change}", CNI_CONTAINERID="w1")
    for args, more in (("IP=10.20.6.120", {}), ("IP=10.20.6.121,fd20:0:0:606::121", {}), ("IP=10.20.6.120/24", {}), ("IP=x", {}), ("IP=", {}), ("IP=10.20.6.1", {}), ("IP=10.20.6.40", {}), ("IP=192.0.2.1", {}), ("nonsense", {}), ("A=B", {}),
                       ("IgnoreUnknown=1;A=B", {}), ("IP=10.20.6.122;IP=10.20.6.123", {}), ("IP=10.20.6.124,10.20.6.125", {}), ("K8S_POD_NAME=", {}), ("", {"runtimeConfig": {"ips": ["10.20.6.126/24"]}}),
                       ("IP=10.20.6.127", {"runtimeConfig": {"ips": []}}), ("", {"args": {"cni": {"ips": ["10.20.6.128"]}}}), ("", {"runtimeConfig": {"ips": 7}}), ("", {"runtimeConfig": {"ips": [7]}}), ("", {"args": 7}),
                       ("IP=10.20.6.129", {"runtimeConfig": {"ips": ["x"]}})):
        for verb in ("ADD", "DEL"):
            call(verb, {**conf, **more}, title=f"weft-ipam {verb} with CNI_ARGS={args!r} and {more}", CNI_ARGS=args, CNI_CONTAINERID="a1")
    call("ADD", conf, CNI_CONTAINERID="k1")
    for previous in (7, {}, {"cniVersion": "1.0.0"}, {"cniVersion": "1.0.0", "ips": 7}, {"cniVersion": "1.0.0", "ips": [{"address": "x"}]}, {"cniVersion": "1.0.0", "ips": [{"address": "10.20.6.250/24"}]}, {"cniVersion": "0.4.0", "ips": []}):
        call("CHECK", {**conf, "prevResult": previous}, title=f"weft-ipam CHECK of {previous}", CNI_CONTAINERID="k1")
    trunk = {"cniVersion": "1.0.0", "name": "ran", "type": "weft-trunk", "master": "ran", "mode": "l2",
             "vlans": [{"id": 602, "mtu": 9000, "network": n2}, {"id": 750, "mtu": 1500}], "socket": str(run / "s")}
    bring = {"args": {"cni": {"vlans": {"602": ["10.20.2.40"], "750": ["192.0.2.10/24", "2001:db8::10/64"]}}}}
    previous = {"cniVersion": "1.0.0", "interfaces": [{"name": "net1.602"}, {"name": "net1.750"}], "ips": [{"address": "192.0.2.10/24", "interface": 1}]}
    for change in ({}, bring, {"master": 7}, {"master": None}, {"mode": "x"}, {"vlans": []}, {"vlans": 7}, {"vlans": [{"id": 0}]}, {"vlans": [{"id": 602}, {"id": 602}]}, {"vlans": [{"id": 602, "x": 1}]}, {"vlans": [{"id": 602, "mtu": 1}]},
                   {"x": 1}, {"vlans": trunk["vlans"] + [{"id": 603, "network": n6}]}, {"args": {"cni": {"vlans": {"999": ["192.0.2.1/24"]}}}}, {"args": {"cni": {"vlans": {"750": ["192.0.2.1"]}}}}, {"args": {"cni": {"vlans": 7}}},
                   {"runtimeConfig": {"ips": ["10.20.2.41"]}}, {"runtimeConfig": {"mac": "02:00:00:00:00:01"}}, {"cniVersion": "1.1.0"}, {"cniVersion": "0.4.0"}, {"cniVersion": "9.9.9"}, {"ipam": {}}, {"name": 7}, {"socket": 7}):
        for verb in ("ADD", "CHECK", "DEL", "STATUS", "GC", "VERSION"):
            call(verb, {**trunk, **change, **({"prevResult": previous} if verb == "CHECK" else {})}, "weft-trunk", title=f"weft-trunk {verb} with {change}", CNI_CONTAINERID="t1")
    for more in ({"CNI_IFNAME": "a-long-name-x"}, {"CNI_PATH": str(stage.work / "no-plugins")}, {"CNI_PATH": None}, {"CNI_ARGS": "IP=10.20.2.3;MAC=02:00:00:00:00:01"}):
        for verb in ("ADD", "DEL", "STATUS"):
            call(verb, trunk, "weft-trunk", **more)
    stage.record.add("what the delegate was given", indent((stage.work / "delegate.log").read_text()))
    stage.files("the agent's manifests", state / "manifests")
    stage.files("the agent's node files", state / "nodes")
    server.ask("GET", f"{west}/providers/Weft.Fleet/agents/core-west-w1?api-version={OWN}")
    server.ask("GET", f"{n6}/providers/Weft.Ipam/leases?api-version={OWN}")
    stage.tell("weft", "get", "leases", "--network", "n6")
    # A change reaches the folder; the operation ends when it is there.
    server.settle("PATCH", f"{FABRIC}/l3IsolationDomains/core-up/internalNetworks/n6-subnets?api-version=2025-07-15", {"properties": {"mtu": 8000}})
    stage.files("the agent's manifests after a change", state / "manifests")
    stage.files("the agent's node files after a change", state / "nodes")
    server.settle("PATCH", f"{FABRIC}/l3IsolationDomains/core-up/internalNetworks/n6-subnets?api-version=2025-07-15", {"properties": {"mtu": 9000}})
    # Cut off: leases that are there are answered, others are not.
    stage.record.add(f"the agent ends with {stage.end(process)}")
    call("ADD", conf, CNI_CONTAINERID="k1", title="weft-ipam ADD without an agent")
    call("DEL", conf, CNI_CONTAINERID="k1", title="weft-ipam DEL without an agent")
    call("STATUS", {**conf, "cniVersion": "1.1.0"}, title="weft-ipam STATUS without an agent")
    stage.files("the agent's state", state, content=False)
    stage.record.add("what the agent remembers that it made", *[indent((state / name).read_text()) for name in ("manifests.made", "nodes.made")])
    lines = sorted({stage.record.names.clean(line.split(" ", 1)[1]) for line in (stage.work / "agent.log").read_text().splitlines() if " " in line})
    stage.record.add("the agent's log: its lines, each once, without their times", indent("\n".join(lines)))
    second = subprocess.run([*agent[:5], "--name", "x", "--socket", str(run / "t")], env=stage.environment, capture_output=True, timeout=30)
    stage.record.add("an agent with a state and without its name", indent(second.stderr.decode()))
    refused = [*agent]
    refused[refused.index(str(state))] = str(stage.work / "agent-2")
    token.write_text("nonsense\n")
    stage.note("an agent with a token that isn't good", stage.run([refused[0]], *refused[1:]))
    for command in ("get agents", "drift", "inventory"):
        stage.tell("weft", *command.split(), "--cluster", "core-west")
    server.settle("DELETE", f"{west}/providers/Weft.Fleet/agents/core-west-w1?api-version={OWN}")


class Echo(socketserver.BaseRequestHandler):
    """A service behind the relay: it says back what it hears."""

    def handle(self):
        # Once, and not with each piece: into how many pieces a text is cut is the kernel's matter.
        self.request.sendall(b"you said: ")
        while chunk := self.request.recv(65536):
            self.request.sendall(chunk)
        self.request.shutdown(socket.SHUT_WR)


def relay(stage, server):
    """A listener at the relay, a sender, and the journal of both."""
    stage.record.chapter("91-relay")
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Echo) as echo:
        echo.daemon_threads = True
        threading.Thread(target=echo.serve_forever, daemon=True).start()
        port = echo.server_address[1]
        stage.record.replace(f"127.0.0.1:{port}", "127.0.0.1:<echo>")
        stage.tell("weft", "relay", "listen", "vm/probe1", "--service", "ssh=169.254.169.254:22")
        stage.tell("weft", "relay", "listen", "vm/probe1", "--service", "nonsense")
        stage.tell("weft", "relay", "listen", "vm/absent", "--service", f"ssh=127.0.0.1:{port}")
        with open(stage.work / "listen.log", "w") as log:
            listener = stage.start([stage.program("weft"), "relay", "listen", "vm/probe1", "--service", f"ssh=127.0.0.1:{port}"], stdout=log, stderr=log)
        probe = f"{CLOUD}/virtualMachines/probe1/providers/Weft.Relay/connections/default?api-version={OWN}"
        wait(lambda: server.get(probe)["properties"]["listenerCount"] == 1, "the listener")
        server.ask("GET", probe)
        for given in ("", "hello\n", "x" * 100000):
            code, out, error = stage.run("weft", "stdio", "vm/probe1", given=given)
            stage.record.add(f"weft stdio vm/probe1 with {len(given)} bytes", f"exit {code}, {len(out.replace('you said: ', ''))} bytes back", indent(error))
        stage.tell("weft", "stdio", "vm/probe1:nonsense")
        stage.tell("weft", "stdio", "vm/probe1:22", given="hello\n")
        for command in ("relay ls", "relay ls --listeners", "relay ls -o json", "relay top --once --interval 1s"):
            stage.tell("weft", *command.split())
        rules = f"{CLOUD}/virtualMachines/probe1/providers/Weft.Relay/networkRuleSets/default?api-version={OWN}"
        server.ask("PUT", f"{rules}&force=true", {"properties": {"ipRules": [{"ipMask": "0.0.0.0/0", "appliesTo": "listeners"}]}})
        stage.tell("weft", "stdio", "vm/probe1", given="hello\n")
        server.ask("DELETE", rules)
        stage.record.add(f"the listener ends with {stage.end(listener)}")
        echo.shutdown()
    audit = []
    for line in (server.data / "relay-audit.log").read_text().splitlines():
        entry = json.loads(line)
        # Counts and ports of what went over a socket are the kernel's, not ours.
        for name in ("at", "expiresAt", "port", "milliseconds", "tracking", "bytesUp", "bytesDown"):
            if entry.get(name) is not None:
                entry[name] = f"<{name}>"
        audit.append(json.dumps(entry))
    stage.record.add("the relay's journal, sorted", indent("\n".join(sorted(audit))))


def limits(stage):
    """A weftd with limits of its own and without a relay."""
    stage.record.chapter("92-limits")
    for number, text in enumerate(('{"vlanLowest":200,"mtuHighest":1500,"reservedAddresses":8}', "{", '{"x":1}', '{"vlanLowest":0}', '{"vlanLowest":4094,"vlanHighest":100}', '{"mtuLowest":"x"}', "[]")):
        path = stage.work / f"limits-{number}.json"
        path.write_text(text)
        if number:
            stage.tell("weftd", "serve", "--data", str(stage.work / f"limited-{number}"), "--listen", "127.0.0.1:0", "--limits", str(path))
    server = stage.serve("limited", "--limits", str(stage.work / "limits-0.json"))
    server.ask("GET", f"/providers/Weft.Fleet/limits?api-version={OWN}")
    server.ask("GET", f"/providers/Weft.Relay/status?api-version={OWN}")
    server.ask("GET", f"{SITE}/resources?api-version={ARM}")
    there = ["--server", server.url, "--token-file", str(server.data / "admin.token"), "-s", SUBSCRIPTION, "-g", "edge-east"]
    for command in (["plan", "-f", "examples/5g-site"], ["plan", "-f", "examples/5g-site", "-o", "json"], ["apply", "-f", "examples/5g-site"], ["apply", "-f", "examples/relay"], ["get", "l3networks"], ["relay", "ls"]):
        stage.tell("weft", *command, *there, order=False)
    stage.tell("weftd", "serve", "--data", str(server.data), "--listen", "127.0.0.1:0", title="a second weftd on one folder")
    stage.files("what weftd keeps", server.data, content=False)
    stage.record.add(f"weftd ends with {stage.end(server.process)}")


def takedown(stage, server):
    """The whole site is deleted, by documents and by name."""
    stage.record.chapter("95-takedown")
    stage.tell("weft", "delete", "virtualmachines", "router1", "--yes", order=False)
    stage.tell("weft", "delete", "virtualmachines", "router1", "--yes", order=False)
    stage.tell("weft", "disable", "l2isolationdomain", "heartbeat", order=False)
    stage.tell("weft", "enable", "l2isolationdomain", "heartbeat", order=False)
    for example in ("relay", "bare-metal-upf", "5g-site"):
        stage.tell("weft", "delete", "-f", f"examples/{example}", "--yes", order=False)
        stage.tell("weft", "delete", "-f", f"examples/{example}", "--yes", order=False)
    server.ask("GET", f"{SITE}/resources?api-version={ARM}")
    server.ask("GET", f"{SITE}/resourceGroups?api-version={ARM}")
    stage.files("what weftd keeps", server.data, content=False)
    code = stage.end(server.process)
    # Of a fault the log has a trace, with names of the program's own parts: these may change.
    log = [line.split(" System.")[0] for line in (stage.work / "site.log").read_text().splitlines()]
    stage.record.add(f"weftd ends with {code}; its log", indent("\n".join(log)))
