"""embed.py FILE OUT.c NAME: a file's bytes as NAME_bytes and NAME_bytes_n; a program's without its symbols where strip(1) is there."""
import shutil
import subprocess
import sys
import tempfile

path, out_path, name = sys.argv[1:]
data = open(path, "rb").read()
if data[:4] == b"\x7fELF" and shutil.which("strip"):
    with tempfile.NamedTemporaryFile() as small:
        if subprocess.run(["strip", "-s", "-o", small.name, path]).returncode == 0:
            data = open(small.name, "rb").read()
with open(out_path, "w") as out:
    out.write(f"#include <stddef.h>\nextern const unsigned char {name}_bytes[];\nextern const size_t {name}_bytes_n;\n")
    out.write(f"const size_t {name}_bytes_n = {len(data)};\nconst unsigned char {name}_bytes[] = {{\n")
    for i in range(0, len(data), 32):
        out.write(",".join(map(str, data[i:i + 32])) + ",\n")
    out.write("};\n")
