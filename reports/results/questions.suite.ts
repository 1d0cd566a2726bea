/** Questions in SQL, and what searches for limits leave behind, are the same in every results store. */
import { expect, it } from 'vitest';
import type { CostModelRecord, SearchRecord } from './capacity-records.ts';
import { AWKWARD_TEXT, batchOf, counterRow, runStart, runSummary, START_MS } from './results-fixtures.suite.ts';
import type { ResultsStore } from './results-store.ts';

export function questionsSuite(storeOf: () => ResultsStore): void {
  it('keeps a search for a limit, of which the last state counts', async () => {
    const store = storeOf();
    const begun: SearchRecord = {
      searchId: 'search-1',
      startedAtMs: START_MS,
      axis: 'connections',
      objective: AWKWARD_TEXT,
      low: 400,
      high: null,
      limit: null,
      confidence: null,
      ranOut: '',
      evidence: '',
      complete: false,
      points: [{ level: 400, runId: 'run-1', verdict: 'held' }],
    };
    const ended: SearchRecord = {
      ...begun,
      low: 690.5,
      high: 710,
      limit: 700,
      confidence: 0.95,
      ranOut: 'server-cpu',
      evidence: AWKWARD_TEXT,
      complete: true,
      points: [...begun.points, { level: 800, runId: 'run-2', verdict: 'failed' }],
    };
    const other = { ...begun, searchId: 'search-2', startedAtMs: START_MS + 1, points: [] };
    await store.saveSearch(begun);
    await store.saveSearch(other);
    // States are told apart by the store's own clock, of which a tick is a millisecond.
    await expect.poll(async () => store.saveSearch(ended).then(() => store.listSearches())).toEqual([other, ended]);
    expect(await store.listSearches(1)).toEqual([other]);
    await expect(store.saveSearch({ ...begun, low: Number.NaN })).rejects.toMatchObject({ code: 'failed' });
  });

  it('keeps cost models with the runs that they come from', async () => {
    const store = storeOf();
    const model: CostModelRecord = {
      modelId: 'model-1',
      madeAtMs: START_MS + 123,
      runIds: ['run-1', 'run-2'],
      coefficients: [
        { name: 'server memory per connection', unit: 'bytes', estimate: 7000.25, low: 6900, high: 7100 },
        { name: AWKWARD_TEXT, unit: '', estimate: -0.1, low: -1e300, high: 1e-300 },
      ],
    };
    const older = { ...model, modelId: 'model-0', madeAtMs: START_MS, runIds: [], coefficients: [] };
    await store.saveCostModel(older);
    await store.saveCostModel(model);
    expect(await store.listCostModels()).toEqual([model, older]);
    const broken = { ...model, coefficients: [{ ...model.coefficients[0]!, high: Number.POSITIVE_INFINITY }] };
    await expect(store.saveCostModel(broken)).rejects.toMatchObject({ code: 'failed' });
  });

  it('answers questions in SQL, exactly', async () => {
    const store = storeOf();
    await store.startRun(runStart('asked', { name: 'by name' }));
    await store.write('asked', batchOf({ counters: [counterRow({ value: 5 })] }));
    const sql = `-- anything
      SELECT value, toUInt64(18446744073709551615) AS largest, [toInt64(-7)] AS list, {text:String} AS text, NULL AS nothing
      FROM counters WHERE run_id = {run:String}; `;
    expect(await store.query(sql, { text: AWKWARD_TEXT }, 'by name')).toEqual({
      columns: [
        { name: 'value', type: 'Float64' },
        { name: 'largest', type: 'UInt64' },
        { name: 'list', type: 'Array(Int64)' },
        { name: 'text', type: 'String' },
        { name: 'nothing', type: 'Nullable(Nothing)' },
      ],
      rows: [[5, '18446744073709551615', [-7], AWKWARD_TEXT, null]],
    });
    expect((await store.query(`SELECT ' INSERT INTO x' AS text -- INTO OUTFILE`)).rows).toEqual([[' INSERT INTO x']]);
    expect((await store.query('SELECT 1 WHERE 0')).rows).toEqual([]);
    await expect(store.query('SELECT {run:String}', {}, 'no such run')).rejects.toMatchObject({ code: 'unknown-run' });
  });

  it('says what was judged of a run, and on which machine', async () => {
    const store = storeOf();
    const start = runStart('judged', { environment: { cores: 2, cpu: 'a "fast" one', sharedMachine: true, x: [1] } });
    await store.startRun(start);
    const summary = { ...runSummary(start), validity: { valid: false, reasons: ['slip'] }, notes: [AWKWARD_TEXT] };
    await store.finishRun('judged', summary);
    const { rows } = await store.query(
      `SELECT machine, claim, failures, notes, invalid_reasons, complete
       FROM runs INNER JOIN run_ends USING (run_id) WHERE run_id = {run:String}`,
      { run: 'judged' },
    );
    expect(rows).toEqual([
      [
        { cores: '2', cpu: 'a "fast" one', sharedMachine: 'true', x: '[1]' },
        summary.claim,
        summary.failures,
        [AWKWARD_TEXT],
        ['slip'],
        true,
      ],
    ]);
  });

  it.each([
    ['', /The query is empty/],
    [' -- only a remark\n;', /The query is empty/],
    ['INSERT INTO runs (run_id) VALUES (1)', /only reads/],
    ["INSERT INTO FUNCTION file('x.csv') SELECT 1", /only reads/],
    ["SELECT 1 INTO OUTFILE 'x.csv'", /only reads/],
    ['DROP TABLE runs', /only reads/],
    ['KILL QUERY WHERE 1', /only reads/],
    ['SYSTEM SHUTDOWN', /only reads/],
    ['SET readonly = 0', /only reads/],
    ['SHOW TABLES', /only reads.*SELECT name FROM system\.tables/],
    ['/* x */ -- y\nTRUNCATE TABLE runs', /only reads/],
    ['SELECT 1; DROP TABLE runs', /^A query is one statement/],
    ["SELECT ';'; SELECT 2", /^A query is one statement/],
    ['SELEC 1', /^The query was refused: Syntax error/],
    ['SELECT 1 SETTINGS readonly = 0', /^The query was refused: Cannot modify 'readonly' setting in readonly mode\.$/],
    ['SELECT 1 FORMAT CSV', /no FORMAT/],
    ['SELECT nonsense FROM runs', /^The query was refused: Unknown expression identifier `nonsense`/],
    ['SELECT FROM WHERE', /^The query was refused: Syntax error/],
    ['SELECT {days:UInt32}', /^The query was refused: .*`?days`?/],
  ])('refuses %j in a sentence, and changes nothing', async (sql, said) => {
    const store = storeOf();
    const message = expect.stringMatching(said);
    await expect(store.query(sql)).rejects.toMatchObject({ name: 'ResultsError', code: 'bad-query', message });
    expect((await store.query('SELECT count() > 0 FROM runs')).rows).toEqual([[1]]);
  });
}
