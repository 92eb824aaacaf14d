"""driver.py: runs pieces of Python code for the server, one after the other, in one namespace.

Descriptor 3 is a socket to the server. It says `run NONCE LENGTH TEXT IMAGE IMAGES`, a line, and LENGTH bytes of code; TEXT and
IMAGE are the most bytes of a value and of a picture that it takes. We say `ready` once; `value LENGTH` or `image LENGTH`
and the bytes; `end ok` or `end raised`. What is printed goes into descriptors 1 and 2, which are one pipe; so that the order is
kept, a mark with the nonce is written into it after each thing that was said here."""
import ast
import builtins
import io
import linecache
import os
import signal
import sys
import types

# asyncio, subprocess and traceback cost more than all of these: they are imported where they are needed.

CELLS = 200  # whose source is kept for tracebacks
CO_COROUTINE = 0x80  # inspect.CO_COROUTINE
TRANSLATED = 500  # lines with `!` or `%` of one piece
CJK = ("Noto Sans CJK SC", "Noto Sans CJK JP", "Source Han Sans SC", "WenQuanYi Micro Hei", "WenQuanYi Zen Hei", "Droid Sans Fallback",
       "IPAexGothic", "TakaoGothic", "AR PL UMing CN", "Unifont")
DRIVER = (lambda: None).__code__.co_filename


class Session:
    def __init__(self, control):
        self.control = control
        os.set_inheritable(control, False)
        self.pipe = os.dup(1)  # the code may close what it prints to
        self.pid = os.getpid()
        self.loop = None
        self.cells = []
        self.count = 0
        self.limits = (0, 0, 0)
        self.images = 0
        self.nonce = b""

    # what is said to the server

    def say(self, word, data=None):
        head = b"%s %d\n" % (word, len(data)) if data is not None else b"%s\n" % word
        rest = memoryview(head + (data or b""))
        while rest:
            rest = rest[os.write(self.control, rest):]

    def mark(self, kind):
        for stream in (sys.stdout, sys.stderr):
            try:
                stream.flush()
            except (OSError, ValueError, AttributeError):
                pass
        os.write(self.pipe, b"\0" + self.nonce + kind + b"\n")

    def value(self, text):
        data = text.encode("utf-8", "replace")
        most = self.limits[0]
        if len(data) > most:
            data = data[:max(0, most - 100)] + b"\n[%d bytes left out]" % (len(data) - max(0, most - 100))
        self.say(b"value", data)
        self.mark(b"v")

    def image(self, data):
        if len(data) > self.limits[1]:
            print(f"[a picture of {len(data)} bytes was left out: at most {self.limits[1]}]")
        elif self.images >= self.limits[2]:
            if self.images == self.limits[2]:
                print(f"[more than {self.limits[2]} pictures: the others were left out]")
            self.images += 1
        else:
            self.images += 1
            self.say(b"image", data)
            self.mark(b"i")

    # one piece of code

    def show(self, value):
        if value is None:
            return
        builtins._ = value
        figure = getattr(sys.modules.get("matplotlib.figure"), "Figure", None)
        if figure and isinstance(value, figure):
            PLOTS.show_figure(value)
            return
        png = getattr(value, "_repr_png_", None)
        if callable(png) and not isinstance(value, type):
            data = png()
            if isinstance(data, tuple):
                data = data[0]
            if isinstance(data, (bytes, bytearray)):
                self.image(bytes(data))
                return
        self.value(repr(value))

    def wait(self, coroutine):
        import asyncio
        if self.loop is None:
            self.loop = asyncio.new_event_loop()
            asyncio.set_event_loop(self.loop)
        return self.loop.run_until_complete(coroutine)

    def evaluate(self, code, names):
        value = eval(code, names)
        return self.wait(value) if code.co_flags & CO_COROUTINE else value

    def execute(self, source, name):
        names = sys.modules["__main__"].__dict__
        try:
            source, tree = parse(source, name)
        except Exception as error:
            raise error.with_traceback(None)
        linecache.cache[name] = (len(source), None, source.splitlines(True), name)
        last = None
        if tree.body and isinstance(tree.body[-1], ast.Expr):
            last = ast.Expression(tree.body.pop().value)
        flags = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
        if tree.body:
            self.evaluate(compile(tree, name, "exec", flags, dont_inherit=True), names)
        if last is not None:
            value = self.evaluate(compile(last, name, "eval", flags, dont_inherit=True), names)
            if not source.rstrip().endswith(";"):
                self.show(value)

    def guarded(self, work, *args):
        """False when it raised; the traceback is printed, without our own frames."""
        try:
            work(*args)
            return True
        except SystemExit as end:
            if end.code not in (None, 0):
                print(f"SystemExit: {end.code}", file=sys.stderr)
                return False
            return True
        except BaseException as error:
            self.tell(error)
            return False

    def tell(self, error):
        try:
            import traceback
            text = "".join(traceback.format_exception(type(error), error, strip(error.__traceback__)))
        except BaseException as worse:
            text = f"{type(error).__name__} (and {type(worse).__name__} while it was printed)\n"
        try:
            sys.stdout.flush()
            sys.stderr.write(text)
        except BaseException:
            os.write(self.pipe, text.encode("utf-8", "replace"))

    def run(self, source):
        self.count += 1
        self.images = 0
        name = f"<cell {self.count}>"
        self.cells.append(name)
        if len(self.cells) > CELLS:
            linecache.cache.pop(self.cells.pop(0), None)
        streams()
        ok = False
        try:
            signal.signal(signal.SIGINT, signal.default_int_handler)
            ok = self.guarded(self.execute, source, name)
            ok = self.guarded(PLOTS.show) and ok
        except KeyboardInterrupt as error:  # between two of them
            self.tell(error)
        finally:
            while True:
                try:
                    signal.signal(signal.SIGINT, signal.SIG_IGN)
                    break
                except KeyboardInterrupt:
                    pass
        if os.getpid() != self.pid:  # a child that the code forked and that came out of it
            os._exit(0)
        return ok

    def serve(self):
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        reader = open(self.control, "rb", closefd=False)
        self.say(b"ready")
        while True:
            words = reader.readline(200).split()
            if len(words) != 6 or words[0] != b"run":
                return
            self.nonce = words[1]
            self.limits = (int(words[3]), int(words[4]), int(words[5]))
            source = reader.read(int(words[2])).decode("utf-8", "replace")
            ok = self.run(source)
            self.say(b"end ok" if ok else b"end raised")
            self.mark(b"e")


def streams():
    """Both go into the pipe, a line at a time; made again where the code closed them (exit() closes its input, too)."""
    if sys.stdin is None or getattr(sys.stdin, "closed", True):
        sys.stdin = io.TextIOWrapper(io.FileIO(os.open("/dev/null", os.O_RDONLY)))
    for fd, name in ((1, "stdout"), (2, "stderr")):
        stream = getattr(sys, name, None)
        if stream is None or getattr(stream, "closed", True):
            try:
                os.fstat(fd)
            except OSError:
                os.dup2(SESSION.pipe, fd)
            made = io.TextIOWrapper(io.FileIO(fd, "w", closefd=False), "utf-8", "backslashreplace", line_buffering=True, write_through=fd == 2)
            setattr(sys, name, made)
            setattr(sys, f"__{name}__", made)


def strip(tb):
    while tb is not None and tb.tb_frame.f_code.co_filename == DRIVER:
        tb = tb.tb_next
    return tb


def parse(source, name):
    """The code as it can be run, and its tree. Lines that begin with `!` run in the shell, as in a notebook; `%` lines are
    a notebook's own commands. Such a line is only one where Python cannot read it: inside a string it stays."""
    source = source.replace("\r\n", "\n").replace("\r", "\n")
    for _ in range(TRANSLATED):
        try:
            return source, ast.parse(source, name)
        except SyntaxError as error:
            lines = source.split("\n")
            at = (error.lineno or 0) - 1
            if not 0 <= at < len(lines) or not lines[at].lstrip().startswith(("!", "%")):
                raise
            line = lines[at].lstrip()
            indent = lines[at][:len(lines[at]) - len(line)]
            lines[at] = indent + translate(line)
            source = "\n".join(lines)
    return source, ast.parse(source, name)


def translate(line):
    command = line.lstrip("!%").strip()
    if line.startswith("!"):
        return f"__import__('builtins').__shell__({command!r})"
    if command.split()[:1] in (["pip"], ["conda"], ["ls"], ["pwd"], ["cat"], ["mkdir"], ["sx"], ["system"]):
        return f"__import__('builtins').__shell__({command.removeprefix('sx ').removeprefix('system ')!r})"
    if command.startswith("matplotlib"):
        return "pass"
    return f"print({f'%{command}: a command of notebooks that is not known here'!r})"


def shell(command):
    import subprocess
    sys.stdout.flush()
    subprocess.run(["/bin/sh", "-c", command], stdin=subprocess.DEVNULL)


class Plots:
    """A back end of matplotlib: figures are shown as pictures. Programs that the code starts have another (MPLBACKEND)."""

    @staticmethod
    def find_spec(name, path=None, target=None):
        """Stands first among sys.meta_path and hears of every import; finds nothing itself."""
        if name == "matplotlib":
            Plots.prepare()
        if name == "matplotlib.pyplot" and "matplotlib" in sys.modules:
            Plots.begin(sys.modules["matplotlib"])

    @staticmethod
    def prepare():
        """Which fonts there are was found out when the packages were installed."""
        try:
            known, own = os.path.join(sys.prefix, "share", "matplotlib"), os.environ["MPLCONFIGDIR"]
            os.makedirs(own, exist_ok=True)
            for name in os.listdir(known):
                if name.startswith("fontlist") and not os.path.lexists(os.path.join(own, name)):
                    os.symlink(os.path.join(known, name), os.path.join(own, name))
        except (OSError, KeyError):
            pass  # they are looked for again

    @staticmethod
    def begin(matplotlib):
        sys.modules["antiphon_plots"] = Plots.module()
        matplotlib.use("module://antiphon_plots")
        from matplotlib.font_manager import fontManager
        there = {font.name for font in fontManager.ttflist}
        more = [name for name in CJK if name in there][:1]
        if more and list(matplotlib.rcParams["font.family"]) == ["sans-serif"]:
            matplotlib.rcParams["font.family"] = ["sans-serif"] + more  # for letters that the first has not

    @staticmethod
    def module():
        from matplotlib.backend_bases import FigureManagerBase
        from matplotlib.backends.backend_agg import FigureCanvasAgg

        def new_figure_manager(num, *args, FigureClass=None, **kwargs):
            from matplotlib.figure import Figure
            return new_figure_manager_given_figure(num, (FigureClass or Figure)(*args, **kwargs))

        def new_figure_manager_given_figure(num, figure):
            return FigureManagerBase(FigureCanvasAgg(figure), num)

        module = types.ModuleType("antiphon_plots")
        module.FigureCanvas = FigureCanvasAgg
        module.FigureManager = FigureManagerBase
        module.show = lambda *args, **kwargs: PLOTS.show()
        module.new_figure_manager = new_figure_manager
        module.new_figure_manager_given_figure = new_figure_manager_given_figure
        module.draw_if_interactive = lambda: None
        return module

    def show(self):
        helpers = getattr(sys.modules.get("matplotlib._pylab_helpers"), "Gcf", None)
        if helpers is None:
            return
        managers = helpers.get_all_fig_managers()
        if not managers:
            return
        try:
            for manager in managers:
                self.draw(manager.canvas.figure)
        finally:
            sys.modules["matplotlib.pyplot"].close("all")

    def show_figure(self, figure):
        self.draw(figure)
        if "matplotlib.pyplot" in sys.modules:
            sys.modules["matplotlib.pyplot"].close(figure)

    def draw(self, figure):
        if not figure.axes and not figure.lines and not figure.texts and not figure.images and not figure.patches:
            return
        out = io.BytesIO()
        figure.savefig(out, format="png", bbox_inches="tight", dpi=figure.dpi * 2)
        SESSION.image(out.getvalue())


PLOTS = Plots()
SESSION = None


def start(control):
    global SESSION
    SESSION = Session(control)
    main = types.ModuleType("__main__")
    main.__builtins__ = builtins
    builtins.__shell__ = shell
    sys.modules["__main__"] = main
    sys.meta_path.insert(0, Plots)
    if "matplotlib" in sys.modules:  # whoever forked us has it
        Plots.prepare()
    sys.argv = [""]
    sys.path.insert(0, "/mnt/data")
    sys.dont_write_bytecode = True
    for stream in (sys.stdout, sys.stderr):
        stream.close()
    streams()
    SESSION.serve()
    os._exit(0)
