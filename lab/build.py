#!/usr/bin/env python3
"""Builds the virtual lab from Debian packages: an emulator, a kernel and a guest. Needs neither root nor a change of the machine.

usage: build.py [--update] CACHE

apt is given lists, sources and a state of its own in CACHE, so the machine's sources and packages play no part. A build is kept until a file
of the builder changes; with --update the packages are looked up anew, and it is kept unless one of them has a new version.

CACHE/emulator/    QEMU with what it needs, run by its own loader
CACHE/vmlinux      the kernel, unpacked: a guest that is slow at unpacking starts sooner
CACHE/guest.cpio   the guest's first file system: programs and modules, and guest/init
CACHE/packages     what went in, a line each: name, version, SHA-256

Exit status: 0 there is a lab in CACHE, 1 a fault of the builder, 77 the machine lacks something (stderr says what).
"""
import fnmatch
import glob
import hashlib
import json
import lzma
import os
import platform
import re
import shutil
import subprocess
import sys
import time
import zlib

HERE = os.path.dirname(os.path.abspath(__file__))
RELEASE = 'bookworm'
MIRROR = os.environ.get('LAB_MIRROR', 'http://deb.debian.org')
KEYS = '/usr/share/keyrings/debian-archive-keyring.gpg'
LOADER = 'usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2'
LIBRARIES = ['usr/lib/x86_64-linux-gnu', 'usr/lib/x86_64-linux-gnu/dpdk/pmds-23.0', 'usr/lib64']
STARTED = time.monotonic()


class Lacking(Exception):
    """The machine lacks something, which isn't a fault of the builder."""


def say(text):
    print(f'lab: {time.monotonic() - STARTED:5.1f} s  {text}', flush=True)


def contents():
    """The lines of `contents`: kind → names."""
    kinds = {}
    with open(f'{HERE}/contents') as file:
        for line in file:
            words = line.split('#')[0].split()
            if words:
                kinds.setdefault(words[0], []).extend(words[1:])
    return kinds


def builder_files():
    return [f'{HERE}/build.py', f'{HERE}/contents'] + sorted(path for path in glob.glob(f'{HERE}/guest/**', recursive=True) if os.path.isfile(path))


def digest_of_builder():
    sha = hashlib.sha256(MIRROR.encode())
    for path in builder_files():
        with open(path, 'rb') as file:
            body = file.read()
        sha.update(f'{os.path.relpath(path, HERE)} {os.stat(path).st_mode & 0o777:o} {len(body)}\n'.encode())
        sha.update(body)
    return sha.hexdigest()


# ── Packages ────────────────────────────────────────────────────────────────────────────────────────────────────────────

class Apt:
    """apt on sources and a state of its own, with nothing installed."""

    def __init__(self, directory):
        self.directory = directory
        for name in ('lists/partial', 'cache/archives/partial', 'empty'):
            os.makedirs(f'{directory}/{name}', exist_ok=True)
        open(f'{directory}/status', 'w').close()
        options = f'deb [arch=amd64 signed-by={KEYS}]'
        with open(f'{directory}/sources.list', 'w') as file:
            for suite in (RELEASE, f'{RELEASE}-updates', f'{RELEASE}-backports'):
                file.write(f'{options} {MIRROR}/debian {suite} main\n')
            file.write(f'{options} {MIRROR}/debian-security {RELEASE}-security main\n')

    def run(self, *arguments, cwd=None):
        settings = {
            'Dir::Etc::sourcelist': f'{self.directory}/sources.list', 'Dir::Etc::sourceparts': f'{self.directory}/empty',
            'Dir::Etc::preferences': '/dev/null', 'Dir::Etc::preferencesparts': f'{self.directory}/empty',
            'Dir::State': self.directory, 'Dir::State::lists': f'{self.directory}/lists', 'Dir::State::status': f'{self.directory}/status',
            'Dir::Cache': f'{self.directory}/cache', 'APT::Architecture': 'amd64', 'APT::Architectures': 'amd64', 'APT::Install-Recommends': '0',
            'Acquire::Languages': 'none', 'APT::Sandbox::User': 'root', 'Acquire::Retries': '3', 'APT::Update::Error-Mode': 'any',
        }
        command = ['apt-get', '-q'] + [word for name, value in settings.items() for word in ('-o', f'{name}={value}')] + list(arguments)
        done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, env={**os.environ, 'LC_ALL': 'C'})
        if done.returncode != 0:
            reason = [line for line in done.stderr.splitlines() if line.startswith('E:')] or done.stderr.splitlines()[-1:]
            raise Lacking(f'apt-get {arguments[0]}: {" ".join(reason)}')
        return done.stdout

    def solve(self, names, *options):
        """What apt would install for some packages: [(package, version)]."""
        plan = self.run('install', '--simulate', *options, *names)
        return sorted(set(re.findall(r'^Inst (\S+) \((\S+) ', plan, re.MULTILINE)))


def solve(apt, kinds):
    """The packages of the host and of the guest: {'host': [(name, version)], 'guest': […]}."""
    solved = {
        'host': apt.solve(kinds['host'], '--target-release', f'{RELEASE}-backports'),
        'guest': apt.solve(kinds['guest']),
    }
    unneeded = re.compile('|'.join(fnmatch.translate(pattern) for pattern in kinds['without']))
    return {side: [p for p in packages if p[0] in kinds[side] or not unneeded.match(p[0])] for side, packages in solved.items()}


def unpack(packages, debs, root):
    """Unpacks packages into a root whose /bin, /sbin and /lib are those below /usr."""
    for name in ('bin', 'sbin', 'lib', 'lib64'):
        os.makedirs(f'{root}/usr/{name}', exist_ok=True)
        os.symlink(f'usr/{name}', f'{root}/{name}')
    for name, version in packages:
        (deb,) = glob.glob(f'{debs}/{name}_{version.replace(":", "%3a")}_*.deb')
        with subprocess.Popen(['dpkg-deb', '--fsys-tarfile', deb], stdout=subprocess.PIPE) as source:
            subprocess.run(['tar', '-x', '-C', root, '--keep-directory-symlink', '--no-same-owner', '--exclude=./usr/share/doc', '--exclude=./usr/share/man',
                            '--exclude=./usr/share/locale'], stdin=source.stdout, check=True)
        if source.returncode != 0:
            raise RuntimeError(f'dpkg-deb could not read {deb}')


# ── Programs and what they need ─────────────────────────────────────────────────────────────────────────────────────────

def closure(root, patterns):
    """The files that match, what they are links to, and the libraries that they load: paths below root."""
    loader = [f'{root}/{LOADER}', '--library-path', ':'.join(f'{root}/{path}' for path in LIBRARIES)]
    found, waiting = set(), []
    for pattern in patterns:
        matches = glob.glob(f'{root}{pattern}')
        if not matches:
            raise RuntimeError(f'contents names {pattern}, and no package has it')
        waiting.extend(os.path.relpath(match, root) for match in matches)
    while waiting:
        path = waiting.pop()
        if path in found:
            continue
        found.add(path)
        full = f'{root}/{path}'
        if os.path.islink(full):
            target = os.readlink(full)
            waiting.append(os.path.normpath(target.lstrip('/') if target.startswith('/') else os.path.join(os.path.dirname(path), target)))
            # A link through /lib is one through /usr/lib: there is only the latter.
            waiting[-1] = re.sub(r'^(bin|sbin|lib|lib64)/', r'usr/\1/', waiting[-1])
            continue
        with open(full, 'rb') as file:
            if file.read(4) != b'\x7fELF':
                continue
        listed = subprocess.run([*loader, '--list', full], capture_output=True, text=True)
        if 'cannot open shared object' in listed.stderr:
            raise RuntimeError(f'{path}: {listed.stderr.strip()}; let no line of contents leave out its package')
        for line in listed.stdout.splitlines():
            needed = re.search(r'(?:=> )?(/\S+) \(0x', line)
            if needed and needed[1].startswith(root):
                waiting.append(os.path.relpath(needed[1], root))
    return sorted(found | {LOADER, 'usr/lib64/ld-linux-x86-64.so.2'})


def copy(root, paths, target):
    for path in paths:
        if '..' in path.split('/'):
            raise RuntimeError(f'{path} leads out of {root}')
        os.makedirs(os.path.dirname(f'{target}/{path}'), exist_ok=True)
        shutil.copy2(f'{root}/{path}', f'{target}/{path}', follow_symlinks=False)


# ── Kernel ──────────────────────────────────────────────────────────────────────────────────────────────────────────────

def unpacked_kernel(image):
    """The ELF file inside a bzImage, which starts a virtual machine directly."""
    with open(image, 'rb') as file:
        body = file.read()
    for magic, decompress in ((b'\xfd7zXZ\0', lambda part: lzma.LZMADecompressor().decompress(part)), (b'\x1f\x8b\x08', lambda part: zlib.decompressobj(31).decompress(part))):
        at = body.find(magic)
        while at >= 0:
            try:
                kernel = decompress(body[at:])
                if kernel.startswith(b'\x7fELF'):
                    return kernel
            except (lzma.LZMAError, zlib.error):
                pass  # bytes that only look like the start of a compressed part
            at = body.find(magic, at + 1)
    raise RuntimeError(f'{image} holds no kernel that was compressed by xz or gzip')


def depmod(root, tree, version):
    subprocess.run([f'{root}/{LOADER}', '--library-path', ':'.join(f'{root}/{path}' for path in LIBRARIES), '--argv0', 'depmod', f'{root}/usr/bin/kmod', '-b', tree, version], check=True)


def modules(root, names, target):
    """Copies kernel modules with what they need; returns how many."""
    (version,) = os.listdir(f'{root}/usr/lib/modules')
    directory = f'usr/lib/modules/{version}'
    depmod(root, f'{root}', version)
    needs, soft, paths = {}, {}, {}
    with open(f'{root}/{directory}/modules.dep') as file:
        for line in file:
            path, _, needed = line.partition(':')
            name = re.sub(r'\.ko(\.xz)?$', '', os.path.basename(path)).replace('-', '_')
            paths[name], needs[name] = path, needed.split()
    with open(f'{root}/{directory}/modules.softdep') as file:
        for line in file:
            words = line.split()
            if words[:1] == ['softdep']:
                soft.setdefault(words[1].replace('-', '_'), []).extend(word.replace('-', '_') for word in words[2:] if not word.endswith(':'))
    with open(f'{root}/{directory}/modules.builtin') as file:
        builtin = {os.path.basename(line.strip())[:-3].replace('-', '_') for line in file}
    wanted, waiting = set(), [name.replace('-', '_') for name in names]
    for name in waiting:
        if name not in paths and name not in builtin:
            raise RuntimeError(f'contents names the module {name}, and the kernel {version} has none')
    while waiting:
        name = waiting.pop()
        if name in builtin or name not in paths or paths[name] in wanted:
            continue
        wanted.add(paths[name])
        wanted.update(needs[name])
        for path in needs[name]:
            waiting.extend(soft.get(re.sub(r'\.ko(\.xz)?$', '', os.path.basename(path)).replace('-', '_'), []))
        waiting.extend(soft.get(name, []))
    copy(root, [f'{directory}/{path}' for path in wanted] + [f'{directory}/{name}' for name in ('modules.order', 'modules.builtin', 'modules.builtin.modinfo')], target)
    depmod(root, target, version)
    return len(wanted)


# ── Guest ───────────────────────────────────────────────────────────────────────────────────────────────────────────────

def archive(directory, target):
    """Writes a directory as a cpio archive (newc), as the kernel unpacks it: all root's, and no time of day in it."""
    entries = [('dev/console', 0o020600, b'', (5, 1)), ('dev/null', 0o020666, b'', (1, 3))]
    for path, names, files in os.walk(directory):
        for name in names + files:
            full = os.path.join(path, name)
            stat = os.lstat(full)
            if os.path.islink(full):
                body = os.readlink(full).encode()
            elif os.path.isdir(full):
                body = b''
            else:
                with open(full, 'rb') as file:
                    body = file.read()
            entries.append((os.path.relpath(full, directory), stat.st_mode, body, (0, 0)))
    with open(target, 'wb') as out:
        for inode, (name, mode, body, device) in enumerate(sorted(entries) + [('TRAILER!!!', 0, b'', (0, 0))], 1):
            title = name.encode() + b'\0'
            fields = (inode, mode, 0, 0, 1, 0, len(body), 0, 0, *device, len(title), 0)
            out.write(b'070701' + ''.join(f'{field:08X}' for field in fields).encode() + title)
            out.write(b'\0' * (-out.tell() % 4) + body)
            out.write(b'\0' * (-out.tell() % 4))


def guest(root, kinds, target):
    for name in ('bin', 'sbin', 'lib', 'lib64'):
        os.makedirs(f'{target}/usr/{name}')
        os.symlink(f'usr/{name}', f'{target}/{name}')
    for name in ('proc', 'sys', 'dev', 'run', 'tmp', 'root', 'etc', 'lab', 'weft', 'examples', 'out', 'var/lib'):
        os.makedirs(f'{target}/{name}')
    paths = closure(root, kinds['program'])
    copy(root, paths, target)
    count = modules(root, kinds['module'], target)
    # busybox is everything that nothing else is: its own `ip` would lack what the lab asks of it.
    for applet in subprocess.run([f'{root}/usr/bin/busybox', '--list'], capture_output=True, text=True, check=True).stdout.split():
        if applet != 'sh' and not any(os.path.lexists(f'{target}/usr/{place}/{applet}') for place in ('bin', 'sbin')):
            os.symlink('busybox', f'{target}/usr/bin/{applet}')
    os.symlink('dash', f'{target}/usr/bin/sh')
    shutil.copytree(f'{HERE}/guest', target, dirs_exist_ok=True)
    return len(paths), count


# ── All of it ───────────────────────────────────────────────────────────────────────────────────────────────────────────

def lacks():
    if platform.machine() != 'x86_64':
        raise Lacking(f'the machine is a {platform.machine()}, and the lab a x86_64 that runs Weft as it was built here')
    for program, package in (('apt-get', 'apt'), ('dpkg-deb', 'dpkg'), ('tar', 'tar')):
        if not shutil.which(program):
            raise Lacking(f'no program {program} (of the package {package}): the lab is built of Debian packages')
    if not os.path.exists(KEYS):
        raise Lacking(f'no {KEYS} to check Debian packages by: install the package debian-archive-keyring')


def build(cache, update):
    made, builder = f'{cache}/made.json', digest_of_builder()
    before = {}
    if os.path.exists(made):
        with open(made) as file:
            before = json.load(file)
    whole = all(os.path.exists(f'{cache}/{name}') for name in ('vmlinux', 'guest.cpio', 'emulator/usr/bin/qemu-system-x86_64'))
    if whole and before.get('builder') == builder and not update:
        say(f'cached: {before["key"]}')
        return
    lacks()
    kinds, apt = contents(), Apt(f'{cache}/apt')
    if update or not glob.glob(f'{cache}/apt/lists/*Packages*'):
        apt.run('update')
        say('package lists read')
    try:
        solved = solve(apt, kinds)
    except Lacking:
        apt.run('update')
        solved = solve(apt, kinds)
    key = hashlib.sha256(json.dumps([builder, solved]).encode()).hexdigest()[:16]
    if whole and before.get('key') == key:
        say(f'cached: {key}, and no package has a newer version')
        return
    work, debs = f'{cache}/work', f'{cache}/debs'
    shutil.rmtree(work, ignore_errors=True)
    os.makedirs(debs, exist_ok=True)
    wanted = sorted(set(solved['host']) | set(solved['guest']))
    missing = [f'{name}={version}' for name, version in wanted if not glob.glob(f'{debs}/{name}_{version.replace(":", "%3a")}_*.deb')]
    if missing:
        try:
            apt.run('download', *missing, cwd=debs)
        except Lacking:
            # A mirror keeps no old versions: what the lists name may be gone.
            apt.run('update')
            shutil.rmtree(f'{cache}/debs')
            return build_again(cache, update)
    say(f'{len(wanted)} packages, {len(missing)} of them downloaded, {sum(os.path.getsize(deb) for deb in glob.glob(debs + "/*.deb")) >> 20} MiB')
    unpack(solved['host'], debs, f'{work}/host')
    unpack(solved['guest'], debs, f'{work}/guest')
    say('unpacked')
    copy(f'{work}/host', closure(f'{work}/host', kinds['emulator']), f'{work}/emulator')
    kernel, = glob.glob(f'{work}/guest/boot/vmlinuz-*')
    with open(f'{work}/vmlinux', 'wb') as file:
        file.write(unpacked_kernel(kernel))
    files, count = guest(f'{work}/guest', kinds, f'{work}/first')
    archive(f'{work}/first', f'{work}/guest.cpio')
    say(f'kernel {os.path.basename(kernel)[8:]}; guest of {files} files and {count} modules, {os.path.getsize(f"{work}/guest.cpio") >> 20} MiB')
    finish(cache, work, debs, solved, {'builder': builder, 'key': key})


def build_again(cache, update):
    if os.environ.get('LAB_SECOND'):
        raise Lacking('the mirror has not got packages that its own lists name; try again later')
    os.environ['LAB_SECOND'] = '1'
    build(cache, update)


def finish(cache, work, debs, solved, made):
    """Puts the new lab in the place of the old one, the note that it is whole last."""
    if os.path.exists(f'{cache}/made.json'):
        os.remove(f'{cache}/made.json')
    for name in ('emulator', 'vmlinux', 'guest.cpio'):
        if os.path.isdir(f'{cache}/{name}'):
            shutil.rmtree(f'{cache}/{name}')
        os.replace(f'{work}/{name}', f'{cache}/{name}')
    used = []
    for name, version in sorted(set(solved['host']) | set(solved['guest'])):
        (deb,) = glob.glob(f'{debs}/{name}_{version.replace(":", "%3a")}_*.deb')
        with open(deb, 'rb') as file:
            used.append((name, version, hashlib.sha256(file.read()).hexdigest(), deb))
    with open(f'{cache}/packages', 'w') as file:
        file.writelines(f'{name} {version} {sha}\n' for name, version, sha, _ in used)
    for deb in set(glob.glob(f'{debs}/*.deb')) - {deb for *_, deb in used}:
        os.remove(deb)
    shutil.rmtree(work)
    with open(f'{cache}/made.json.new', 'w') as file:
        json.dump(made, file)
    os.replace(f'{cache}/made.json.new', f'{cache}/made.json')
    say(f'built: {made["key"]}')


def main():
    arguments = [argument for argument in sys.argv[1:] if argument != '--update']
    if len(arguments) != 1 or arguments[0].startswith('-'):
        print(__doc__, file=sys.stderr)
        return 64
    os.makedirs(arguments[0], exist_ok=True)
    try:
        build(os.path.abspath(arguments[0]), '--update' in sys.argv)
        return 0
    except Lacking as reason:
        print(f'lab: {reason}', file=sys.stderr)
        return 77


if __name__ == '__main__':
    sys.exit(main())
