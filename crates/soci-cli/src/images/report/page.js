// Searches and sorts the table of files, and marks the spans of a file in its layer's bar. All else on the page works without.
(() => {
  'use strict';
  const ROWS = 100;
  const [LAYER, FOLDER, NAME, BYTES, FIRST, SPANS, FETCHED] = [0, 1, 2, 3, 4, 5, 6];
  const data = JSON.parse(document.getElementById('data').textContent);
  if (data.files.length === 0) return;

  const byId = (id) => document.getElementById(id);
  const [tools, search, layer, status, previous, next] =
    ['tools', 'search', 'layer', 'status', 'previous', 'next'].map(byId);
  const head = document.querySelectorAll('.files th[data-sort]');
  const body = document.querySelector('.files tbody');
  const path = (file) => data.folders[file[FOLDER]] + file[NAME];
  const words = data.files.map((file) => path(file).toLowerCase());
  const keys = {
    path: (place) => words[place],
    layer: (place) => data.files[place][LAYER],
    bytes: (place) => data.files[place][BYTES],
    spans: (place) => data.files[place][SPANS],
    fetched: (place) => data.files[place][FETCHED],
  };
  let sort = 'bytes';
  let rising = false;
  let page = 0;
  // Places in `data.files`.
  let found = [];

  function bytes(count) {
    const units = ['KiB', 'MiB', 'GiB', 'TiB', 'PiB', 'EiB'];
    if (count < 1024) return count + ' B';
    let unit = -1;
    while (count >= 1024 && unit < units.length - 1) { count /= 1024; unit += 1; }
    return count.toFixed(2) + ' ' + units[unit];
  }

  function find() {
    const wanted = search.value.toLowerCase();
    const only = layer.value === '' ? -1 : Number(layer.value);
    found = [];
    data.files.forEach((file, place) => {
      if ((only < 0 || file[LAYER] === only) && words[place].includes(wanted)) found.push(place);
    });
    const key = keys[sort];
    const way = rising ? 1 : -1;
    found.sort((a, b) => {
      const [x, y] = [key(a), key(b)];
      return x < y ? -way : x > y ? way : 0;
    });
    page = 0;
    show();
  }

  // Where there is no room for the table's head, the style puts the name before its number.
  function cell(row, kind, text, name) {
    const cell = row.insertCell();
    cell.className = kind;
    if (name) cell.dataset.name = name;
    cell.textContent = text;
    return cell;
  }

  function show() {
    const rows = found.slice(page * ROWS, (page + 1) * ROWS);
    const fresh = document.createElement('tbody');
    for (const place of rows) {
      const file = data.files[place];
      const row = fresh.insertRow();
      cell(row, 'path', path(file));
      cell(row, '', data.layers[file[LAYER]]);
      cell(row, 'number', bytes(file[BYTES]), 'Size');
      const spans = cell(row, 'number', '', 'Spans');
      if (file[SPANS] > 0) {
        const button = document.createElement('button');
        button.type = 'button';
        const last = file[FIRST] + file[SPANS] - 1;
        button.textContent = file[SPANS] === 1 ? String(last) : file[FIRST] + '–' + last;
        button.title = 'Show where in the layer';
        button.addEventListener('click', () => mark(file, last));
        spans.append(button);
      } else {
        spans.textContent = '–';
      }
      cell(row, 'number', bytes(file[FETCHED]), 'Fetched');
    }
    body.replaceChildren(...fresh.rows);
    const first = page * ROWS;
    status.textContent = found.length === 0
      ? 'No file matches.'
      : (first + 1) + '–' + (first + rows.length) + ' of ' + found.length.toLocaleString('en') + ' files';
    previous.disabled = page === 0;
    next.disabled = first + rows.length >= found.length;
  }

  function mark(file, last) {
    for (const old of document.querySelectorAll('.marked')) old.classList.remove('marked');
    const bars = document.querySelectorAll('svg[data-layer="' + file[LAYER] + '"]');
    for (const bar of bars) {
      for (const piece of bar.querySelectorAll('rect')) {
        if (Number(piece.dataset.from) <= last && Number(piece.dataset.to) >= file[FIRST]) piece.classList.add('marked');
      }
    }
    if (bars.length > 0) bars[0].scrollIntoView({ block: 'center' });
  }

  data.layers.forEach((name, place) => layer.add(new Option(name, String(place))));
  search.addEventListener('input', find);
  layer.addEventListener('change', find);
  previous.addEventListener('click', () => { page -= 1; show(); });
  next.addEventListener('click', () => { page += 1; show(); });
  for (const column of head) {
    const button = document.createElement('button');
    button.type = 'button';
    button.append(...column.childNodes);
    column.append(button);
    button.addEventListener('click', () => {
      rising = sort === column.dataset.sort ? !rising : column.dataset.sort === 'path' || column.dataset.sort === 'layer';
      sort = column.dataset.sort;
      for (const other of head) other.removeAttribute('aria-sort');
      column.setAttribute('aria-sort', rising ? 'ascending' : 'descending');
      find();
    });
  }
  tools.hidden = false;
  find();
})();
