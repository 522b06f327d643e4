import collections
import csv
import datetime
import os
import re

with open(os.path.join(os.environ["INPUT_DIR"], "sales.csv"), encoding="utf-8-sig", newline="") as file:
    rows = list(csv.DictReader(file))

def month_of(text):
    for form in ("%Y-%m-%d", "%d.%m.%Y", "%m/%d/%Y"):
        try:
            return datetime.datetime.strptime(text, form).strftime("%Y-%m")
        except ValueError:
            pass

def price_of(text):
    number = re.sub(r"[^\d.,]", "", text)
    if re.search(r",\d\d$", number):  # 1.234,50 as written in Europe
        number = number.replace(".", "").replace(",", ".")
    return float(number.replace(",", ""))

revenue = collections.defaultdict(float)
seen, dropped = set(), collections.Counter()
for row in rows:
    if not re.fullmatch(r"SO-\d+", row["Order No"]):
        dropped["no order number"] += 1
    elif row["Order No"] in seen:
        dropped["order seen before"] += 1
    elif not re.fullmatch(r"-?\d+(\.0)?", row["Qty"]):
        dropped["no quantity"] += 1
    elif not row["Region"].strip():
        dropped["no region"] += 1
    else:
        seen.add(row["Order No"])
        amount = float(row["Qty"]) * price_of(row["Unit Price"])  # returns count as negative
        revenue[month_of(row["Date"]), row["Region"].strip().title()] += amount

months = sorted({month for month, _ in revenue})
regions = sorted({region for _, region in revenue})
totals = {month: sum(revenue[month, region] for region in regions) for month in months}

out = os.environ["OUTPUT_DIR"]
with open(os.path.join(out, "summary.csv"), "w", newline="") as file:
    writer = csv.writer(file)
    writer.writerow(["month", *regions, "total"])
    for month in months:
        writer.writerow([month, *(f"{revenue[month, region]:.2f}" for region in regions), f"{totals[month]:.2f}"])

WIDTH, HEIGHT, LEFT, BOTTOM, TOP = 640, 360, 70, 40, 40
COLOURS = ["#35618f", "#5aa2ae", "#e0a458", "#a4442e"]
top = max(totals.values()) * 1.1
step = (WIDTH - LEFT - 20) / len(months)
y = lambda amount: HEIGHT - BOTTOM - amount / top * (HEIGHT - BOTTOM - TOP)
svg = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" font-size="12">',
       f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
       f'<text x="{LEFT}" y="20" font-size="15">Revenue by month and region</text>']
for tick in range(0, int(top), 5000):
    svg.append(f'<line x1="{LEFT}" x2="{WIDTH - 20}" y1="{y(tick):.1f}" y2="{y(tick):.1f}" stroke="#ddd"/>')
    svg.append(f'<text x="{LEFT - 8}" y="{y(tick) + 4:.1f}" text-anchor="end">{tick:,}</text>')
for column, month in enumerate(months):
    base, x = 0.0, LEFT + column * step + step * 0.15
    for region, colour in zip(regions, COLOURS):
        height = y(base) - y(base + revenue[month, region])
        base += revenue[month, region]
        svg.append(f'<rect x="{x:.1f}" y="{y(base):.1f}" width="{step * 0.7:.1f}" height="{height:.1f}" fill="{colour}"/>')
    svg.append(f'<text x="{x + step * 0.35:.1f}" y="{HEIGHT - BOTTOM + 18}" text-anchor="middle">{month}</text>')
for place, (region, colour) in enumerate(zip(regions, COLOURS)):
    svg.append(f'<rect x="{340 + place * 75}" y="10" width="12" height="12" fill="{colour}"/>')
    svg.append(f'<text x="{356 + place * 75}" y="20">{region}</text>')
with open(os.path.join(out, "revenue.svg"), "w") as file:
    file.write("\n".join(svg) + "\n</svg>\n")

best = max(totals, key=totals.get)
print(f"{len(seen)} orders kept; dropped: " + ", ".join(f"{count} {why}" for why, count in dropped.items()))
print(f"Best month: {best} with {totals[best]:,.2f}")
print(f"Total: {sum(totals.values()):,.2f}")
