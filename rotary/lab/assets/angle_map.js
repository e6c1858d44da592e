// Draws the maps of angles that the page's data block describes: a cell for each row and column, ticks, and a legend. All
// colours come from the style sheet, and are read again when the reader switches between light and dark.
'use strict';

(() => {
  const maps = JSON.parse(document.getElementById('angle-data').textContent);
  const unknown = -32768;  // of 16 bits, of which 32767 is half a turn
  for (const map of maps) {
    map.cells = new Int16Array(Uint8Array.from(atob(map.angle), (c) => c.charCodeAt(0)).buffer);
  }

  const style = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const channels = (hex) => [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));
  const mix = (a, b, share) => a.map((value, i) => Math.round(value + share * (b[i] - value)));

  // Of an angle as a share of half a turn, -1 to 1. Small ones are spread, so that a tenth of a radian shows.
  const palette = () => {
    const [paper, ink, ahead, back] = ['--card', '--ink', '--s3', '--s0'].map((name) => channels(style(name)));
    return (share) => {
      const size = Math.abs(share) ** 0.6, knee = 0.66, hue = share < 0 ? back : ahead;
      return size < knee ? mix(paper, hue, size / knee) : mix(hue, ink, (size - knee) / (1 - knee));
    };
  };

  // The cells as an image of a pixel each; unknown ones are left clear.
  const picture = (map, colour) => {
    const image = document.createElement('canvas');
    image.width = map.columns.length;
    image.height = map.rows.length;
    const pixels = new ImageData(image.width, image.height);
    map.cells.forEach((cell, i) => {
      if (cell !== unknown) pixels.data.set([...colour(cell / 32767), 255], 4 * i);
    });
    image.getContext('2d').putImageData(pixels, 0, 0);
    return image;
  };

  const hatch = (context, colour) => {
    const tile = document.createElement('canvas');
    tile.width = tile.height = 6;
    const pen = tile.getContext('2d');
    pen.strokeStyle = colour;
    for (const at of [-6, 0, 6]) {
      pen.moveTo(at, 6);
      pen.lineTo(at + 6, 0);
    }
    pen.stroke();
    return context.createPattern(tile, 'repeat');
  };

  const widest = (context, ticks) => Math.max(0, ...ticks.map(([, text]) => context.measureText(text).width));

  const drawLegend = (context, map, colour, left, top, width) => {
    const steps = 101;
    for (let i = 0; i < steps; ++i) {
      context.fillStyle = `rgb(${colour(2 * i / (steps - 1) - 1).join()})`;
      context.fillRect(left + width * i / steps, top, width / steps + 1, 10);
    }
    context.strokeStyle = style('--hair');
    context.strokeRect(left + 0.5, top + 0.5, width, 9);
    context.fillStyle = style('--soft');
    context.textBaseline = 'top';
    const names = [[0, '\u2212\u00bd turn'], [0.25, '\u2212\u00bc'], [0.5, map.zero], [0.75, '+\u00bc'], [1, '+\u00bd turn']];
    for (const [share, text] of names) {
      context.textAlign = share === 0 ? 'left' : share === 1 ? 'right' : 'center';
      context.fillText(text, left + width * share, top + 15);
    }
  };

  const draw = (map) => {
    const canvas = document.getElementById(map.id), scale = window.devicePixelRatio || 1;
    const width = canvas.parentElement.clientWidth, rows = map.rows.length, columns = map.columns.length;
    const context = canvas.getContext('2d');
    const font = getComputedStyle(document.body).fontFamily;
    context.font = `12px ${font}`;
    const left = Math.ceil(widest(context, map.y_ticks)) + 28, bottom = 84, top = 18;
    const right = map.right_ticks.length ? Math.ceil(widest(context, map.right_ticks)) + 28 : 8;
    const plot = { x: left, y: top, width: width - left - right, height: Math.min(380, Math.max(230, 4 * rows)) };
    const height = top + plot.height + bottom;
    canvas.style.height = `${height}px`;
    canvas.width = Math.round(width * scale);
    canvas.height = Math.round(height * scale);
    context.scale(scale, scale);
    context.font = `12px ${font}`;

    const colour = palette();
    context.fillStyle = hatch(context, style('--soft'));
    context.fillRect(plot.x, plot.y, plot.width, plot.height);
    context.imageSmoothingEnabled = false;
    context.drawImage(picture(map, colour), plot.x, plot.y, plot.width, plot.height);
    context.strokeStyle = style('--ink');
    for (const column of map.breaks) {
      const x = Math.round(plot.x + plot.width * column / columns) + 0.5;
      context.beginPath();
      context.moveTo(x, plot.y - 5);
      context.lineTo(x, plot.y + plot.height + 5);
      context.stroke();
    }
    context.strokeStyle = style('--hair');
    context.strokeRect(plot.x - 0.5, plot.y - 0.5, plot.width + 1, plot.height + 1);

    context.fillStyle = style('--soft');
    context.textBaseline = 'middle';
    const rowAt = (row) => plot.y + plot.height * (row + 0.5) / rows;
    context.textAlign = 'right';
    map.y_ticks.forEach(([row, text]) => context.fillText(text, plot.x - 7, rowAt(row)));
    context.textAlign = 'left';
    map.right_ticks.forEach(([row, text]) => context.fillText(text, plot.x + plot.width + 7, rowAt(row)));
    context.textBaseline = 'top';
    context.textAlign = 'center';
    // Ticks that would run into the one before are left out.
    let free = -Infinity;
    for (const [column, text] of map.x_ticks) {
      const x = plot.x + plot.width * (column + 0.5) / columns, half = context.measureText(text).width / 2;
      if (x - half < free) continue;
      context.fillText(text, x, plot.y + plot.height + 7);
      free = x + half + 10;
    }
    context.fillText(map.x_label, plot.x + plot.width / 2, plot.y + plot.height + 24);
    for (const [x, angle, text] of [[8, -1, map.y_label], [width - 8, 1, map.right_label]]) {
      context.save();
      context.translate(x, plot.y + plot.height / 2);
      context.rotate(angle * Math.PI / 2);
      context.textBaseline = 'middle';
      context.fillText(text, 0, 0);
      context.restore();
    }
    drawLegend(context, map, colour, plot.x, plot.y + plot.height + 46, plot.width);
    map.plot = plot;
  };

  // The numbers under the pointer.
  const read = (map, event) => {
    const box = document.getElementById(map.id).getBoundingClientRect(), { x, y, width, height } = map.plot;
    const column = Math.floor((event.clientX - box.left - x) / width * map.columns.length);
    const row = Math.floor((event.clientY - box.top - y) / height * map.rows.length);
    const place = document.getElementById(`${map.id}-reading`);
    if (!(column in map.columns && row in map.rows)) {
      place.textContent = place.dataset.rest;
      return;
    }
    const cell = map.cells[row * map.columns.length + column];
    const angle = (cell / 32767 * Math.PI).toFixed(4).replace('-', '\u2212');
    place.textContent = `${map.rows[row]}, ${map.columns[column]}: ` +
        (cell === unknown ? 'unknown' : `${map.quantity} ${angle} radians`);
  };

  const drawAll = () => maps.forEach(draw);
  drawAll();
  for (const map of maps) {
    const canvas = document.getElementById(map.id);
    canvas.addEventListener('pointermove', (event) => read(map, event));
    canvas.addEventListener('pointerleave', (event) => read(map, event));
  }
  window.addEventListener('resize', drawAll);
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', drawAll);
})();
