/** Which metrics a run is to produce, as its plan tells, and what that means for its thresholds. Pure. */
import type { MetricName } from '../recorder/metrics.ts';
import type { Threshold } from '../recorder/thresholds.ts';
import type { LoadPlan } from './plan.ts';

type Traffic = Pick<LoadPlan, 'rate' | 'streams' | 'blocks' | 'groups' | 'http' | 'presenceContacts' | 'faults'>;

/** A condition that some metrics depend on. */
interface Condition {
  metrics: readonly MetricName[];
  holds: (traffic: Traffic) => boolean;
  /** `this run …` */
  otherwise: string;
  /** Where it holds, samples are sure to come. */
  certain: boolean;
}

const CONDITIONS: readonly Condition[] = [
  { metrics: ['connect_latency'], holds: () => true, otherwise: '', certain: true },
  {
    metrics: [
      ...(['sent_latency', 'sent_latency_service', 'send_slip'] as const),
      ...(['delivered_latency', 'delivered_latency_service'] as const),
    ],
    holds: (traffic) => sends(traffic),
    otherwise: 'sends no messages',
    certain: true,
  },
  {
    metrics: ['delivery_latency', 'delivery_latency_service'],
    holds: (traffic) => sends(traffic) && traffic.streams.some(({ to }) => to === 'user'),
    otherwise: 'sends no messages to single users (those to groups are fanout_latency)',
    certain: true,
  },
  {
    metrics: ['server_cpu_microseconds_per_message'],
    holds: (traffic) => sends(traffic),
    otherwise: 'sends no messages',
    certain: false,
  },
  {
    metrics: ['fanout_latency', 'fanout_last_latency'],
    holds: ({ streams }) => streams.some(({ to }) => to === 'group'),
    otherwise: 'sends nothing to groups',
    certain: false,
  },
  {
    metrics: ['resume_latency'],
    holds: ({ blocks, faults }) =>
      faults.length > 0 || blocks.some(({ online, turnover }) => online !== null || turnover.length > 0),
    otherwise: 'has nobody leave and come back',
    certain: false,
  },
  {
    metrics: ['http_req_duration', 'http_req_failed'],
    holds: ({ http }) => http !== null,
    otherwise: 'makes no HTTP calls',
    certain: true,
  },
  { metrics: ['http_reqs'], holds: ({ http }) => http !== null, otherwise: 'makes no HTTP calls', certain: false },
  {
    metrics: ['presence_updates'],
    holds: ({ presenceContacts }) => presenceContacts > 0,
    otherwise: 'watches nobody’s presence',
    certain: false,
  },
  {
    metrics: ['fault_recovery_seconds'],
    holds: ({ faults }) => faults.length > 0,
    otherwise: 'has no faults',
    certain: false,
  },
];

/** thresholds-evaluation.ts, in words. */
const WITHOUT_SAMPLES = {
  trend: 'holds if nothing is measured',
  rate: 'holds if nothing is measured',
  counter: 'sees 0',
  gauge: 'cannot be judged and fails',
} as const;

/** Metrics that a run without samples of them did not measure what it was to measure. */
export function expectedMetrics(traffic: Traffic): Set<MetricName> {
  return new Set(
    CONDITIONS.filter(({ certain, holds }) => certain && holds(traffic)).flatMap(({ metrics }) => metrics),
  );
}

/** A sentence for each threshold that says nothing about this run. */
export function thresholdRemarks(thresholds: readonly Threshold[], traffic: Traffic): string[] {
  return thresholds.flatMap(({ metric, source, aggregation, operator, limit, windowMs, tags }) => {
    const written = `The threshold ${metric} ${source}`;
    const condition = CONDITIONS.find(({ metrics, holds }) => metrics.includes(aggregation.name) && !holds(traffic));
    if (condition) {
      return [`${written} ${WITHOUT_SAMPLES[aggregation.type]}: this run ${condition.otherwise}.`];
    }
    const stream = traffic.streams.find(({ name }) => name === tags.scenario);
    if (stream?.to === 'group' && aggregation.name.startsWith('delivery_latency'))
      return [`${written} fails for want of samples: deliveries to groups are fanout_latency.`];
    if (aggregation.type === 'rate' && limit > 1 && operator.startsWith('<'))
      return [`${written} always holds: a rate is a share from 0 to 1.`];
    if (windowMs !== null && aggregation.name === 'messages_lost')
      return [`${written} always sees 0: what was lost is known at the end, for the run as a whole.`];
    if (tags.phase === 'connect' && aggregation.name !== 'connect_latency' && aggregation.type === 'trend')
      return [`${written} holds if nothing is measured: nothing is sent in the connect phase.`];
    return [];
  });
}

/** Closed streams have no rate of their own. */
function sends({ rate, streams }: Traffic): boolean {
  return rate > 0 || streams.some(({ pace }) => pace.model === 'closed');
}
