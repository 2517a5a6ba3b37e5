#!/usr/bin/env python3
"""Records a conversation with the real programs, and says where two conversations differ. See README.md beside this file."""

import argparse
import difflib
import pathlib
import shutil
import sys
import tempfile
import time

import chapters_api as api
import chapters_programs as programs
from record import Record
from stage import Stage

ROOT = pathlib.Path(__file__).resolve().parents[2]


def record(folder, out):
    """Records everything with the programs in a folder."""
    for program in ("weft", "weftd", "weft-agent", "weft-ipam", "weft-trunk"):
        if not (pathlib.Path(folder) / program).exists():
            raise SystemExit(f"conversation: there is no {program} in {folder}")
    began = time.monotonic()
    written = Record(out)
    # Short, because a socket's path may have 107 bytes.
    work = tempfile.mkdtemp(prefix="weft-said-", dir="/tmp")
    stage = Stage(folder, pathlib.Path(work) / "w", written)
    try:
        programs.offline(stage)
        server = stage.serve("site", "--relay-listen", "127.0.0.1:0")
        api.door(stage, server)
        api.apply_examples(stage, server)
        site = api.Site(stage, server)
        api.read(stage, server, site)
        api.questions(stage, server, site)
        programs.read_all(stage, server)
        programs.refused_documents(stage)
        programs.drawn(stage, server)
        api.writes(stage, server, site)
        api.refusals(stage, server, site)
        programs.access(stage, server)
        programs.agents(stage, server)
        programs.plugin(stage, server)
        programs.relay(stage, server)
        programs.limits(stage)
        programs.takedown(stage, server)
    finally:
        written.close()
        stage.end_all()
        shutil.rmtree(work, ignore_errors=True)
    print(f"conversation: {written.total} exchanges in {time.monotonic() - began:.0f} s, in {out}", file=sys.stderr)


def blocks(path):
    """The exchanges of a chapter by their titles, in their order."""
    found, title = {}, None
    for line in path.read_text("utf-8").split("\n") if path.exists() else []:
        if line.startswith("=== "):
            title = line
            found[title] = []
        elif title:
            found[title].append(line)
    return found


def compare(before, after, most=40):
    """Prints each exchange that differs; how many there are."""
    before, after = pathlib.Path(before), pathlib.Path(after)
    differing = 0
    for name in sorted({path.name for folder in (before, after) for path in folder.glob("*.txt")}):
        one, other = before / name, after / name
        if one.exists() and other.exists() and one.read_bytes() == other.read_bytes():
            continue
        old, new = blocks(one), blocks(other)
        order = [title for title in old] + [title for title in new if title not in old]
        found = [title for title in order if old.get(title) != new.get(title)]
        if not found:
            print(f"\n{name}: the same exchanges in another order")
            differing += 1
        for title in found:
            differing += 1
            if differing > most:
                continue
            print(f"\n{name}\n{title}")
            what = "only before" if title not in new else "only after" if title not in old else None
            if what:
                print(f"  {what}")
            shown = list(difflib.unified_diff(old.get(title, []), new.get(title, []), "before", "after", lineterm="", n=2))
            print("\n".join(f"  {line[:400]}" for line in shown[:60]))
            if len(shown) > 60:
                print(f"  … {len(shown) - 60} lines more")
    if differing > most:
        print(f"\n… and {differing - most} exchanges more: diff -r {before} {after}")
    return differing


def main():
    parser = argparse.ArgumentParser(prog="bench/run conversation", description="Records a conversation with the real programs, or compares two builds by what they say.")
    parser.add_argument("--bin", metavar="DIR", help="the programs to record")
    parser.add_argument("--out", metavar="DIR", help="where the record goes")
    parser.add_argument("--before", metavar="DIR", help="programs, or a record, of before")
    parser.add_argument("--after", metavar="DIR", help="programs, or a record, of after")
    asked = parser.parse_args()
    if asked.bin and asked.out and not (asked.before or asked.after):
        record(asked.bin, asked.out)
        return 0
    if not (asked.before and asked.after) or asked.bin:
        parser.error("give --bin and --out, or --before and --after")
    sides = []
    for name, folder in (("before", asked.before), ("after", asked.after)):
        if not (pathlib.Path(folder) / "weftd").exists() and list(pathlib.Path(folder).glob("*.txt")):
            sides.append(folder)
            continue
        sides.append(pathlib.Path(asked.out or ROOT / "artifacts/conversation") / name)
        record(folder, sides[-1])
    differing = compare(*sides)
    print(f"conversation: {differing} exchanges differ" if differing else "conversation: not a byte differs", file=sys.stderr)
    return 1 if differing else 0


if __name__ == "__main__":
    sys.exit(main())
