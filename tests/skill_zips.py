"""Skills as zips and as forms, good ones and attacks."""
import io
import stat
import zipfile

MATTER = "---\nname: basic-math\ndescription: Adds numbers.\nlicense: MIT\n---\n\n# Adds\n\nRun add.py.\n"


def matter(name="basic-math", description="Adds numbers."):
    return f"---\nname: {name}\ndescription: {description}\n---\n\nText.\n"


def zipped(files=None, compression=zipfile.ZIP_DEFLATED):
    """A zip of {path: text or bytes or (mode, text)}."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", compression) as z:
        for path, data in (files or {"math/SKILL.md": MATTER, "math/add.py": "print(1 + 1)\n"}).items():
            info = zipfile.ZipInfo(path)
            info.compress_type = compression
            info.create_system = 3
            mode, data = data if isinstance(data, tuple) else (stat.S_IFREG | 0o644, data)
            info.external_attr = mode << 16
            z.writestr(info, data)
    return out.getvalue()


def attacks():
    """What each is called, its bytes, and what the refusal says."""
    skill = {"a/SKILL.md": MATTER}
    yield "link", zipped({**skill, "a/x": (stat.S_IFLNK | 0o777, "/etc/passwd")}), "neither a file nor a folder: 'a/x'"
    yield "link for a folder", zipped({**skill, "a/d": (stat.S_IFLNK | 0o777, "/tmp"), "a/d/x": "1"}), "neither a file nor a folder"
    yield "device", zipped({**skill, "a/x": (stat.S_IFCHR | 0o644, "")}), "neither a file nor a folder"
    yield "up", zipped({**skill, "../x": "1"}), "leads out of it"
    yield "up inside", zipped({**skill, "a/b/../../../x": "1"}), "leads out of it"
    yield "absolute", zipped({**skill, "/tmp/x": "1"}), "leads out of it"
    yield "escape codes", zipped({**skill, "a/\x1b[31m": "1"}), "leads out of it"
    yield "no UTF-8", zipped({**skill, "a/xxxx": "1"}).replace(b"a/xxxx", b"a/x\xff\xfex"), "leads out of it"
    yield "deep", zipped({**skill, "a/" + "b/" * 40 + "x": "1"}), "leads out of it"
    yield "many", zipped({**skill, **{f"a/{i}": "" for i in range(20000)}}, zipfile.ZIP_STORED), "more files"
    yield "many folders", zipped({**skill, **{f"a/{i}/": (stat.S_IFDIR | 0o755, "") for i in range(5000)}}), "more files"
    yield "zeros", zipped({**skill, "a/x": bytes(27 << 20)}), "skills.file_bytes"
    yield "zeros together", zipped({**skill, **{f"a/{i}": bytes(25 << 20) for i in range(11)}}), "skills.unpacked_bytes"
    yield "two", zipped({**skill, "a/skill.md": MATTER}), "exactly one SKILL.md"
    yield "none", zipped({"a/x": "1"}), "no SKILL.md"
    yield "two folders", zipped({**skill, "b/x": "1"}), "one top folder"
    yield "no front matter", zipped({"a/SKILL.md": "# Hello\n"}), "front matter"
    yield "no YAML", zipped({"a/SKILL.md": "---\nname: [\n---\n"}), "no valid YAML"
    yield "name", zipped({"a/SKILL.md": matter("../x")}), "'name' in its SKILL.md"
    yield "long name", zipped({"a/SKILL.md": matter("x" * 65)}), "'name' in its SKILL.md"
    yield "long description", zipped({"a/SKILL.md": matter(description="x" * 1025)}), "'description' in its SKILL.md"
    yield "cut", zipped()[:-30], "no zip archive"
    yield "empty", b"PK\x05\x06" + bytes(18), "no zip archive"
    yield "encrypted", encrypted(), "is encrypted"


def encrypted():
    """The flag of an entry that says so, in both of its headers."""
    data = bytearray(zipped())
    for mark, at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        i = data.index(mark)
        data[i + at] |= 1
    return bytes(data)
