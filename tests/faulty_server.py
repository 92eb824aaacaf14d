"""A server whose disk does what a test says: fills up, fails at named places (faulty/fault.def), loses power.

    board = server.faults
    board.fail("turn_record", FULL, skip=2)        # the third turn's write fails
    board.fail("disk", SYNC, times=FOREVER)        # no sync succeeds until board.clear()
"""
import glob
import mmap
import os
import random
import re
import shutil
import signal
import struct

from harness import BINARY, PATIENCE, TREE, Server

FULL, WRITE, SYNC, TRUNCATE = range(4)  # enum power_fault
FOREVER = 2**32 - 1
POWER_OFF = 86
FAULTY = os.environ.get("ANTIPHON_FAULTY", os.path.join(os.path.dirname(BINARY), "tests", "antiphon-faulty"))

with open(os.path.join(TREE, "tests", "faulty", "fault.def")) as f:
    PLACES = re.findall(r"^FAULT\((\w+),", f.read(), re.M)


class Board:
    """What faulty.c reads: `seed`, then kind, skip, times, passed, failed of each place."""
    ROW = 5

    def __init__(self, path):
        self.size = 4 * (1 + self.ROW * len(PLACES))
        with open(path, "wb") as f:
            f.write(bytes(self.size))
        self.file = open(path, "r+b")
        self.map = mmap.mmap(self.file.fileno(), self.size)

    def _at(self, place, member):
        return 4 * (1 + self.ROW * PLACES.index(place) + member)

    def _put(self, at, value):
        self.map[at:at + 4] = struct.pack("=I", value)

    def _get(self, place, member):
        at = self._at(place, member)
        return struct.unpack("=I", self.map[at:at + 4])[0]

    def fail(self, place, kind, skip=0, times=1):
        for member, value in ((2, 0), (0, kind), (1, skip), (4, 0), (2, times)):  # `times` last: it sets it off
            self._put(self._at(place, member), value)

    def clear(self):
        for place in PLACES:
            self._put(self._at(place, 2), 0)

    def passed(self, place):
        return self._get(place, 3)

    def failed(self, place):
        return self._get(place, 4)

    def close(self):
        self.map.close()
        self.file.close()


class FaultyServer(Server):
    def __init__(self, *args, **more):
        self.faults = None
        super().__init__(*args, binary=FAULTY, **more)

    def start(self, ready=True):
        if self.faults is None:
            self.board = os.path.join(self.home, "board")
            self.faults = Board(self.board)
            self.env = {**(self.env or {}), "FAULTY_BOARD": self.board}
        super().start(ready)

    def power_cut(self, seed=0):
        """The power goes; the data folder is left as the disk would hold it. seed > 0: some of what was not synced is there."""
        left = self.board + ".cut"
        shutil.rmtree(left, ignore_errors=True)
        os.mkdir(left)
        self.faults._put(0, seed)
        self.process.send_signal(signal.SIGUSR2)
        code = self.process.wait(PATIENCE)
        self.process = None
        assert code == POWER_OFF, f"exit status {code} at a power cut\n{self.stderr()[-4000:]}"
        for path in glob.glob(self.data + "/antiphon.db*") + glob.glob(self.data + "/index/*.db*"):
            os.unlink(path)
        for name in os.listdir(left):  # indexes of vector stores lie in a folder of their own
            where = "index" if re.match(r"\d+\.db", name) else ""
            shutil.copy(os.path.join(left, name), os.path.join(self.data, where, name))

    def erase(self):
        if self.faults:
            self.faults.close()
        super().erase()


def a_seed():
    return int(os.environ.get("CRASH_SEED", random.randrange(1 << 30)))
