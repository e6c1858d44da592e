// Draws the charts that the page's data block describes. The labels of the lines stand at their ends, in their colours;
// all colours come from the style sheet, and are read again when the reader switches between light and dark.
'use strict';

(() => {
  const charts = JSON.parse(document.getElementById('chart-data').textContent);
  const dashes = [[], [8, 4], [2, 3], [10, 4, 2, 4], [5, 3], [14, 4], [4, 2, 1, 2, 1, 2]];
  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const translucent = (hex) => hex + '26';  // 15%: two bands over each other stay apart

  // Four significant digits, without an exponent for everyday sizes.
  const digits = (value) => {
    const size = Math.abs(value);
    const text = size !== 0 && (size < 1e-3 || size >= 1e7) ? value.toExponential(2)
                                                            : String(Number(value.toPrecision(4)));
    return text.replace('-', '\u2212');
  };

  // 1, 2 and 5 times powers of ten between `low` and `high`, thinned to at most about eight.
  const decades = (low, high) => {
    const all = [];
    for (let power = Math.floor(Math.log10(low)); power <= Math.log10(high); ++power) {
      for (const lead of [1, 2, 5]) {
        const value = Number((lead * 10 ** power).toPrecision(3));
        if (value >= low * 0.999 && value <= high * 1.001) all.push(value);
      }
    }
    if (all.length <= 8) return all;
    return all.filter((value) => Number.isInteger(Math.round(Math.log10(value) * 1e6) / 1e6));
  };

  // Writes each line's name at its last visible point; names that would overlap are pushed apart.
  const endLabels = {
    id: 'endLabels',
    afterDatasetsDraw(chart) {
      const { ctx, chartArea, scales } = chart;
      const labels = [];
      chart.data.datasets.forEach((set, index) => {
        if (!set.label || !chart.isDatasetVisible(index)) return;
        const last = set.data.findLast((point) =>
            point.y !== null && point.x <= scales.x.max && point.y <= scales.y.max && point.y >= scales.y.min);
        if (!last) return;
        const y = scales.y.getPixelForValue(last.y);
        labels.push({ text: set.endLabel, colour: set.borderColor, x: scales.x.getPixelForValue(last.x), y, at: y });
      });
      labels.sort((a, b) => a.y - b.y);
      const apart = 15;
      for (let pass = 0; pass < 50; ++pass) {
        for (let i = 1; i < labels.length; ++i) {
          const overlap = labels[i - 1].at + apart - labels[i].at;
          if (overlap > 0) { labels[i - 1].at -= overlap / 2; labels[i].at += overlap / 2; }
        }
        labels.forEach((label, i) => {
          const top = chartArea.top + 2 + i * apart, bottom = chartArea.bottom - 6 - (labels.length - 1 - i) * apart;
          label.at = Math.min(Math.max(label.at, top), bottom);
        });
      }
      ctx.save();
      ctx.font = `600 12px ${Chart.defaults.font.family}`;
      ctx.textBaseline = 'middle';
      for (const label of labels) {
        const x = chartArea.right + 14;
        ctx.strokeStyle = ctx.fillStyle = label.colour;
        ctx.lineWidth = 1;
        if (label.x > chartArea.right - 60) {  // no leader across the whole chart to a line that ends early
          ctx.beginPath();
          ctx.moveTo(Math.min(label.x + 3, chartArea.right + 3), label.y);
          ctx.lineTo(x - 3, label.at);
          ctx.stroke();
        }
        ctx.fillText(label.text, x, label.at);
      }
      ctx.restore();
    },
  };

  const labelWidth = (spec) => {
    const context = document.createElement('canvas').getContext('2d');
    context.font = `600 12px ${Chart.defaults.font.family}`;
    return Math.max(0, ...spec.series.map((series) => context.measureText(series.label).width));
  };

  // A line is one dataset; a band is two more without a name: its lower edge, and its upper edge filled down to that.
  const datasets = (spec) => {
    const sets = [];
    for (const series of [...spec.series].reverse()) {  // the first series is drawn last, on top
      const ink = colour(`--s${series.style}`);
      const points = (values) => series.x.map((x, i) => ({ x, y: values[i] }));
      const edge = { borderWidth: 0, pointRadius: 0, pointHitRadius: 0, backgroundColor: translucent(ink) };
      if (series.low.length) {
        sets.push({ ...edge, data: points(series.low), fill: false });
        sets.push({ ...edge, data: points(series.high), fill: '-1' });
      }
      sets.push({
        label: series.name, endLabel: series.label, data: points(series.y), borderColor: ink, backgroundColor: ink, fill: false,
        borderWidth: series.style === 0 ? 2.75 : 2, borderDash: dashes[series.style], borderJoinStyle: 'round',
        pointRadius: series.markers ? 3.5 : 0, clip: series.markers ? 6 : 0, pointHoverRadius: 4, pointHitRadius: 6,
      });
    }
    if (spec.line !== null) {
      const xs = spec.series.flatMap((series) => series.x);
      sets.push({ data: [Math.min(...xs), Math.max(...xs)].map((x) => ({ x, y: spec.line })), fill: false,
                  borderColor: colour('--soft'), borderWidth: 1, pointRadius: 0, pointHitRadius: 0 });
    }
    return sets;
  };

  const axis = (label, logarithmic, min, max, ticks) => {
    const options = {
      type: logarithmic ? 'logarithmic' : 'linear',
      title: { display: true, text: label, color: colour('--soft'), font: { size: 12.5 } },
      grid: { color: colour('--grid'), borderColor: colour('--hair'), tickLength: 4 },
      ticks: { color: colour('--soft'), maxRotation: 0, autoSkipPadding: 14, callback: digits },
    };
    if (min !== undefined) options.min = min;
    if (max !== undefined) options.max = max;
    if (ticks.length) {
      const names = new Map(ticks);
      options.afterBuildTicks = (scale) => { scale.ticks = ticks.map(([value]) => ({ value })); };
      options.ticks.callback = (value) => names.get(value);
    } else if (logarithmic) {
      options.afterBuildTicks = (scale) => { scale.ticks = decades(scale.min, scale.max).map((value) => ({ value })); };
    }
    return options;
  };

  // What an axis shows: as the page asks; a logarithmic one else exactly its data, as it would round to powers of ten.
  const range = (logarithmic, min, max, values) => [
    min ?? (logarithmic ? Math.min(...values) : undefined), max ?? (logarithmic ? Math.max(...values) : undefined),
  ];

  const draw = (spec) => {
    const canvas = document.getElementById(spec.id);
    Chart.getChart(canvas)?.destroy();
    const xs = spec.series.flatMap((series) => series.x);
    const ys = spec.series.flatMap((series) => [...series.y, ...series.low, ...series.high]);
    new Chart(canvas, {
      type: 'line',
      data: { datasets: datasets(spec) },
      plugins: [endLabels],
      options: {
        responsive: true, maintainAspectRatio: false, animation: false, parsing: false, normalized: true,
        layout: { padding: { right: labelWidth(spec) + 18, top: 4 } },
        interaction: { mode: 'nearest', axis: 'x', intersect: false },
        scales: {
          x: axis(spec.x_label, spec.log_x, ...range(spec.log_x, spec.x_min, spec.x_max, xs), spec.x_ticks),
          y: axis(spec.y_label, spec.log_y, ...range(spec.log_y, spec.y_min, spec.y_max, ys), []),
        },
        plugins: {
          legend: { display: false },
          tooltip: {
            filter: (item) => Boolean(item.dataset.label),
            itemSort: (a, b) => b.parsed.y - a.parsed.y,
            callbacks: {
              title: (items) => (items.length ? `${spec.x_label}: ${digits(items[0].parsed.x)}` : ''),
              label: (item) => ` ${item.dataset.label}: ${digits(item.parsed.y)}`,
            },
          },
        },
      },
    });
  };

  const drawAll = () => charts.forEach(draw);
  Chart.defaults.font.family = getComputedStyle(document.body).fontFamily;
  drawAll();
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', drawAll);
})();
