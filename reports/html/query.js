// Queries: what is typed into the filter becomes a function that says whether a row is shown.

const verdicts = ['fail', 'error', 'unsupported', 'skipped', 'info', 'pass'];
const levels = ['must', 'should', 'info'];

// plain is a name as people type it: cri-o is crio too.
const plain = (name) => name.toLowerCase().replace(/[^\p{L}\p{N}]/gu, '');

// compile makes the function for a query; problem says what in it cannot match anything.
function compile(text, columns) {
  const tests = [];
  let problem = '';
  for (let word of text.toLowerCase().match(/(?:[^\s"]|"[^"]*"?)+/g) || []) {
    const turned = word.length > 1 && word.startsWith('-');
    word = (turned ? word.slice(1) : word).replaceAll('"', '');
    const [test, wrong] = term(word, columns);
    problem ||= wrong;
    tests.push(turned ? (row) => !test(row) : test);
  }
  return { matches: (row) => tests.every((test) => test(row)), problem };
}

// term is the test for one word, and what is wrong with it.
function term(word, columns) {
  if (word === 'differs') return [(row) => row.differs, ''];
  if (word === 'same') return [(row) => !row.differs, ''];
  const column = columns.findIndex((name) => word.startsWith(name.toLowerCase() + ':'));
  const colon = column < 0 ? word.indexOf(':') : columns[column].length;
  const name = word.slice(0, Math.max(colon, 0));
  const values = word.slice(colon + 1).split(',').filter((value) => value !== '');
  const any = (holds) => (row) => values.length === 0 || values.some((value) => holds(row, value));
  const known = (list, what) => {
    const unknown = values.find((value) => !list.some((one) => one.startsWith(value)));
    return unknown ? `no ${what} is “${unknown}”` : '';
  };
  switch (colon < 0 || column >= 0 ? '' : name) {
    case 'verdict': return [any((row, value) => row.cells.some((cell) => cell.verdict.startsWith(value))), known(verdicts, 'verdict')];
    case 'level': return [any((row, value) => row.level.startsWith(value)), known(levels, 'level')];
    case 'area': return [any((row, value) => row.area.startsWith(value)), ''];
    case 'check': return [any((row, value) => row.id.toLowerCase().includes(value)), ''];
    case 'denied': return [any((row, value) => row.cells.some((cell) => cell.denied.includes(value))), ''];
  }
  const at = column >= 0 ? column : colon < 1 ? -1 : columns.findIndex((one) => plain(one) === plain(name));
  if (at < 0) return [(row) => row.text.includes(word), ''];
  return [any((row, value) => {
    const cell = row.cells[at];
    return verdicts.some((one) => one.startsWith(value)) ? cell.verdict.startsWith(value) : cell.text.includes(value) || cell.denied.includes(value);
  }), ''];
}

