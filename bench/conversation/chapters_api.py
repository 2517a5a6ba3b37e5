"""Chapters over the resource API: what is read, what is refused, what is written."""

import concurrent.futures
import copy
import json
import urllib.parse

import members
from record import SUBSCRIPTION
from stage import GROUP, short, wait

OWN = "2026-11-01"
SITE = f"/subscriptions/{SUBSCRIPTION}"
ARM = "2021-04-01"
CLOUD = f"{GROUP}/providers/Microsoft.NetworkCloud"
FABRIC = f"{GROUP}/providers/Microsoft.ManagedNetworkFabric"
RELAY = f"{GROUP}/providers/Microsoft.Relay"
EAST = f"{CLOUD}/kubernetesClusters/core-east"


class Site:
    """The site as the chapters know it: its kinds with their versions, and a resource of each."""

    def __init__(self, stage, server):
        self.stage, self.server = stage, server
        self.versions = {}
        for provider in server.get(f"{SITE}/providers?api-version={ARM}")["value"]:
            for kind in provider["resourceTypes"]:
                self.versions[f"{provider['namespace']}/{kind['resourceType']}"] = kind["apiVersions"]
        self.rows = {kind: members.members(stage, kind) for kind in self.versions}

    def version(self, kind):
        return next(v for v in self.versions[kind] if not v.endswith("preview")) if kind in self.versions else OWN

    def at(self, resource, kind=None):
        return f"{resource}?api-version={self.version(kind or kind_of(resource))}"

    def all(self):
        """Every resource, by its kind."""
        found = {}
        for resource in [self.server.get(f"{GROUP}?api-version={ARM}")] + self.server.get(f"{SITE}/resources?api-version={ARM}&$top=1000")["value"]:
            found.setdefault(kind_of(resource["id"]), []).append(resource)
        return found


def kind_of(resource):
    parts = resource.strip("/").split("/")
    if "providers" not in parts:
        return "Microsoft.Resources/resourceGroups"
    last = len(parts) - 1 - parts[::-1].index("providers")
    return parts[last + 1] + "/" + "/".join(parts[last + 2::2])


def collections(resource):
    """The collections a resource is listed in: its parent's, its group's and its subscription's."""
    yield resource.rsplit("/", 1)[0]
    kind = kind_of(resource)
    if resource.count("/providers/") == 1 and kind.count("/") == 1:
        yield f"{SITE}/providers/{kind}"


def door(stage, server):
    """Before anything is declared: who may call, and how a path is wrong."""
    stage.record.chapter("10-door")
    ask = server.ask
    stage.record.add("weftd says where it listens", server.said)
    for token, what in ((None, "no credential"), ("", "an empty one"), ("nonsense", "an unknown one"), ("x" * 600, "a long one")):
        for method, path in (("GET", f"{GROUP}?api-version={ARM}"), ("PUT", f"{GROUP}?api-version={ARM}"), ("POST", f"/providers/Weft.Fleet/plan?api-version={OWN}"), ("GET", "/"),
                             ("GET", "/agents/v1/desired"), ("POST", "/agents/v1/enroll")):
            ask(method, path, token=token if token != "" else " ", title=f"{method} {short(path)} with {what}")
    ask("GET", f"{GROUP}?api-version={ARM}", token=None, headers={"Authorization": "Basic eDp5"})
    ask("GET", f"{GROUP}?api-version={ARM}", token=None, headers={"Authorization": f"bearer {server.token}"}, title="the scheme in lower case")
    ask("GET", f"{SITE}?api-version={ARM}", headers={"x-ms-client-request-id": "11111111-2222-4333-8444-555555555555"})
    for path in ("/", "/x", "/subscriptions", f"/subscriptions?api-version={ARM}", SITE, f"{SITE}?api-version={ARM}", f"{SITE}?api-version=2019-01-01", f"{SITE}?api-version=x",
                 f"{SITE}/resourceGroups", f"{SITE}/resourceGroups?api-version={ARM}", f"{GROUP}?api-version={ARM}", f"{GROUP}/resources?api-version={ARM}",
                 f"{SITE}/providers?api-version={ARM}", f"{SITE}/providers/Microsoft.NetworkCloud?api-version={ARM}", f"{SITE}/providers/microsoft.networkcloud?api-version={ARM}",
                 f"{SITE}/providers/No.Such?api-version={ARM}", f"{SITE}/providers", f"{SITE}/resources?api-version={ARM}", f"{CLOUD}/l3Networks?api-version=2026-10-01",
                 f"{CLOUD}/l3Networks/n6?api-version=2026-10-01", f"{SITE}/providers/Microsoft.NetworkCloud/l3Networks?api-version=2026-10-01",
                 f"{GROUP}/providers/No.Such/things/x?api-version={ARM}", f"{GROUP}/providers/No.Such/things?api-version={ARM}", f"{CLOUD}/things/x?api-version={ARM}",
                 f"{CLOUD}/things?api-version={ARM}", f"{GROUP}/providers", f"{CLOUD}?api-version={ARM}", f"{CLOUD}/l3Networks/n6/x?api-version={ARM}", "//", "/subscriptions//x",
                 "/subscriptions/x/resourceGroups/y/z", f"{GROUP}/providers/Microsoft.NetworkCloud/l3Networks/a%2Fb?api-version=2026-10-01",
                 f"{CLOUD}/l3Networks/%20?api-version=2026-10-01", f"{CLOUD}/l3Networks/{'x' * 300}?api-version=2026-10-01", "/providers/No.Such/x", "/providers/Weft.Fleet/nothing",
                 f"/providers/Weft.Fleet/nothing?api-version={OWN}", "/providers/Weft.Fleet/limits", f"/providers/Weft.Fleet/limits?api-version={OWN}",
                 f"/providers/Weft.Fleet/limits?api-version={ARM}", f"/providers/Weft.Ipam/who?api-version={OWN}", f"/providers/Weft.Relay/status?api-version={OWN}",
                 f"/providers/Weft.Relay/check?api-version={OWN}", f"/providers/Weft.Identity/principals?api-version={OWN}", f"/providers/Weft.Identity/x?api-version={OWN}",
                 f"{SITE}/providers/Microsoft.NetworkCloud/locations/global/operationStatuses/x?api-version={ARM}",
                 f"{SITE}/providers/Microsoft.NetworkCloud/locations/global/operationResults/x?api-version={ARM}",
                 f"{SITE}/providers/Microsoft.NetworkCloud/locations/global/operationStatuses/x"):
        for method in ("GET", "HEAD", "PUT", "PATCH", "POST", "DELETE", "OPTIONS"):
            body = {} if method in ("PUT", "PATCH", "POST") else None
            # A group that could be made is left for later.
            if not (method == "PUT" and path.split("?")[0] == GROUP):
                ask(method, path, body)


def apply_examples(stage, server):
    """The examples are planned and applied by the command line, and planned again."""
    stage.record.chapter("20-apply")
    tell = stage.tell
    context = ["config", "set-context", "here", "--server", server.url, "--token-file", str(server.data / "admin.token"), "--subscription", SUBSCRIPTION, "--resource-group", "edge-east"]
    tell("weft", *context, title="weft config set-context here …")
    tell("weft", "config", "current-context")
    for example in ("5g-site", "bare-metal-upf", "relay"):
        folder = f"examples/{example}"
        for options in ([], ["--detailed"], ["-o", "json"], ["-o", "yaml"]):
            tell("weft", "plan", "-f", folder, *options)
        tell("weft", "apply", "-f", folder, "--dry-run")
        tell("weft", "apply", "-f", folder, *{"5g-site": [], "bare-metal-upf": ["-o", "json"], "relay": ["-o", "yaml"]}[example], order=False)
        for options in ([], ["--detailed"], ["-o", "json"]):
            tell("weft", "plan", "-f", folder, *options)
        for form in ("table", "json", "yaml", "name"):
            tell("weft", "apply", "-f", folder, "-o", form, order=False)
    # Everything the operations did is done: the site stands still.
    wait(lambda: all(r.get("properties", {}).get("provisioningState", "Succeeded") in ("Succeeded", "Failed", "Canceled")
                     for r in server.get(f"{SITE}/resources?api-version={ARM}&$top=1000")["value"]), "the site to settle")


def read(stage, server, site):
    """Every kind is read: each resource, its collections, its pages, what hangs on it."""
    stage.record.chapter("30-read")
    ask, all_of = server.ask, site.all()
    stage.record.add("kinds that the examples have", "\n".join(f"{kind}: {len(found)}" for kind, found in sorted(all_of.items())))
    ask("GET", f"{SITE}/providers?api-version={ARM}")
    for kind, versions in site.versions.items():
        for resource in all_of.get(kind, []):
            ask("GET", site.at(resource["id"]))
        if kind not in all_of:
            continue
        first = all_of[kind][0]["id"]
        for version in versions + ["2018-01-01", "2026-13-45", "nonsense", "2026-01-01-beta", ""]:
            ask("GET", f"{first}?api-version={version}", title=f"GET {short(first)} in version '{version}'")
        ask("GET", first)
        ask("GET", site.at(first.upper().replace(SUBSCRIPTION.upper(), SUBSCRIPTION), kind), title=f"GET {short(first)} in upper case")
        ask("HEAD", site.at(first))
        ask("GET", site.at(first + "-absent", kind))
        ask("GET", site.at(first.replace("edge-east", "nowhere", 1), kind))
        for method in ("POST", "OPTIONS", "TRACE"):
            ask(method, site.at(first))
        for action in ("nonsense", "updateAdministrativeState", "listKeys", "regenerateKeys", "listEnrollmentToken", "verify", "listCredentials"):
            if not (kind.endswith("kubernetesClusters") and action in ("listEnrollmentToken", "verify")) and not (kind.endswith("authorizationRules") and action in ("listKeys", "regenerateKeys")):
                ask("POST", site.at(f"{first}/{action}", kind), {"state": "Nonsense"})
        for listed in collections(first):
            for query in ("", "&$top=1", "&$top=2", "&$top=0", "&$top=1001", "&$top=x", "&$skipToken=x", "&$skipToken=AAAA"):
                ask("GET", f"{listed}?api-version={site.version(kind)}{query}")
            ask("GET", listed)
            ask("GET", f"{listed}?api-version=2018-01-01")
            for method in ("PUT", "POST", "DELETE"):
                ask(method, f"{listed}?api-version={site.version(kind)}", {} if method != "DELETE" else None)
            # The pages of a list hold together what the whole holds.
            following, pages = f"{listed}?api-version={site.version(kind)}&$top=2", 0
            while following and pages < 20:
                _, page, _ = ask("GET", following, title=f"page {pages + 1} of {short(listed)}")
                following, pages = (page.get("nextLink") or "")[len(server.url):], pages + 1
    for scope in (SITE, GROUP):
        for query in ("", "&$top=7", "&$filter=resourceType eq 'Microsoft.NetworkCloud/l3Networks'", "&$filter=resourceType eq 'No/such'", "&$filter=name eq 'x'"):
            ask("GET", f"{scope}/resources?api-version={ARM}{urllib.parse.quote(query, safe='&=')}")
    for network in all_of["Microsoft.NetworkCloud/l3Networks"]:
        below = f"{network['id']}/providers/Weft.Ipam"
        for path in ("pools/default", "pools/other", "pools", "leases", "leases/10.20.6.40", "leases/10.20.6.41", "leases/nonsense", "leases/fd20:0:0:606::40", "leases?$top=1"):
            ask("GET", f"{below}/{path}{'&' if '?' in path else '?'}api-version={OWN}")
        for method in ("PUT", "PATCH", "DELETE", "POST"):
            ask(method, f"{below}/pools/default?api-version={OWN}", {} if method != "DELETE" else None)
        ask("GET", f"{below}/leases?api-version=2020-01-01")
    targets = [r["id"] for kind in ("kubernetesClusters", "virtualMachines") for r in all_of[f"Microsoft.NetworkCloud/{kind}"]] + [r["id"] for r in all_of["Weft.Fleet/nodes"]]
    for target in targets + [f"{CLOUD}/virtualMachines/absent", f"{CLOUD}/clusters/edge-east"]:
        below = f"{target}/providers/Weft.Fleet/desiredStates"
        ask("GET", f"{below}/current?api-version={OWN}")
        ask("GET", f"{target}/providers/Weft.Relay/connections/default?api-version={OWN}")
        ask("GET", f"{target}/providers/Weft.Relay/connections?api-version={OWN}")
        ask("GET", f"{target}/providers/Weft.Relay/networkRuleSets?api-version={OWN}")
    ask("GET", f"{EAST}/providers/Weft.Fleet/desiredStates/other?api-version={OWN}")
    ask("GET", f"{EAST}/providers/Weft.Fleet/desiredStates/current")
    for method in ("PUT", "PATCH", "DELETE", "POST"):
        ask(method, f"{EAST}/providers/Weft.Fleet/desiredStates/current?api-version={OWN}", {} if method != "DELETE" else None)
        ask(method, f"{EAST}/providers/Weft.Relay/connections/default?api-version={OWN}", {} if method != "DELETE" else None)


def questions(stage, server, site):
    """Who, the relay's check, plans that are asked in many ways."""
    stage.record.chapter("31-questions")
    ask = server.ask
    for question in ("address=10.20.6.40", "address=10.20.6.1", "address=10.20.6.77", "address=192.0.2.1", "address=fd20:0:0:606::40", "address=fd20::1", "address=nonsense",
                     "address=10.20.6.0/24", "address=", "vlan=606", "vlan=750", "vlan=99", "vlan=4095", "vlan=0", "vlan=x", "vlan=-1", "mac=52:54:00:01:01:00", "mac=52-54-00-01-01-01",
                     "mac=nonsense", "mac=B8:59:9F:00:01:00", "name=probe1", "name=core", "name=n6", "name=absent", "name=", "nonsense=1", "", "address=10.20.0.11", "name=w1"):
        ask("GET", f"/providers/Weft.Ipam/who?api-version={OWN}&{question}")
    for method in ("PUT", "POST", "DELETE"):
        ask(method, f"/providers/Weft.Ipam/who?api-version={OWN}&vlan=606", {} if method != "DELETE" else None)
    node = f"{EAST}/providers/Weft.Fleet/nodes/core-east-w1"
    for to in (EAST, node, f"{CLOUD}/virtualMachines/probe1", f"{CLOUD}/clusters/edge-east", f"{RELAY}/namespaces/edge-east-relay", f"{RELAY}/namespaces/edge-east-relay/hybridConnections/camera",
               f"{CLOUD}/kubernetesClusters/absent", f"{CLOUD}/l3Networks/n6", "nonsense", ""):
        for more in ("", "&from=203.0.113.7", "&from=198.51.100.7", "&from=10.20.6.40", "&from=2001:db8:51::7", "&from=nonsense", "&as=listener", "&as=sender&from=198.51.100.9", "&as=nobody",
                     "&service=ssh", "&service=SSH/x", "&service=nonsense", "&from=198.51.100.7&service=ssh", "&as=listener&from=10.20.0.11", "&as=x&from=y"):
            ask("GET", f"/providers/Weft.Relay/check?api-version={OWN}&to={to}{more}")
    ask("GET", f"/providers/Weft.Relay/status?api-version={OWN}")
    plan = f"/providers/Weft.Fleet/plan?api-version={OWN}"
    for body in ("", "{", "[]", "null", "7", '"x"', "{}", '{"resources":7}', '{"resources":[7]}', '{"resources":[]}', '{"resources":[{}]}', '{"resources":[{"id":"x"}]}', '{"resources":[{"id":7}]}',
                 '{"resources":[],"resources":[]}', '{"resources":[],}', '{"resources":[]} x', "\ufeff{}", '{"a":"\ud800"}', "{" + '"a":{' * 100 + "}" * 101, "/* x */ {}"):
        for path in (plan, f"{CLOUD}/l3Networks/n6?api-version=2026-10-01"):
            for method in ("POST",) if path is plan else ("PUT", "PATCH"):
                if not (method == "PATCH" and body in ("", "{}", "\ufeff{}")):
                    ask(method, path, body)
    ask("PUT", f"{CLOUD}/l3Networks/n6?api-version=2026-10-01", b'{"location":"\xff\xfe"}')
    ask("PUT", f"{CLOUD}/l3Networks/n6?api-version=2026-10-01", b'{"x":"' + b"x" * (4 * 1024 * 1024) + b'"}')
    good = members.sample(server.get(site.at(f"{CLOUD}/l3Networks/n6")), site.rows["Microsoft.NetworkCloud/l3Networks"])
    for kind in ("text/plain", "application/xml", "application/json; charset=utf-16"):
        ask("PUT", f"{CLOUD}/l3Networks/n6?api-version=2026-10-01", good, headers={"Content-Type": kind})


def refusals(stage, server, site):
    """Of every kind, bodies that differ from a good one in a single member: asked of the plan, and written where the plan refuses."""
    ask, all_of = server.ask, site.all()
    for number, (kind, rows) in enumerate(site.rows.items()):
        if kind not in all_of or kind.endswith("/agents"):
            continue
        stage.record.chapter(f"40-refusals-{kind.replace('/', '.')}")
        version = site.version(kind)
        found = all_of[kind]
        # The one that has most to say.
        existing = max(found, key=lambda r: len(json.dumps(members.sample(r, rows))))
        body = members.sample(existing, rows)
        new = existing["id"].rsplit("/", 1)[0] + "/probe-x"
        stage.record.add(f"the good body of {short(existing['id'])}", json.dumps(body, indent=1))
        for resource in (existing["id"], new):
            word = "new" if resource == new else "there"
            probe_all(server, [(resource, version, changed, f"{word}: {what}") for what, changed in members.variations(body, rows)])
        for what, changed in members.variations(body, rows):
            # PATCH takes a part: what is right is written, and put back.
            part = {name: value for name, value in changed.items() if value != body.get(name)}
            if not part or any(word in what for word in ("a list of", "very long", "the address", "in upper case")):
                continue
            status, _, _ = ask("PATCH", f"{existing['id']}?api-version={version}&probe=1", part, title=f"patch: {what}")
            if status < 300:
                put_back(server, site, existing, body, version)
        named = [(existing["id"].rsplit("/", 1)[0] + "/" + name, version, body, f"named '{name}'")
                 for name in ("", "a b", "x" * 90, "-", "ü", "UPPER", "a.b", "a_b", "1", "default", "nonsense!", "%00")]
        probe_all(server, named + [(existing["id"].replace("edge-east", parent, 1), version, body, f"in group {parent}") for parent in ("nowhere", "edge-west")])
        for headers in ({"If-Match": '"nonsense"'}, {"If-Match": "nonsense"}, {"If-None-Match": "*"}, {"If-None-Match": '"x"'}):
            for method in ("PUT", "PATCH", "DELETE"):
                ask(method, f"{existing['id']}?api-version={version}", body if method != "DELETE" else None, headers=headers, show=False,
                    title=f"{method} {short(existing['id'])} with {headers}")
        ask("PUT", f"{new}?api-version={version}", body, headers={"If-Match": "*"}, show=False, title=f"PUT {short(new)} with If-Match: *")
        ask("PUT", f"{existing['id']}?api-version={version}", body, show=False, title=f"PUT {short(existing['id'])} unchanged")
        for method in ("PUT", "PATCH", "DELETE"):
            ask(method, f"{existing['id']}?api-version=2018-01-01", {})
        ask("DELETE", f"{new}?api-version={version}")


def probe_all(server, probes):
    """Asked of the plan first: what it lets through is not written, so that the site stays as it is. What is refused writes nothing, so it is asked side by side."""
    with concurrent.futures.ThreadPoolExecutor(3) as pool:
        for said in pool.map(lambda one: probe(server, *one), probes):
            for exchange in said:
                server.stage.record.add(*exchange)


def probe(server, resource, version, body, what):
    planned = {"id": resource, **body}
    said, status, answer, _ = server.exchange("POST", f"/providers/Weft.Fleet/plan?api-version={OWN}", {"resources": [planned]}, title=f"plan: {what}", show=False)
    exchanges = [said]
    if status != 200 or any(change["action"] == "Refused" for change in answer["changes"]):
        path = urllib.parse.quote(resource, safe="/:%")
        said, status, _, _ = server.exchange("PUT", f"{path}?api-version={version}", body, title=f"put: {what}", show=len(what) < 120 and len(json.dumps(body)) < 3000)
        exchanges.append(said)
        if status < 300:
            exchanges.append(server.exchange("DELETE", f"{path}?api-version={version}", title=f"put was taken though the plan was refused, and is deleted: {what}")[0])
    return exchanges


def put_back(server, site, existing, body, version):
    """The site as it was. What follows must not depend on what a build let through by mistake."""
    status, headers, _ = server.send("PUT", f"{existing['id']}?api-version={version}&force=true", body)
    server.stage.record.add(f"put back: {status}")
    if headers["Azure-AsyncOperation"]:
        operation = headers["Azure-AsyncOperation"]
        server.send("GET", operation[operation.index("/subscriptions"):], headers={"Prefer": "wait=20"})


def writes(stage, server, site):
    """A second site is made, changed and taken down by plain HTTP, with operations, conditions and references in the way."""
    stage.record.chapter("50-writes")
    group = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/edge-west"
    ask, settle = server.ask, server.settle
    ask("PUT", f"{group}?api-version={ARM}", {})
    ask("PUT", f"{group}?api-version={ARM}", {"location": "westsite"})
    ask("PUT", f"{group}?api-version={ARM}", {"location": "westsite", "tags": {"a": "b"}})
    ask("PATCH", f"{group}?api-version={ARM}", {"tags": {"c": "d"}})
    ask("PUT", f"{group}?api-version={ARM}", {"location": "elsewhere"})
    all_of = site.all()
    order = ["Microsoft.ManagedNetworkFabric/networkFabrics", "Microsoft.ManagedNetworkFabric/l2IsolationDomains", "Microsoft.ManagedNetworkFabric/l3IsolationDomains",
             "Microsoft.ManagedNetworkFabric/l3IsolationDomains/internalNetworks", "Microsoft.NetworkCloud/clusters", "Microsoft.NetworkCloud/l2Networks", "Microsoft.NetworkCloud/l3Networks",
             "Microsoft.NetworkCloud/trunkedNetworks", "Microsoft.NetworkCloud/cloudServicesNetworks", "Microsoft.NetworkCloud/kubernetesClusters",
             "Microsoft.NetworkCloud/kubernetesClusters/agentPools", "Weft.Fleet/nodes", "Microsoft.NetworkCloud/virtualMachines", "Microsoft.Relay/namespaces",
             "Microsoft.Relay/namespaces/hybridConnections", "Microsoft.Relay/namespaces/authorizationRules", "Microsoft.Relay/namespaces/hybridConnections/authorizationRules",
             "Microsoft.Relay/namespaces/networkRuleSets", "Weft.Relay/networkRuleSets"]

    def moved(value):
        """The same site in another group, on networks of its own."""
        text = json.dumps(value).replace("/resourceGroups/edge-east", "/resourceGroups/edge-west").replace("edge-east-relay", "edge-west-relay")
        text = text.replace("customLocations/edge-east", "customLocations/edge-west").replace("clusters/edge-east", "clusters/edge-west")
        for before, after in (("10.20.", "10.30."), ("fd20:0:0:", "fd30:0:0:"), ("52:54:00:0", "52:54:00:1"), ("b8:59:9f", "b8:59:9e")):
            text = text.replace(before, after)
        return json.loads(text)

    made = []
    for kind in order:
        for resource in all_of.get(kind, []):
            # The rule set and the first key of a namespace come with it; machines get their addresses anew.
            body = moved(members.sample(resource, site.rows[kind]))
            path = moved(resource["id"])
            state = resource.get("properties", {}).get("administrativeState")
            ask("PUT", site.at(path, kind), body, headers={"If-Match": "*"}, show=False)
            status, answer, _ = settle("PUT", site.at(path, kind), body, headers={"If-None-Match": "*"})
            ask("PUT", site.at(path, kind), body, headers={"If-None-Match": "*"}, show=False, title=f"PUT {short(path)} once more, if it isn't there")
            settle("PUT", site.at(path, kind), body, title=f"PUT {short(path)} once more")
            ask("GET", site.at(path, kind))
            if status < 300:
                made.append(path)
            if kind.endswith("IsolationDomains") and state:
                for wanted in ("Enable", "Enable", "Disable", "Enable") if kind.endswith("l2IsolationDomains") else ():
                    settle("POST", site.at(f"{path}/updateAdministrativeState", kind), {"state": wanted})
                for wanted in ({}, {"state": 7}, {"state": "enable"}, {"state": "Enable", "x": 1}, {"resourceIds": []}):
                    ask("POST", site.at(f"{path}/updateAdministrativeState", kind), wanted)
        if kind.endswith("internalNetworks"):
            for domain in all_of["Microsoft.ManagedNetworkFabric/l3IsolationDomains"]:
                path = moved(domain["id"])
                for wanted in ("Enable", "Disable", "Enable", "Enable"):
                    settle("POST", site.at(f"{path}/updateAdministrativeState", kind_of(path)), {"state": wanted})
    for path in made:
        kind = kind_of(path)
        now = server.get(site.at(path))
        tag = now.get("etag", "")
        settle("PATCH", site.at(path), {"tags": {"owner": "net", "shift": "night"}})
        ask("PATCH", site.at(path), {"tags": {"owner": "x"}}, headers={"If-Match": f'"{tag}"'}, title=f"PATCH {short(path)} with an old tag")
        settle("PATCH", site.at(path), {"tags": {}})
        newer = server.get(site.at(path))
        settle("PUT", site.at(path), {**members.sample(newer, site.rows[kind]), "tags": {"by": "put"}}, headers={"If-Match": f'"{newer.get("etag", "")}"'})
        settle("PATCH", site.at(path), {"properties": {}})
        ask("GET", site.at(path))
    changes = [
        (f"{FABRIC}/l3IsolationDomains/core-up/internalNetworks/n6-subnets", {"properties": {"mtu": 1500}}), (f"{CLOUD}/trunkedNetworks/ran", {"properties": {"vlans": [602, 603]}}),
        (f"{CLOUD}/kubernetesClusters/core-east", {"properties": {"kubernetesVersion": "1.34.0"}}),
        (f"{CLOUD}/kubernetesClusters/core-east", {"properties": {"controlPlaneNodeConfiguration": {"count": 5}}}),
        (f"{CLOUD}/kubernetesClusters/core-east/agentPools/workers", {"properties": {"count": 3}}), (f"{CLOUD}/virtualMachines/probe1", {"properties": {"vmImage": "registry.edge.example/probe:2"}}),
        (f"{CLOUD}/cloudServicesNetworks/egress", {"properties": {"enableDefaultEgressEndpoints": "True"}}), (f"{CLOUD}/clusters/edge-east", {"properties": {"clusterLocation": "hall 3"}}),
        (f"{FABRIC}/l3IsolationDomains/core-cp", {"properties": {"redistributeStaticRoutes": "True"}}), (f"{FABRIC}/networkFabrics/fabric1", {"properties": {"annotation": "other"}}),
        (f"{CLOUD}/kubernetesClusters/core-east/providers/Weft.Fleet/nodes/core-east-w1", {"properties": {"machineType": "BareMetal"}}),
    ]
    for path, part in changes:
        settle("PATCH", site.at(moved(path)), part)
        ask("GET", site.at(moved(path)))
    for target in ("kubernetesClusters/core-east", "kubernetesClusters/core-west", "kubernetesClusters/upf-east", "virtualMachines/probe1", "virtualMachines/router1"):
        ask("GET", f"{moved(CLOUD)}/{target}/providers/Weft.Fleet/desiredStates/current?api-version={OWN}")
    # A node whose attachments change: every plugin on every network it can serve, or the reason why not.
    west = moved(f"{CLOUD}/kubernetesClusters/core-west")
    whole = members.sample(server.get(site.at(west)), site.rows["Microsoft.NetworkCloud/kubernetesClusters"])
    for plugin in ("MACVLAN", "IPVLAN", "SRIOV", "DPDK", "OSDevice"):
        for group_of, network in (("l3Networks", "n6"), ("l3Networks", "n4"), ("l2Networks", "ha"), ("trunkedNetworks", "ran")):
            for ipam in ("True", "False") if group_of == "l3Networks" else (None,):
                wish = copy.deepcopy(whole)
                one = {"networkId": moved(f"{CLOUD}/{group_of}/{network}"), "pluginType": plugin, **({"ipamEnabled": ipam} if ipam else {})}
                wish["properties"]["networkConfiguration"]["attachedNetworkConfiguration"] = {group_of: [one]}
                ask("POST", f"/providers/Weft.Fleet/plan?api-version={OWN}", {"resources": [{"id": west, **wish}]}, show=False, title=f"plan {plugin} on {network}, ipam {ipam}")
                status, _, _ = settle("PUT", site.at(west), wish, show=False, title=f"PUT {plugin} on {network}, ipam {ipam}")
                if status < 300:
                    ask("GET", f"{west}/providers/Weft.Fleet/desiredStates/current?api-version={OWN}", title=f"picture with {plugin} on {network}, ipam {ipam}")
    settle("PUT", site.at(west), whole)
    # What is in use can't go, and says by whom; then all goes, dependants first.
    for path in made:
        if kind_of(path) in order[:9]:
            ask("DELETE", site.at(path))
    ask("DELETE", f"{group}?api-version={ARM}")
    for path in reversed(made):
        settle("DELETE", site.at(path))
        ask("GET", site.at(path))
        ask("DELETE", site.at(path), title=f"DELETE {short(path)} once more")
    settle("DELETE", f"{group}?api-version={ARM}")
    ask("GET", f"{group}?api-version={ARM}")
    ask("GET", f"{SITE}/resources?api-version={ARM}", title="what is left")
