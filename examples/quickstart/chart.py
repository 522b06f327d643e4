import matplotlib.pyplot as plt

# Revenue, months and regions are those of the cell before: variables persist.
figure, axes = plt.subplots(figsize=(8, 4.5))
base = [0.0] * len(months)
for region, colour in zip(regions, COLOURS):
    amounts = [revenue[month, region] for month in months]
    axes.bar(months, amounts, bottom=base, label=region, color=colour)
    base = [below + amount for below, amount in zip(base, amounts)]
axes.set_title("Revenue by month and region")
axes.legend(ncols=len(regions))
figure.tight_layout()
figure.savefig(os.path.join(os.environ["OUTPUT_DIR"], "revenue.png"), dpi=150)
print("matplotlib", plt.matplotlib.__version__)
