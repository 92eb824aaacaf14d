"""What tools/lint asks the linker: which file uses what of which other, from the symbols of a build folder (nm).

Includes say what a file may use, symbols what it does use. An object without its source is an old one, and left out."""
import collections
import functools
import glob
import os
import subprocess


def build_folder(tree):
    for name in ("build-asan", "build"):
        if os.path.exists(os.path.join(tree, name, "build.ninja")):
            return os.path.join(tree, name)
    return None


def objects(tree, build):
    """(source, object) of the product: the floors' libraries and the program itself, without tests."""
    for path in sorted(glob.glob(os.path.join(build, "src", "*", "lib*.a.p", "*.c.o"))):
        source = os.path.join("src", path.split(os.sep)[-3], os.path.basename(path)[:-2])
        if os.path.exists(os.path.join(tree, source)):
            yield source, path
    for path in sorted(glob.glob(os.path.join(build, "antiphon.p", "src_main_*.c.o"))):
        source = os.path.join("src", "main", os.path.basename(path)[len("src_main_"):-2])
        if os.path.exists(os.path.join(tree, source)):
            yield source, path


@functools.lru_cache(None)
def symbols(path):
    """The names that an object defines for others, and those that it takes from others."""
    given, taken = set(), set()
    for line in subprocess.run(["nm", path], capture_output=True, text=True, check=True).stdout.split("\n"):
        words = line.split()
        if len(words) == 2 and words[0] == "U":
            taken.add(words[1])
        elif len(words) == 3 and words[1] in "TDBRCVW":
            given.add(words[2])
    return given, taken


def uses(tree, build):
    """{source: {other source: the names it takes of it}}."""
    home, taken = {}, {}
    for source, path in objects(tree, build):
        given, taken[source] = symbols(path)
        home.update(dict.fromkeys(given, source))
    graph = {source: collections.defaultdict(list) for source in taken}
    for source, names in taken.items():
        for name in sorted(names):
            if home.get(name, source) != source:
                graph[source][home[name]].append(name)
    return graph


def twice(tree, build):
    """(name, the sources that define it): the linker takes the first of two libraries' without a word."""
    homes = collections.defaultdict(list)
    for source, path in objects(tree, build):
        for name in symbols(path)[0]:
            homes[name].append(source)
    return sorted((name, sorted(sources)) for name, sources in homes.items() if len(sources) > 1)


def cycles(graph):
    """The groups of nodes in which each reaches each (Tarjan), those of one node left out."""
    index, low, stack, groups = {}, {}, [], []

    def visit(node):
        index[node] = low[node] = len(index)
        stack.append(node)
        for other in sorted(graph.get(node, ())):
            if other not in index:
                visit(other)
                low[node] = min(low[node], low[other])
            elif other in stack:
                low[node] = min(low[node], index[other])
        if low[node] == index[node]:
            group = stack[stack.index(node):]
            del stack[stack.index(node):]
            if len(group) > 1:
                groups.append(sorted(group))

    for node in sorted(graph):
        if node not in index:
            visit(node)
    return groups


def folder_of(source):
    return source.split("/")[1]


def check(lint, tree, order):
    """Says what is wrong; returns what the reader ought to know of the build, or None."""
    build = build_folder(tree)
    if not build or not (found := dict(objects(tree, build))):
        lint.say("symbols", "src", "", "nothing is built to take symbols from: tools/build.sh build-asan asan")
        return None
    for name, sources in twice(tree, build):
        lint.say("symbols", sources[0], name, "is also defined in " + ", ".join(sources[1:]) + ": the linker takes either")
    graph = uses(tree, build)
    folders = collections.defaultdict(set)
    for source, others in graph.items():
        for other, names in others.items():
            here, there = folder_of(source), folder_of(other)
            if here == there:
                continue
            folders[here].add(there)
            if order.get(there, -1) >= order.get(here, len(order)):
                lint.say("symbols", source, names[0], f"is {other}'s, of which {here}/ knows nothing")
    for group in cycles(folders):
        lint.say("symbols", "src", group[0], "a cycle of folders: " + ", ".join(group))
    for group in cycles(graph):
        if len({folder_of(source) for source in group}) == 1:  # the others are cycles of folders
            for source in group:
                others = [f"{os.path.basename(o)} ({graph[source][o][0]})" for o in sorted(graph[source]) if o in group]
                lint.say("cycle", source, "", "in a cycle with the files of its folder: takes of " + ", ".join(others))
    late = [s for s, path in found.items() if os.path.getmtime(path) < os.path.getmtime(os.path.join(tree, s))]
    return f"{len(late)} objects in {os.path.basename(build)} are older than their sources" if late else None
