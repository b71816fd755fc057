// The page: the filter, the keys of the grid, the permalinks.

const root = document.documentElement;
const table = document.getElementById('matrix');
const filter = document.getElementById('filter');
const shown = document.getElementById('shown');
const only = document.getElementById('differences');
const dialog = document.getElementById('evidence');
const columns = [...table.querySelectorAll('thead th[data-column]')].map((head) => head.dataset.column);

// rows are the checks as the queries see them.
const rows = [];
const areas = [];
for (const body of table.tBodies) {
  if (body.classList.contains('area')) {
    areas.push({ body, name: body.querySelector('span').firstChild.data.trim().toLowerCase(), rows: [] });
    continue;
  }
  const first = body.rows[0];
  const row = {
    body, id: first.cells[0].id, level: body.dataset.level, differs: body.classList.contains('differs'), area: areas.at(-1).name,
    text: body.textContent.toLowerCase(),
    links: [...first.querySelectorAll('a.go')],
    cells: [...first.cells].slice(1).map((cell) => ({
      verdict: cell.querySelector('b').textContent, denied: (cell.dataset.denied || '').toLowerCase(), text: cell.textContent.toLowerCase(),
    })),
  };
  rows.push(row);
  areas.at(-1).rows.push(row);
}

// apply shows what the filter and the button ask for.
function apply() {
  const query = compile(filter.value, columns);
  const onlyDiffering = table.classList.contains('only');
  let count = 0;
  for (const area of areas) {
    let some = false;
    for (const row of area.rows) {
      const wanted = query.matches(row);
      if (row.body.hidden === wanted) row.body.hidden = !wanted;
      row.visible = wanted && (row.differs || !onlyDiffering) || row.body.classList.contains('target');
      if (wanted && row.visible) count++;
      some ||= row.visible;
    }
    area.body.classList.toggle('same', !area.rows.some((row) => row.differs && row.visible) && !some);
    area.body.hidden = !some;
  }
  shown.textContent = query.problem || `${count} of ${rows.length} checks`;
  shown.classList.toggle('problem', !!query.problem);
  document.getElementById('none').hidden = count > 0;
  const current = table.querySelector('a.go[tabindex="0"]');
  const visible = rows.find((row) => row.visible && !row.body.hidden);
  if (visible && (!current || current.closest('tbody').hidden)) focusable(visible.links[0]);
}

// focusable makes a link the one that the tab key reaches.
function focusable(link) {
  table.querySelector('a.go[tabindex="0"]')?.setAttribute('tabindex', -1);
  link.tabIndex = 0;
}

function onlyDifferences(on) {
  table.classList.toggle('only', on);
  only?.setAttribute('aria-pressed', on);
  apply();
}

function search(text) {
  filter.value = text;
  apply();
}

// target marks the row of a permalink; it is shown even where the filter would not.
function target(row) {
  table.querySelector('.target')?.classList.remove('target');
  row?.body.classList.add('target');
  apply();
  if (row) row.body.hidden = false;
  return row;
}

async function open(row, at) {
  const all = await details();
  const go = (to) => {
    const wrapped = (to + columns.length) % columns.length;
    history.replaceState(null, '', permalink(row.id, columns[wrapped]));
    open(row, wrapped);
  };
  show(dialog, all, Number(row.body.dataset.n), at, go);
  dialog.onkeydown = (event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!step || columns.length < 2 || event.target.closest('pre, .scroll')) return;
    event.preventDefault();
    go(at + step);
  };
  dialog.onclose = () => {
    history.replaceState(null, '', permalink(row.id));
    focusable(row.links[at + 1]);
    row.links[at + 1].focus();
  };
  if (!dialog.open) dialog.showModal();
}

// follow does what the address says: #area/check, #area/check@column, #?query.
function follow() {
  let name = location.hash.slice(1);
  try { name = decodeURIComponent(name); } catch { /* not escaped by us: as it is */ }
  if (name.startsWith('?')) {
    target();
    if (only) onlyDifferences(false);
    search(name.slice(1));
    return;
  }
  const at = columns.findIndex((column) => name.endsWith('@' + column));
  const id = at < 0 ? name : name.slice(0, -columns[at].length - 1);
  const row = target(rows.find((one) => one.id === id));
  if (!row || at < 0) {
    if (dialog.open) dialog.close();
    row?.body.rows[0].cells[0].scrollIntoView({ block: 'nearest' });
    return;
  }
  row.body.rows[0].cells[0].scrollIntoView({ block: 'nearest' });
  open(row, at);
}

table.addEventListener('keydown', (event) => {
  const link = event.target.closest('a.go');
  if (!link || event.ctrlKey || event.metaKey || event.altKey) return;
  const visible = rows.filter((row) => row.visible && !row.body.hidden);
  const up = visible.findIndex((row) => row.body.contains(link));
  const across = visible[up].links.indexOf(link);
  const last = visible[up].links.length - 1;
  const to = {
    ArrowUp: [up - 1, across], ArrowDown: [up + 1, across], ArrowLeft: [up, across - 1], ArrowRight: [up, across + 1],
    Home: [up, 0], End: [up, last], PageUp: [Math.max(up - 10, 0), across], PageDown: [Math.min(up + 10, visible.length - 1), across],
  }[event.key];
  const next = to && visible[to[0]]?.links[to[1]];
  if (!to) return;
  event.preventDefault();
  if (!next) return;
  focusable(next);
  next.focus({ preventScroll: true });
  next.closest('th, td').scrollIntoView({ block: 'nearest', inline: 'nearest' });
});
table.addEventListener('focusin', (event) => { if (event.target.matches('a.go')) focusable(event.target); });
table.addEventListener('click', (event) => {
  const more = event.target.closest('tr.more button');
  if (more) expand(more.closest('tbody'), columns);
});

document.addEventListener('keydown', (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || dialog.open) return;
  const typing = event.target.matches('input');
  if (event.key === '/' && !typing) {
    event.preventDefault();
    filter.focus();
    filter.select();
  } else if (event.key === 'd' && !typing && only) {
    onlyDifferences(!table.classList.contains('only'));
  } else if (event.key === 'Escape' && event.target === filter) {
    if (filter.value) search('');
    else filter.blur();
  } else if (event.key === 'ArrowDown' && event.target === filter) {
    event.preventDefault();
    table.querySelector('a.go[tabindex="0"]')?.focus();
  }
});

filter.addEventListener('input', apply);
filter.addEventListener('change', () => {
  if (filter.value) history.replaceState(null, '', '#?' + encodeURIComponent(filter.value));
});
only?.addEventListener('click', () => onlyDifferences(!table.classList.contains('only')));
document.getElementById('clear').addEventListener('click', () => {
  search('');
  onlyDifferences(false);
});
document.getElementById('queries').addEventListener('click', (event) => {
  const help = document.getElementById('help');
  help.hidden = !help.hidden;
  event.currentTarget.setAttribute('aria-expanded', !help.hidden);
});
dialog.addEventListener('click', (event) => { if (event.target === dialog) dialog.close(); });

// The theme is the system's until somebody chooses another. A browser may refuse to remember.
const theme = document.getElementById('theme');
function look(name) {
  if (name) root.dataset.theme = name;
  else delete root.dataset.theme;
  theme.textContent = { light: 'Light', dark: 'Dark' }[name] || 'Auto';
  theme.setAttribute('aria-label', 'Theme: ' + theme.textContent);
}
let remembered = '';
try { remembered = localStorage.getItem('assay-theme') || ''; } catch { /* as the system has it */ }
look(remembered);
theme.addEventListener('click', () => {
  const next = { '': 'light', light: 'dark', dark: '' }[root.dataset.theme || ''];
  look(next);
  try { localStorage.setItem('assay-theme', next); } catch { /* until the page is closed */ }
});

// The width of the page without its scroll bar, and the height of the bar, which may take two lines.
function measure() {
  root.style.setProperty('--page', root.clientWidth + 'px');
  root.style.setProperty('--bar', document.getElementById('bar').offsetHeight + 'px');
}
new ResizeObserver(measure).observe(document.getElementById('bar'));
addEventListener('resize', measure);
addEventListener('beforeprint', () => { for (const box of document.querySelectorAll('details.fold')) box.open = true; });
addEventListener('hashchange', follow);
measure();
apply();
if (location.hash) follow();
