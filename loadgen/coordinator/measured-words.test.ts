import { expect, it } from 'vitest';
import { measuredWords } from './measured-words.ts';

it.each([
  ['delivery_latency', 'p(99)<100', 241.93, '241.9 ms'],
  ['delivery_latency{scenario:groups}', 'p(99)<100', 5, '5 ms'],
  ['http_req_failed', 'rate<0.01', 0.025, '2.5%'],
  ['messages_sent', 'rate>20', 18, '18/s'],
  ['messages_sent', 'count<10', 1_234, '1,234'],
  ['server_loop_delay', 'value<10', 12, '12 ms'],
  ['server_memory_bytes_per_connection', '<8000', 9_100, '9.1 kB'],
  ['server_cpu', 'max<1', 1.5, '1.5 cores'],
])('%s %s: %d is %s', (metric, threshold, value, words) => {
  expect(measuredWords(metric, threshold, value)).toBe(words);
});
