"""What stands in an object file (ELF, 64 bits, little-endian): symbols, constants, and whether it has constructors.
Constants are read here, pointers among them followed, so that nothing of an object needs to run, whose instructions
this machine may not have."""

import pathlib
import struct

SYMBOL_TABLE, EXPORTED_SYMBOLS, RELOCATIONS, LARGE_SECTION_NUMBERS = 2, 11, 4, 18
IN_SECTION_OF_ITS_OWN = 0xFFFF
# Relocations that stand for the whole address of a symbol: R_X86_64_64, R_AARCH64_ABS64, R_RISCV_64.
WHOLE_ADDRESS = {62: 1, 183: 257, 243: 2}


class ObjectFile:
    """A place in it is a pair: number of a section, offset there."""

    def __init__(self, path):
        self.data = pathlib.Path(path).read_bytes()
        if self.data[:6] != b"\x7fELF\x02\x01":
            raise ValueError(f"{path} is no ELF object of 64 bits, little-endian")
        (self.machine,) = struct.unpack_from("<H", self.data, 0x12)
        (offset,) = struct.unpack_from("<Q", self.data, 0x28)
        size, count, names = struct.unpack_from("<HHH", self.data, 0x3A)
        # A file with many sections keeps their number, and where their names are, in the first.
        first = self._section(offset)
        count, names = count or first[5], first[6] if names == IN_SECTION_OF_ITS_OWN else names
        self.sections = [self._section(offset + size * i) for i in range(count)]
        self.section_names = [self._string(self.sections[names][4] + section[0]) for section in self.sections]
        self._pointers = None

    def _section(self, offset):
        """name, kind, flags, address, offset, size, link, information, alignment, size of an entry"""
        return struct.unpack_from("<IIQQQQIIQQ", self.data, offset)

    def _string(self, offset):
        return self.data[offset : self.data.index(b"\0", offset)].decode()

    def _entries(self, kind):
        """name, section, value, size of every symbol of a table, in order."""
        large = next((section[4] for section in self.sections if section[1] == LARGE_SECTION_NUMBERS), None)
        for table in (section for section in self.sections if section[1] == kind):
            strings = self.sections[table[6]][4]
            for i in range(table[5] // 24):
                name, _, _, section, value, size = struct.unpack_from("<IBBHQQ", self.data, table[4] + 24 * i)
                if section == IN_SECTION_OF_ITS_OWN and large is not None:
                    (section,) = struct.unpack_from("<I", self.data, large + 4 * i)
                yield (self._string(strings + name) if name else ""), section, value, size

    def symbols(self, kind=SYMBOL_TABLE):
        """name -> place of each symbol that is defined in a section."""
        return {
            name: (section, value)
            for name, section, value, _ in self._entries(kind)
            if name and 0 < section < len(self.sections)
        }

    def wanted(self):
        """The names that something else must define."""
        return {name for name, section, _, _ in self._entries(SYMBOL_TABLE) if name and section == 0}

    def pointers(self):
        """place -> place of each pointer that the linker will fill in."""
        if self._pointers is None:
            self._pointers = {}
            symbols = [(section, value) for _, section, value, _ in self._entries(SYMBOL_TABLE)]
            for table in (section for section in self.sections if section[1] == RELOCATIONS):
                for i in range(table[5] // 24):
                    offset, what, addend = struct.unpack_from("<QQq", self.data, table[4] + 24 * i)
                    if what & 0xFFFFFFFF == WHOLE_ADDRESS.get(self.machine):
                        section, value = symbols[what >> 32]
                        self._pointers[table[7], offset] = (section, value + addend)
        return self._pointers

    def numbers(self, place, form):
        """What struct.unpack makes of the bytes at a place; of pointers, nothing that means something."""
        return struct.unpack_from("<" + form, self.data, self.sections[place[0]][4] + place[1])

    def pointer(self, place, offset=0):
        """The place that the pointer at a place refers to; None if it is null."""
        return self.pointers().get((place[0], place[1] + offset))

    def text(self, place):
        """The characters at a place, up to the zero."""
        return self._string(self.sections[place[0]][4] + place[1])

    def has_constructors(self):
        """Whether something runs when the object is loaded."""
        return any(name.startswith((".init_array", ".ctors", ".preinit_array")) for name in self.section_names)
