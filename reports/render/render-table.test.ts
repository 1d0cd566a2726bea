import { expect, it } from 'vitest';
import { renderTable, renderTableCsv, renderTableJson } from './render-table.ts';

const answer = {
  columns: [
    { name: 'agent', type: 'String' },
    { name: 'p99_ms', type: 'Nullable(Float64)' },
    { name: 'tags', type: 'Map(String, UInt8)' },
  ],
  rows: [
    ['=agent-0, "x"\u001b[2J', 0.1 + 0.2, { a: 1 }],
    ['b', null, {}],
  ],
};

it('is aligned for the terminal, which nothing in it can steer', () => {
  expect(renderTable(answer)).toBe(
    ['agent          p99_ms  tags', '=agent-0, "x"     0.3  {"a":1}', 'b                   –  {}', ''].join('\n'),
  );
  expect(renderTable({ ...answer, rows: [] })).toBe('agent  p99_ms  tags\n(no rows)\n');
});

it('is exact for programs', () => {
  expect(JSON.parse(renderTableJson(answer))).toEqual([
    { agent: '=agent-0, "x"\u001b[2J', p99_ms: 0.1 + 0.2, tags: { a: 1 } },
    { agent: 'b', p99_ms: null, tags: {} },
  ]);
});

it('is CSV that no spreadsheet runs', () => {
  expect(renderTableCsv(answer)).toBe(
    'agent,p99_ms,tags\n"\'=agent-0, ""x""\u001b[2J",0.30000000000000004,"{""a"":1}"\nb,,{}\n',
  );
});
