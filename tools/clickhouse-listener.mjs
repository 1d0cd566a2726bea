/**
 * A ClickHouse server out of chDB: the library that `--results chdb:` loads holds clickhouse-local, HTTP listener included.
 * Nobody promises that it will stay so. It is for tests and for trying, never for production.
 *
 *     node tools/clickhouse-listener.mjs <port> <data directory> [config file]
 *
 * Listens on 127.0.0.1 until its standard input closes. The engine keeps the only thread busy: no JavaScript runs
 * meanwhile, so signals have their default effect, and whoever wants the server to end closes its standard input.
 */
import { libchdbPath } from 'chdb/libchdb';
import { DataType, load, open } from 'ffi-rs';

const [port, data, config] = process.argv.slice(2);
const args = [
  'clickhouse',
  '--listen_host=127.0.0.1',
  `--http_port=${port}`,
  `--path=${data}`,
  ...(config ? [`--config-file=${config}`] : []),
  // The second statement ends with standard input, and with it the listener.
  "--query=SYSTEM START LISTEN HTTP; SELECT count() FROM file('-', LineAsString)",
];

open({ library: 'libchdb', path: libchdbPath() });
load({
  library: 'libchdb',
  // (int argc, char ** argv) → local_result_v2 *
  funcName: 'query_stable_v2',
  retType: DataType.External,
  paramsType: [DataType.I32, DataType.StringArray],
  paramsValue: [args.length, args],
});
process.exit();
