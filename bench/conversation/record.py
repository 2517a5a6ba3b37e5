"""The record: what was said, in the order in which it was asked, without what differs from run to run."""

import datetime
import pathlib
import re

# The examples' subscription is written down in them, so it is no accident of a run.
SUBSCRIPTION = "5be00000-0000-4000-8000-0000000005a0"

TAG = re.compile(r"(\"etag\": ?\"|ETag: \"|If-Match: \"|has etag (?:\\\"|\")|etag: '?\"?)([A-Za-z0-9_.*-]+)")
UUID = re.compile(r"([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})(?:(?:\*|%2A)([0-9A-Fa-f]{32}))?")
SECRET = re.compile(r"weft_([a-z]{3})_([A-Za-z0-9_-]{20,})")
TIME = re.compile(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)?")
KEY = re.compile(r"(?<![A-Za-z0-9+/])[A-Za-z0-9+/]{43}=")
NUMBER = re.compile(r"(\"(?:revision|expiresOn|after)\": ?|Weft-Revision: |revision[ =]|revision: )\d+")
SECONDS = re.compile(r"(\"(?:seconds|milliseconds)\": ?|seconds: |seconds=)\d+(?:\.\d+)?")

AGES = {"AGE", "SINCE", "REPORTED", "TOKEN-AGE", "REVISION"}
TOKENS = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\],]|[^{}\[\],"]+')


class Names:
    """Numbered names for values that are drawn by lot: the first that appears is 1."""

    def __init__(self, replacements):
        self.replacements = replacements
        self.known = {}
        self.counts = {}
        today = datetime.datetime.now(datetime.timezone.utc).date()
        # A time that a document names is far from the day of the run, and is kept.
        self.days = {(today + datetime.timedelta(days=d)).isoformat() for d in range(-2, 4)}

    def name(self, kind, value):
        if (kind, value) not in self.known:
            self.counts[kind] = self.counts.get(kind, 0) + 1
            self.known[kind, value] = f"<{kind}-{self.counts[kind]}>"
        return self.known[kind, value]

    def clean(self, text):
        """Each rule looks first whether there is anything for it: most of what is said has nothing of the kind."""
        for value, placeholder in self.replacements():
            text = text.replace(value, placeholder)
        if "etag" in text or "ETag" in text or "If-Match" in text:
            text = TAG.sub(lambda m: m[1] + self.name("etag", m[2]), text)
        text = text.replace(SUBSCRIPTION, "\0")
        if re.search(r"-[0-9a-f]{4}-[0-9a-f]{4}-", text):
            text = UUID.sub(lambda m: self.name("operation", m[1] + m[2]) if m[2] else self.name("uuid", m[1]), text)
        text = text.replace("\0", SUBSCRIPTION)
        if "verifications" in text or "tracking" in text:
            text = re.sub(r"(?<![0-9A-Fa-f])[0-9a-f]{32}(?![0-9A-Fa-f])", lambda m: self.name("uuid", m[0]), text)
        # A port that nobody was told of is the other end of a connection.
        text = re.sub(r"(?<=127\.0\.0\.1:)[345678]\d{4}\b", "<port>", text)
        if "weft_" in text:
            text = SECRET.sub(lambda m: f"weft_{m[1]}_{self.name('secret', m[2])}", text)
        text = TIME.sub(self._time, text)
        if "sig=" in text:
            text = re.sub(r"(?<=sig=)[A-Za-z0-9%+/=_-]+", "<signature>", text)
            text = re.sub(r"(?<=se=)\d{9,}", "<end>", text)
        if re.search(r"=(?:[\"; \n\\]|$)", text):
            text = KEY.sub(lambda m: self.name("key", m[0]), text)
        if "evision" in text or "expiresOn" in text or "after" in text:
            text = NUMBER.sub(r"\1<number>", text)
        if "econds" in text:
            text = SECONDS.sub(r"\1<seconds>", text)
        if "is held by" in text:
            # Of several holders the program names any: which one differs from process to process.
            text = re.sub(r"while \S+ is held by [^|\"\[(\n]+", "while <one> is held by <somebody>", text)
        if "ed " in text:
            # How long a step of the command line took.
            text = re.sub(r"(?<=[a-z] )\d+\.\d+s(?=\n|$| )", "<seconds>", text)
        # A build's own: the commit that it was made of, and where its machine code stands.
        if "+" in text:
            text = re.sub(r"(?<=\d\.\d\.\d\+)[0-9a-f]{40}", "<commit>", text)
            text = re.sub(r"\) \+ 0x[0-9a-f]+$", ") + <offset>", text, flags=re.MULTILINE)
        if " ms" in text:
            text = re.sub(r"(?<= in )\d+ ms", "<ms>", text)
        return text

    def _time(self, match):
        # How many digits a second has is part of the form.
        return f"<time{'.' + str(len(match[1]) - 1) if match[1] else ''}{match[2] or ''}>" if match[0][:10] in self.days else match[0]


def spread(text):
    """One member a line, by line feeds and blanks before tokens alone: what it says stays byte for byte."""
    if len(text) < 160 or not text.startswith(("{", "[")) or "\n" in text:
        return text
    out, depth = [], 0
    for token in TOKENS.findall(text):
        if token in "{[":
            depth += 1
            out.append(token + "\n" + " " * depth)
        elif token in "}]":
            depth -= 1
            out.append("\n" + " " * depth + token)
        elif token == ",":
            out.append(",\n" + " " * depth)
        else:
            out.append(token)
    return "".join(out)


def without_ages(text):
    """Tables tell how old something is; the cell changes from second to second, and its column's width with it."""
    lines, columns = [], None
    for line in text.split("\n"):
        heads = [(m.start(), m.group(0)) for m in re.finditer(r"\S+(?: \S+)*", line)]
        if any(head in AGES for _, head in heads) and line.upper() == line:
            # Columns are made anew from right to left, so that the starts before stay good.
            columns = [(start, heads[i + 1][0] if i + 1 < len(heads) else None) for i, (start, head) in enumerate(heads) if head in AGES]
            lines.append(_cells(line, columns, None))
        elif columns and line and not line.startswith(" "):
            lines.append(_cells(line, columns, "<age>"))
        else:
            columns = columns if line else None
            lines.append(line)
    return "\n".join(lines)


def _cells(line, columns, placeholder):
    for start, end in reversed(columns):
        cell = line[start:end].rstrip() if end else line[start:].rstrip()
        if placeholder and not re.fullmatch(r"(\d+[smhd]){1,2}|\d+", cell):
            value = cell
        else:
            value = placeholder or cell
        line = line[:start] + (value.ljust(8) + "   " + line[end:] if end else value)
    return line


class Record:
    """A folder with a file for each chapter; an exchange is a block that starts with '=== ' and a title of its own."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        for old in self.folder.glob("*.txt"):
            old.unlink()
        self.replaced = []
        self.total = 0
        self.file = None

    def replace(self, value, placeholder):
        """A text that differs from run to run, such as a path or a port."""
        self.replaced.append((str(value), placeholder))
        self.replaced.sort(key=lambda pair: -len(pair[0]))

    def chapter(self, name):
        self.close()
        self.names = Names(lambda: self.replaced)
        self.titles = {}
        self.file = open(self.folder / f"{name}.txt", "w", encoding="utf-8", errors="backslashreplace", newline="\n")

    def close(self):
        if self.file:
            self.file.close()
            self.file = None

    def add(self, title, *parts):
        title = self.names.clean(title).replace("\n", "\\n")
        self.titles[title] = self.titles.get(title, 0) + 1
        if self.titles[title] > 1:
            title += f"  (again, {self.titles[title]})"
        text = f"=== {title}\n" + "".join(part if part.endswith("\n") else part + "\n" for part in map(self.names.clean, parts) if part)
        self.file.write(text + "\n")
        self.total += 1
