"""Reads a sheet of an .xlsx file with the standard library: lists of text, numbers, booleans, dates and None."""
import datetime
import os
import re
import zipfile
from xml.etree import ElementTree

MAIN = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
RELATION = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"


def read_xlsx(path, sheet=0):
    with zipfile.ZipFile(path) as archive:
        def parse(name):
            return ElementTree.fromstring(archive.read(name)) if name in archive.namelist() else []

        def text_of(node):
            return "".join(part.text or "" for part in node.iter(MAIN + "t"))

        def is_date(cell_format):
            number = int(cell_format.get("numFmtId", 0))
            return 14 <= number <= 22 or re.search("[ymdh]", re.sub(r'"[^"]*"|\[[^\]]*\]', "", formats.get(number, "")))

        strings = [text_of(item) for item in parse("xl/sharedStrings.xml")]
        styles = parse("xl/styles.xml")
        formats = {int(one.get("numFmtId")): one.get("formatCode") for one in styles.iter(MAIN + "numFmt")}
        dates = [bool(is_date(one)) for one in styles.find(MAIN + "cellXfs")]
        links = {link.get("Id"): link.get("Target") for link in parse("xl/_rels/workbook.xml.rels")}
        sheets = list(parse("xl/workbook.xml").iter(MAIN + "sheet"))
        target = links[sheets[sheet].get(RELATION)].removeprefix("/xl/")

        def value_of(cell):
            kind, value = cell.get("t", "n"), cell.findtext(MAIN + "v")
            if kind == "inlineStr":
                return text_of(cell)
            if value is None:
                return None
            if kind == "s":
                return strings[int(value)]
            if kind == "b":
                return value == "1"
            if kind in ("str", "e"):
                return value
            if dates[int(cell.get("s", 0))]:
                return datetime.datetime(1899, 12, 30) + datetime.timedelta(days=float(value))
            return float(value)

        rows = []
        for row in parse("xl/" + target).iter(MAIN + "row"):
            values = []
            for cell in row:
                column = 0
                for letter in re.match("[A-Z]+", cell.get("r")).group():
                    column = column * 26 + ord(letter) - 64
                values += [None] * (column - 1 - len(values)) + [value_of(cell)]
            rows.append(values)
        return rows


for name in sorted(os.listdir(os.environ["INPUT_DIR"])):
    if name.endswith(".xlsx"):
        for row in read_xlsx(os.path.join(os.environ["INPUT_DIR"], name)):
            print(row)
