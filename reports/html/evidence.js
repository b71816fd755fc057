// The evidence: unpacked when it is first asked for, and built of text nodes only.

// h makes an element; attributes whose value is false are left out.
function h(name, attributes, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes || {})) {
    if (key.startsWith('on')) element.addEventListener(key.slice(2), value);
    else if (value !== false && value !== undefined) element.setAttribute(key, value === true ? '' : value);
  }
  element.append(...children.flat(Infinity).filter((child) => child !== '' && child !== undefined && child !== null));
  return element;
}

let unpacked;

// details is the promise of the evidence of all cells.
function details() {
  unpacked ||= (async () => {
    const packed = atob(JSON.parse(document.getElementById('details').textContent));
    const bytes = Uint8Array.from(packed, (character) => character.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream('gzip'));
    return new Response(stream).json();
  })();
  return unpacked;
}

const permalink = (check, column) => '#' + encodeURIComponent(check).replaceAll('%2F', '/') + (column === undefined ? '' : '@' + encodeURIComponent(column));

// textAt is a recorded value of a column: its text, or that it is not there.
function textAt(recorded, column, name) {
  const values = recorded.values[column];
  if (!values) return '';
  return values[name] ? recorded.texts[values[name] - 1] : 'absent';
}

// groups numbers the values of a row: that of the first column is 0.
function groups(texts) {
  const numbers = new Map();
  return texts.map((text) => {
    if (!numbers.has(text)) numbers.set(text, numbers.size);
    return Math.min(numbers.get(text), 3);
  });
}

// valueRow is a row of recorded values.
function valueRow(recorded, name, columns, kind) {
  const texts = columns.map((_, column) => textAt(recorded, column, name));
  const tint = name < recorded.differ ? groups(texts) : texts.map(() => 0);
  return h('tr', { class: kind }, h('th', { scope: 'row' }, recorded.names[name] || 'value'), texts.map((text, column) => h('td', { class: 'g' + tint[column] }, text)));
}

// fold is a text behind a line that opens it; the text is put in when it is.
function fold(title, text, open) {
  const box = h('details', { open: !!open }, h('summary', {}, title));
  const fill = () => { if (box.open && box.children.length === 1) box.append(h('pre', { tabindex: 0 }, text())); };
  box.addEventListener('toggle', fill);
  fill();
  return box;
}

// indented is a JSON document for the eye; what is none, or was cut, stays as it is.
function indented(text) {
  try { return JSON.stringify(JSON.parse(text), null, 2); } catch { return text; }
}

function list(pairs, kind) {
  return h('dl', { class: kind }, pairs.filter(([, value]) => value).map(([name, value]) => [h('dt', {}, name), h('dd', {}, value)]));
}

function trialSection(all, column, trial) {
  const met = trial.met ? (trial.wanted ? 'as wanted' : 'recorded') : 'not as wanted';
  const text = (number) => () => all.documents[number - 1];
  const file = trial.evidence && './' + trial.evidence.split('/').map(encodeURIComponent).join('/');
  const facts = (column.nodes[trial.node] || []);
  return h('section', { class: 'trial' + (trial.met ? '' : ' unmet') },
    h('h3', {}, h('span', { class: 'v ' + (trial.met ? (trial.wanted ? 'pass' : 'info') : 'fail') }, trial.name), h('small', {}, (trial.control ? 'control, ' : '') + met)),
    list([
      ['done', trial.done], ['wanted', trial.wanted], ['observed', trial.seen],
      ['denied by', trial.deniedBy && h('span', {}, h('b', {}, trial.deniedBy), trial.why ? ': ' + trial.why : '')],
      ['where', trial.where], ['filter', trial.filter],
    ]),
    trial.log ? fold('Log', text(trial.log), true) : '',
    trial.pod ? fold('Pod', text(trial.pod)) : '',
    trial.status ? fold('Container status', text(trial.status)) : '',
    trial.document ? fold('Raw document', () => indented(text(trial.document)())) : '',
    facts.length ? fold('Node', () => facts.map(([name, value]) => name + ': ' + value).join('\n')) : '',
    file ? h('p', {}, h('a', { href: file }, trial.evidence)) : '');
}

function recordedTable(recorded, columns) {
  const build = (from, to) => h('div', { class: 'scroll', tabindex: 0, role: 'region', 'aria-label': 'recorded values' }, h('table', { class: 'recorded' },
    h('thead', {}, h('tr', {}, h('td', {}), columns.map((name) => h('th', { scope: 'col' }, name)))),
    h('tbody', {}, recorded.names.slice(from, to).map((_, i) => valueRow(recorded, from + i, columns, '')))));
  const all = recorded.names.length;
  const shown = recorded.differ || Math.min(all, 12);
  const parts = [h('h3', {}, 'Recorded', h('small', {}, columns.length < 2 ? '' : recorded.differ ? `${recorded.differ} of ${all} values differ` : all > 1 ? 'the columns agree' : '')), build(0, shown)];
  if (all > shown) {
    const rest = h('details', {}, h('summary', {}, `${all - shown} more${recorded.differ ? ', on which the columns agree' : ''}`));
    rest.addEventListener('toggle', () => { if (rest.children.length === 1) rest.append(build(shown, all)); });
    parts.push(rest);
  }
  if (recorded.leftOut) parts.push(h('p', { class: 'soft' }, `${recorded.leftOut} more values are in results.json.`));
  return parts;
}

function copyButton(text) {
  const button = h('button', { type: 'button' }, 'Copy');
  button.addEventListener('click', async () => {
    try {
      await navigator.clipboard.writeText(text);
      button.textContent = 'Copied';
    } catch {
      getSelection().selectAllChildren(button.previousElementSibling);
    }
  });
  return button;
}

// show fills the dialog with the evidence of a cell. Go is called with the number of another column.
function show(dialog, all, number, at, go) {
  const check = all.checks[number];
  const columns = all.columns.map((column) => column.name);
  const column = all.columns[at];
  const cell = check.cells[at];
  const link = (name, i) => h('a', {
    href: permalink(check.id, name), 'aria-current': i === at && 'true',
    onclick: (event) => { event.preventDefault(); go(i); },
  }, h('span', { class: 'v ' + check.cells[i].verdict }, name));
  dialog.replaceChildren(
    h('header', {},
      h('h2', { id: 'title', tabindex: -1, autofocus: true }, check.id),
      h('p', {}, check.claim, ' ', h('small', { class: 'level ' + check.level }, check.level), ' ', check.source ? h('a', { href: check.source, target: '_blank', rel: 'noopener noreferrer' }, 'Source') : ''),
      h('button', { type: 'button', class: 'close', 'aria-label': 'Close', onclick: () => dialog.close() }, '✕'),
      h('nav', { 'aria-label': 'Columns' }, columns.map(link))),
    h('div', {},
      h('p', { class: 'verdict' }, h('span', { class: 'v ' + cell.verdict }, cell.verdict), cell.reason || ''),
      h('p', { class: 'soft' }, [column.title, cell.took, cell.attempts > 1 && cell.attempts + ' attempts'].filter(Boolean).join(' · ')),
      cell.nodes ? [h('h3', {}, 'Nodes'), h('ul', {}, cell.nodes.map((answer) => h('li', {}, answer)))] : '',
      cell.earlier ? [h('h3', {}, 'Earlier attempts'), h('ul', {}, cell.earlier.map((reason) => h('li', {}, reason)))] : '',
      cell.history ? [h('h3', {}, 'Earlier runs'), h('ol', { class: 'history' }, cell.history.map((past) => h('li', { class: 'v ' + past.verdict, title: past.when }, past.verdict)))] : '',
      check.recorded ? recordedTable(check.recorded, columns) : '',
      cell.trials ? [h('h3', {}, 'Trials'), cell.trials.map((trial) => trialSection(all, column, trial))] : '',
      cell.leftOut ? h('p', { class: 'soft' }, `${cell.leftOut} more trials are in results.json.`) : '',
      cell.rerun ? [h('h3', {}, 'Run just this again'), h('div', { class: 'rerun' }, h('pre', { tabindex: 0 }, cell.rerun), copyButton(cell.rerun))] : '',
      column.config ? [h('h3', {}, 'Configuration of the column'), column.config.map((file) => fold(file.name, () => all.documents[file.document - 1] || ''))] : ''));
  dialog.querySelector('[aria-current]').scrollIntoView({ block: 'nearest', inline: 'nearest' });
  dialog.scrollTop = 0;
}

// expand shows all recorded values of a check in the matrix, those that differ first, or hides them.
async function expand(body, columns) {
  const more = body.querySelector('tr.more');
  const button = more.querySelector('button');
  const open = button.getAttribute('aria-expanded') !== 'true';
  button.setAttribute('aria-expanded', open);
  for (const row of body.querySelectorAll('tr.value:not(.all)')) row.hidden = open;
  if (!open) {
    for (const row of body.querySelectorAll('tr.all')) row.remove();
    more.querySelector('th').replaceChildren(button);
    return;
  }
  const recorded = (await details()).checks[body.dataset.n].recorded;
  const rows = recorded.names.map((_, i) => valueRow(recorded, i, columns, 'value all'));
  const texts = rows.map((row) => row.textContent.toLowerCase());
  const agree = recorded.names.length - recorded.differ;
  const filter = h('input', { type: 'search', placeholder: 'Filter the values', 'aria-label': 'Filter the values' });
  const both = h('input', { type: 'checkbox' });
  both.checked = recorded.differ === 0;
  const narrow = () => rows.forEach((row, i) => {
    row.hidden = filter.value ? !texts[i].includes(filter.value.toLowerCase()) : i >= recorded.differ && !both.checked;
  });
  filter.addEventListener('input', narrow);
  both.addEventListener('change', narrow);
  more.querySelector('th').append(filter, recorded.differ && agree ? h('label', {}, both, ` with the ${agree} on which all agree`) : '');
  narrow();
  more.after(...rows);
}

