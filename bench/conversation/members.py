"""What can be wrong with a body, derived from what the program itself says of a kind's members: `weft explain`."""

import concurrent.futures
import copy
import re


class Member:
    """A row of `weft explain KIND`, and what `weft explain KIND.path` adds to it."""

    def __init__(self, path, kind, when):
        self.path, self.kind, self.when = path, kind, when
        self.facts = ""
        self.parent = None

    @property
    def dotted(self):
        return ".".join(self.path)


def members(stage, kind):
    """The members of a kind, in the order of the table, with their facts."""
    code, table, _ = stage.run("weft", "explain", kind)
    if code != 0:
        return []
    lines = table.split("\n")
    head = next(i for i, line in enumerate(lines) if line.startswith("MEMBER"))
    at = [lines[head].index(word) for word in ("MEMBER", "TYPE", "WHEN", "DEFAULT")]
    found, above = [], []
    for line in lines[head + 1:]:
        if not line.strip():
            break
        name = line[:at[1]].rstrip()
        depth = (len(name) - len(name.lstrip())) // 2
        del above[depth:]
        member = Member([m.path[-1] for m in above] + [name.strip()], line[at[1]:at[2]].strip(), line[at[2]:at[3]].strip())
        member.parent = above[-1] if above else None
        above.append(member)
        found.append(member)
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        for member, said in zip(found, pool.map(lambda m: stage.run("weft", "explain", f"{kind}.{m.dotted}"), found)):
            member.facts = said[1]
    return found


def sample(answer, rows):
    """A resource as somebody would declare it again: without what only the server writes."""
    body = {name: copy.deepcopy(value) for name, value in answer.items() if name not in ("id", "name", "type", "etag", "systemData")}
    for row in rows:
        if row.when == "read-only":
            for holder in holders(body, row.path[:-1]):
                holder.pop(row.path[-1], None)
    return body


def holders(body, path):
    """The objects that a path leads to, through lists."""
    found = [body]
    for name in path:
        found = [child for holder in found if isinstance(holder, dict) and holder.get(name) is not None
                 for child in (holder[name] if isinstance(holder[name], list) else [holder[name]])]
    return [holder for holder in found if isinstance(holder, dict)]


def place(body, rows, path):
    """The first object that a member stands in; made where it isn't there yet."""
    lists = {row.dotted for row in rows if row.kind.startswith("list of")}
    holder = body
    for i, name in enumerate(path[:-1]):
        inner = holder.get(name)
        if isinstance(inner, list):
            inner = inner[0] if inner and isinstance(inner[0], dict) else None
        if not isinstance(inner, dict):
            inner = {}
            holder[name] = [inner] if ".".join(path[: i + 1]) in lists else inner
        elif isinstance(holder[name], dict):
            inner = holder[name]
        holder = inner
    return holder


def variations(body, rows):
    """Bodies that differ from a good one in one member: (what was done, the body)."""
    for row in rows:
        for what, value in values(row, current(body, row)):
            changed = copy.deepcopy(body)
            holder = place(changed, rows, row.path)
            if value is GONE:
                if holder.pop(row.path[-1], GONE) is GONE:
                    continue
            else:
                holder[row.path[-1]] = value
            yield f"{row.dotted} {what}", changed
    for row in [None] + [row for row in rows if row.kind in ("object", "list of object") and row.when != "read-only"]:
        changed = copy.deepcopy(body)
        path = (row.path if row else []) + ["nonsense"]
        place(changed, rows, path)["nonsense"] = 1
        yield f"{'.'.join(path)} unknown", changed
    # Many at once: every member that must be there is missing, and every other text is a number.
    changed = copy.deepcopy(body)
    for row in rows:
        if row.when.startswith("required") and len(row.path) > 1:
            for holder in holders(changed, row.path[:-1]):
                holder.pop(row.path[-1], None)
    yield "all that is required is missing", changed
    changed = copy.deepcopy(body)
    for row in rows:
        if row.kind not in ("object", "list of object", "any") and row.when != "read-only":
            for holder in holders(changed, row.path[:-1]):
                holder[row.path[-1]] = {"is": "wrong"}
    yield "everything of a wrong type", changed


def current(body, row):
    found = [holder[row.path[-1]] for holder in holders(body, row.path[:-1]) if row.path[-1] in holder]
    return found[0] if found else None


class _Gone:
    pass


GONE = _Gone()


def values(row, now):
    """Values that a member shouldn't have, or whose change is a question: (what it is, the value)."""
    name, kind = row.path[-1], row.kind
    if row.when == "read-only":
        return [("written though read-only", "somebody")]
    found = [("missing", GONE), ("null", None)]
    if kind.startswith("list of"):
        found += [("no list", {}), ("a text", "x"), ("empty", []), ("a list of null", [None]), ("a list of a number", [7]), ("a list of a list", [[]])]
        if isinstance(now, list) and now:
            found += [("twice the same", now + [copy.deepcopy(now[0])]), ("one less", now[1:])]
        inner = Member(row.path, kind[len("list of "):], "")
        if inner.kind != "object":
            found += [(f"a list of {what}", [value]) for what, value in values(inner, now[0] if isinstance(now, list) and now else None) if value is not GONE][1:]
        limits = re.search(r"^from (\S+) to (\d+)$", row.facts, re.M)
        if limits and int(limits[2]) <= 128:
            found.append(("one too many", [now[0] if isinstance(now, list) and now else "x"] * (int(limits[2]) + 1)))
    elif kind == "object":
        found += [("a list", []), ("a text", "x"), ("a number", 7), ("empty", {})]
    elif kind == "map":
        found += [("a list", []), ("a map of a number", {"k": 7}), ("a map of null", {"k": None}), ("a long value", {"k": "v" * 300}), ("a text", "x"), ("another", {"k": "v"})]
    elif kind == "any":
        found += [("a text", "x")]
    elif kind == "number":
        found += [("a text", "x"), ("a number as text", "7"), ("a fraction", 1.5), ("negative", -1), ("nothing", 0), ("huge", 10 ** 12), ("true", True), ("a list", [1])]
        limits = re.search(r"^from (\S+) to (\S+)$", row.facts, re.M)
        for word, step in zip(limits.groups() if limits else (), (-1, 1)):
            if word != "any":
                found += [(f"beyond {word}", int(word) + step), (f"at {word}", int(word))]
        if isinstance(now, int):
            found.append(("one more", now + 1))
    elif kind == '"True"|"False"':
        found += [("a boolean", True), ("in lower case", "true"), ("maybe", "Maybe"), ("a number", 1), ("turned round", "False" if now == "True" else "True")]
    elif kind == "true|false":
        found += [("a text", "True"), ("a number", 1), ("turned round", not now)]
    elif "|" in kind or re.search(r"^one of: ", row.facts, re.M):
        choices = kind.split("|")
        found += [("nonsense", "Nonsense"), ("in lower case", choices[0].lower()), ("a near word", choices[-1][:-1]), ("a number", 7), ("empty", "")]
        found += [(f"set to {choice}", choice) for choice in choices if choice != now]
    elif kind == "id":
        found += [("no id", "nonsense"), ("a number", 7), ("empty", ""), ("a list", [])]
        if isinstance(now, str) and "/" in now:
            found += [("an id of nothing", now + "-absent"), ("an id of another type", now.split("/providers/")[0]), ("in upper case", now.upper()),
                      ("in another group", now.replace("edge-east", "nowhere", 1))]
        else:
            found += [("an id of nothing", "/subscriptions/5be00000-0000-4000-8000-0000000005a0/resourceGroups/edge-east/providers/Microsoft.NetworkCloud/l3Networks/absent")]
    else:
        found += [("a number", 7), ("true", True), ("a list", []), ("an object", {}), ("empty", ""), ("very long", "x" * 5000), ("with a line feed", "a\nb"), ("odd", "no such thing! ü")]
        if isinstance(now, str):
            found += [("another", now + "9"), ("with blanks", f" {now} ")]
            if re.fullmatch(r"[0-9a-f:.]+(/\d+)?", now) and ("." in now or ":" in now):
                found += [(f"the address {text}", text) for text in
                          ("10.20.6.40", "10.20.6.1", "10.20.6.255", "192.0.2.1", "fd20:0:0:606::40", "fd20:0:0:606::", "10.20.6.0/24", "10.20.6.7/24", "010.20.6.7", "0.0.0.0/0",
                           "10.20.6.0/31", "fd20:0:0:606::/64", "fd20:0:0:606::1/64", "::ffff:10.20.6.7", "10.99.0.0/16", "10.20.0.0/16", "FD20::1")]
    return found
