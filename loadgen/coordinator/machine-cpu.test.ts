import { expect, it } from 'vitest';
import { MachineCpu } from './machine-cpu.ts';

const stat = (ticks: number[]): string =>
  `cpu  ${ticks.join(' ')}\ncpu0 1 0 0 0 0 0 0 0 0 0\ncpu1 1 0 0 0 0 0 0 0 0 0\nintr 12 0\n`;

const valuesOf = (cpu: MachineCpu) => cpu.gauges(5).map(({ metric, value }) => [metric, Number(value.toFixed(3))]);

it('tells the cores in use and stolen since it was last asked, idle and waiting for disks left out', () => {
  let text = stat([100, 10, 50, 800, 40, 0, 0, 0, 7, 0]);
  const cpu = new MachineCpu(() => text);
  text = stat([150, 10, 60, 900, 50, 5, 5, 20, 7, 0]);
  expect(valuesOf(cpu)).toEqual([
    ['machine_cpu', 0.9],
    ['machine_stolen_cpu', 0.2],
  ]);
  expect(valuesOf(cpu), 'no time has passed').toEqual([]);
  text = stat([250, 10, 60, 1000, 50, 5, 5, 20, 7, 0]);
  expect(valuesOf(cpu)[0]).toEqual(['machine_cpu', 1]);
});

it('says nothing where the kernel does not tell', () => {
  const cpu = new MachineCpu(() => {
    throw new Error('ENOENT');
  });
  expect(cpu.gauges(0)).toEqual([]);
  expect(new MachineCpu(() => 'nothing').gauges(0)).toEqual([]);
});
