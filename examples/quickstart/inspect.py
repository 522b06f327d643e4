import collections
import csv
import os
import re

path = os.path.join(os.environ["INPUT_DIR"], "sales.csv")
with open(path, encoding="utf-8-sig", newline="") as file:
    rows = list(csv.DictReader(file))

def shape(text):
    return re.sub(r"[A-Za-z]+", "a", re.sub(r"\d+", "9", text)) or "(empty)"

print(f"{len(rows)} rows, columns: {', '.join(rows[0])}")
for column in ("Date", "Qty", "Unit Price"):
    shapes = collections.Counter(shape(row[column]) for row in rows)
    print(f"{column}: " + ", ".join(f"{name} x{count}" for name, count in shapes.most_common()))
regions = collections.Counter(row["Region"] for row in rows)
print("Region: " + ", ".join(f"{name!r} x{count}" for name, count in regions.most_common()))
orders = collections.Counter(row["Order No"] for row in rows if row["Order No"])
print(f"Order No seen twice: {sum(count > 1 for count in orders.values())}")
