"""embed.py PROGRAM OUT.c: a program's bytes as reader_bytes (reader.h), its symbols left out where strip(1) is there."""
import shutil
import subprocess
import sys
import tempfile

path = sys.argv[1]
with tempfile.NamedTemporaryFile() as small:
    if shutil.which("strip") and subprocess.run(["strip", "-s", "-o", small.name, path]).returncode == 0:
        path = small.name
    data = open(path, "rb").read()
with open(sys.argv[2], "w") as out:
    out.write("#include <stddef.h>\nextern const unsigned char reader_bytes[];\nextern const size_t reader_bytes_n;\n")
    out.write(f"const size_t reader_bytes_n = {len(data)};\nconst unsigned char reader_bytes[] = {{\n")
    for i in range(0, len(data), 32):
        out.write(",".join(map(str, data[i:i + 32])) + ",\n")
    out.write("};\n")
